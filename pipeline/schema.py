"""A table's shape: columns with unit and meaning of null, and `Schema.conform`."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from pipeline.errors import StoreError


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

    def empty(self) -> pl.DataFrame:
        """A frame without rows."""
        return pl.DataFrame(schema={column.name: column.dtype for column in self.columns})

    def frame(self, rows: Iterable[dict[str, object]]) -> pl.DataFrame:
        """A conforming frame of `rows`; a key that a row lacks is null.

        Raises
        ------
        StoreError
            As `conform`, or a row has a key that is no column.
        """
        rows = list(rows)
        types = {column.name: column.dtype for column in self.columns}
        unknown = sorted({key for row in rows for key in row} - types.keys())
        if unknown:
            raise self._other_columns([], unknown)
        try:
            frame = pl.DataFrame(rows, schema=types, orient="row")
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
            A column is missing or unknown, a type does not cast, a null or NaN stands where none
            may, a value is not an allowed one, or a row fails a check. The message names table,
            column and count, never a value.
        """
        missing = [name for name in self.names if name not in frame.columns]
        unknown = [name for name in frame.columns if name not in self.names]
        if missing or unknown:
            raise self._other_columns(missing, unknown)
        try:
            frame = frame.select(pl.col(c.name).cast(c.dtype) for c in self.columns)
        except pl.exceptions.PolarsError:
            types = ", ".join(f"{n}: {t}" for n, t in frame.schema.items())
            raise StoreError(
                f"table '{self.name}' has columns of other types ({types})",
                expected=", ".join(f"{c.name}: {c.dtype}" for c in self.columns),
            ) from None
        for column in self.columns:
            self._check_column(frame[column.name], column)
        for text, check in self.checks:
            failed = frame.filter(~check.fill_null(value=True)).height
            if failed:
                raise StoreError(f"table '{self.name}': {failed} rows fail '{text}'")
        return frame

    def _other_columns(self, missing: list[str], unknown: list[str]) -> StoreError:
        return StoreError(
            f"table '{self.name}' lacks columns {missing} and has unknown columns {unknown}",
            expected=", ".join(self.names),
        )

    def _check_column(self, values: pl.Series, column: Column) -> None:
        where = f"table '{self.name}', column '{column.name}'"
        nulls = values.null_count()
        if nulls and not column.null:
            raise StoreError(f"{where}: {nulls} nulls where none may stand")
        if values.dtype.is_float():
            bad = int((~values.drop_nulls().is_finite()).sum())
            if bad:
                raise StoreError(
                    f"{where}: {bad} values are NaN or infinite",
                    expected="null for what could not be measured",
                )
        if column.allowed:
            bad = int((~values.drop_nulls().is_in(column.allowed)).sum())
            if bad:
                raise StoreError(
                    f"{where}: {bad} values are not allowed",
                    expected=", ".join(column.allowed),
                )
