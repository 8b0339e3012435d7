"""Tables as CSV, Parquet and JSON.

Parquet and JSON keep the values exactly. Spreadsheets read CSV and run a cell that begins with
``= + - @`` as a formula, quoted or not; a transcript may begin that way by chance or by intent.
Such cells of text columns get a leading apostrophe, which spreadsheets hide and read as "this is
text" (`formats.transcript_csv.live` removes it). Numbers are left alone: -77 is a number.
"""

import io
import json
from collections.abc import Callable, Mapping

import polars as pl

from pipeline.core.tables import SCHEMAS
from pipeline.formats.tables.transcript_csv import inert

NAMES = tuple(SCHEMAS)
"""Tables that can be exported."""


def encode(table: pl.DataFrame, fmt: str) -> bytes:
    """`table` in the format `fmt`: csv, parquet or json."""
    return _ENCODERS[fmt](table)


def _csv(table: pl.DataFrame) -> bytes:
    """UTF-8, comma, a header; null is an empty cell, an empty text is ``""``.

    A byte order mark comes first; without it Excel reads UTF-8 as a Windows encoding.
    """
    nested = [name for name, dtype in table.schema.items() if dtype.is_nested()]
    table = table.with_columns(inert(pl.col(pl.String)))
    table = table.with_columns(
        pl.Series(name, [_json_of(value) for value in table[name].to_list()], dtype=pl.String)
        for name in nested
    )
    return table.write_csv(include_bom=True).encode("utf-8")


def _json_of(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _parquet(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_parquet(out)
    return out.getvalue()


def _json(table: pl.DataFrame) -> bytes:
    """A list of records, one on each line, so that diffs are readable; null stays null."""
    records = (json.dumps(record, ensure_ascii=False) for record in table.iter_rows(named=True))
    return ("[\n" + ",\n".join(records) + "\n]\n").encode("utf-8")


_ENCODERS: Mapping[str, Callable[[pl.DataFrame], bytes]] = {
    "csv": _csv,
    "parquet": _parquet,
    "json": _json,
}
