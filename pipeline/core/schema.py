"""Schemas of tables: columns with units and the meaning of null, and `Schema.conform`."""

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
        Ends in its unit if it has one (``_ms``, ``_hz``, ``_dbfs``, ``_db``).
    dtype
        Polars type.
    means
        Meaning of a value, in one plain clause.
    null
        Meaning of null; empty if null is not allowed.
    allowed
        The only allowed values; empty: any.
    """

    name: str
    dtype: DataType | DataTypeClass
    means: str
    null: str = ""
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """Columns of a table, and checks that each row must pass."""

    name: str
    columns: tuple[Column, ...]
    checks: tuple[tuple[str, pl.Expr], ...] = field(default=(), compare=False)

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    def only(self, names: Collection[str] | None) -> "Schema":
        """The schema with these columns alone; None: all columns."""
        if names is None:
            return self
        return Schema(self.name, tuple(each for each in self.columns if each.name in names))

    def empty(self) -> pl.DataFrame:
        """A frame without rows."""
        return self._empty.clone()

    def frame(self, rows: Iterable[dict[str, object]]) -> pl.DataFrame:
        """A conforming frame of `rows`; a missing key is null.

        Raises
        ------
        StoreError
            As for `conform`, or a row has a key that is not a column.
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
            As for `conform`.
        """
        try:
            series = [_series(n, values, self._types.get(n)) for n, values in columns.items()]
            frame = pl.DataFrame(series)
        except (pl.exceptions.PolarsError, TypeError, OverflowError):
            # The message of polars quotes the value, which may be a spoken word.
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
            As for `shaped`; or there is a null or NaN where none is allowed, a value that is not
            allowed, or a row that fails a check. The message names table, column and count, never a
            value.
        """
        frame = self.shaped(frame)
        counts = frame.select(fault.bad.alias(fault.message) for fault in self._faults).row(0)
        for fault, bad in zip(self._faults, counts, strict=True):
            if bad:
                message = f"table '{self.name}'{fault.message.format(bad=bad)}"
                raise StoreError(message, expected=fault.expected)
        return frame

    def shaped(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` with this schema's columns, types and order; values are not checked.

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
        """Everything that may be wrong with values, counted in one pass: most tables are small."""
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
    """A column. Lists and structs are built flat: polars is ten times slower with nested values."""
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
    """A frame split into consecutive parts of `heights` rows: building many as one is faster."""
    heights = list(heights)
    starts = accumulate(heights, initial=0)
    return [frame[start : start + height] for start, height in zip(starts, heights, strict=False)]


@dataclass(frozen=True)
class _Fault:
    """What may be wrong with a table's values, and how it is reported.

    Attributes
    ----------
    bad
        Number of values or rows that are wrong.
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
        yield _Fault(values.null_count(), f"{where} nulls where none are allowed")
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
