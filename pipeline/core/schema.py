"""A table's shape: columns with unit and meaning of null, and `Schema.conform`."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import polars as pl
from polars.datatypes import DataType, DataTypeClass

from pipeline.core.errors import StoreError


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name
        With its unit as ending where it has one (``_ms``, ``_hz``, ``_dbfs``, ``_db``).
    dtype
        Polars type.
    means
        One plain clause: what a value says.
    null
        What null means; empty where null is refused.
    allowed
        The only values that may stand; empty for any.
    """

    name: str
    dtype: DataType | DataTypeClass
    means: str
    null: str = ""
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """A table's columns and the conditions that each of its rows fulfils."""

    name: str
    columns: tuple[Column, ...]
    checks: tuple[tuple[str, pl.Expr], ...] = field(default=(), compare=False)

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    def only(self, names: Collection[str] | None) -> "Schema":
        """These columns alone; None: all."""
        if names is None:
            return self
        return Schema(self.name, tuple(each for each in self.columns if each.name in names))

    def empty(self) -> pl.DataFrame:
        """A frame without rows."""
        return self._empty.clone()

    def frame(self, rows: Iterable[dict[str, object]]) -> pl.DataFrame:
        """A conforming frame of `rows`; a key that a row lacks is null.

        Raises
        ------
        StoreError
            As `conform`, or a row has a key that is no column.
        """
        rows = list(rows)
        unknown = sorted({key for row in rows for key in row} - self._types.keys())
        if unknown:
            raise self._other_columns([], unknown)
        if not rows:
            return self.empty()
        return self.of({name: [row.get(name) for row in rows] for name in self._types})

    def of(self, columns: Mapping[str, Sequence[object]]) -> pl.DataFrame:
        """A conforming frame of `columns`.

        Raises
        ------
        StoreError
            As `conform`.
        """
        try:
            made = [_series(n, values, self._types.get(n)) for n, values in columns.items()]
            frame = pl.DataFrame(made)
        except (pl.exceptions.PolarsError, TypeError, OverflowError):
            # polars quotes the value, which may be somebody's word.
            raise StoreError(
                f"table '{self.name}' has rows of other types",
                expected=", ".join(f"{c.name}: {c.dtype}" for c in self.columns),
            ) from None
        return self.conform(frame)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` with this schema's columns, types and order.

        Raises
        ------
        StoreError
            As `shaped`, or a null or NaN stands where none may, a value is not an allowed one, or a
            row fails a check. The message names table, column and count, never a value.
        """
        frame = self.shaped(frame)
        counts = frame.select(fault.bad.alias(fault.message) for fault in self._faults).row(0)
        for fault, bad in zip(self._faults, counts, strict=True):
            if bad:
                message = f"table '{self.name}'{fault.message.format(bad=bad)}"
                raise StoreError(message, expected=fault.expected)
        return frame

    def shaped(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` with this schema's columns, types and order; its values are not looked at.

        Raises
        ------
        StoreError
            A column is missing or unknown, or a type does not cast.
        """
        missing = [name for name in self._types if name not in frame.columns]
        unknown = [name for name in frame.columns if name not in self._types]
        if missing or unknown:
            raise self._other_columns(missing, unknown)
        try:
            if frame.schema != self._types:
                frame = frame.select(pl.col(c.name).cast(c.dtype) for c in self.columns)
        except pl.exceptions.PolarsError:
            types = ", ".join(f"{n}: {t}" for n, t in frame.schema.items())
            raise StoreError(
                f"table '{self.name}' has columns of other types ({types})",
                expected=", ".join(f"{c.name}: {c.dtype}" for c in self.columns),
            ) from None
        return frame

    @cached_property
    def _empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self._types)

    @cached_property
    def _types(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @cached_property
    def _faults(self) -> tuple["_Fault", ...]:
        """All that may be wrong with values, to be counted in one go: most tables are small."""
        return (
            *(fault for column in self.columns for fault in _faults(column)),
            *(
                _Fault((~check.fill_null(value=True)).sum(), f": {{bad}} rows fail '{text}'")
                for text, check in self.checks
            ),
        )

    def _other_columns(self, missing: list[str], unknown: list[str]) -> StoreError:
        return StoreError(
            f"table '{self.name}' lacks columns {missing} and has unknown columns {unknown}",
            expected=", ".join(self.names),
        )


def _series(name: str, values: Sequence[Any], dtype: DataType | DataTypeClass | None) -> pl.Series:
    """A column. Lists and structs go in flat: polars takes ten times as long over nested values."""
    if isinstance(dtype, pl.Struct):
        fields = [
            _series(field.name, [value.get(field.name) for value in values], field.dtype)
            for field in dtype.fields
        ]
        return pl.DataFrame(fields).to_struct(name)
    if not isinstance(dtype, pl.List) or None in values:
        return pl.Series(name, values, dtype)
    flat = _series(name, [inner for value in values for inner in value], dtype.inner)
    rows = np.arange(len(values))
    inner = pl.DataFrame([pl.Series("row", np.repeat(rows, [len(v) for v in values])), flat])
    lists = inner.group_by("row", maintain_order=True).agg(name)
    whole = pl.DataFrame({"row": rows}).join(lists, on="row", how="left", maintain_order="left")
    return whole[name].fill_null(pl.lit([], dtype))


def split(frame: pl.DataFrame, heights: Iterable[int]) -> list[pl.DataFrame]:
    """The first rows of a frame, those after them, and so on: many are made faster as one."""
    heights = list(heights)
    starts = accumulate(heights, initial=0)
    return [frame[start : start + height] for start, height in zip(starts, heights, strict=False)]


@dataclass(frozen=True)
class _Fault:
    """What may be wrong with a table's values, and how it is told.

    Attributes
    ----------
    bad
        How many values or rows are wrong.
    message
        With ``{bad}`` for that number.
    """

    bad: pl.Expr
    message: str
    expected: str = ""


def _faults(column: Column) -> Iterator[_Fault]:
    where = f", column '{column.name}': {{bad}}"
    values = pl.col(column.name)
    if not column.null:
        yield _Fault(values.null_count(), f"{where} nulls where none may stand")
    if column.dtype.is_float():
        yield _Fault(
            (~values.is_finite()).sum(),
            f"{where} values are NaN or infinite",
            "null for what could not be measured",
        )
    if column.allowed:
        allowed = pl.lit(pl.Series(column.allowed))
        yield _Fault(
            (~values.is_in(allowed.implode())).sum(),
            f"{where} values are not allowed",
            ", ".join(column.allowed),
        )
