"""A session in formats that other tools read: tables, RTTM, subtitles.

>>> from pipeline.exports import FORMATS
>>> sorted(FORMATS)
['csv', 'json', 'parquet', 'rttm', 'srt', 'vtt']
"""

from collections.abc import Mapping, Sequence

from pipeline.core.errors import ConfigError
from pipeline.core.registry import nearest
from pipeline.core.tables import Recording, Tables
from pipeline.exports import tabular, timed

FORMATS: Mapping[str, str] = {
    "csv": "tables; a list in a cell is JSON, an empty cell is null",
    "parquet": "tables, exactly as stored",
    "json": "tables as lists of records",
    "rttm": "who spoke when, from turns or spans",
    "vtt": "the transcript as WebVTT, from turns",
    "srt": "the transcript as SubRip, from turns",
}
"""What each format contains."""


def export(
    recording: Recording, tables: Tables, names: Sequence[str], fmt: str
) -> dict[str, bytes]:
    """Files of a session, by file name.

    Parameters
    ----------
    names
        Tables to write; empty or "all": every table of the session. RTTM uses only ``turns`` and
        ``spans`` of them, subtitles only ``turns``; if none of these is named, ``turns``.
    fmt
        One of `FORMATS`.

    Raises
    ------
    ConfigError
        Unknown format or table, a table that this session does not have, or no transcript.
    """
    if fmt not in FORMATS:
        raise ConfigError(f"unknown format '{fmt}'", expected=nearest(fmt, FORMATS))
    picked = chosen(names, tables)
    if fmt in timed.SOURCES:
        sources = [name for name in picked if names and name in timed.SOURCES[fmt]]
        return {
            f"{name}.{fmt}": timed.encode(recording, tables, name, fmt).encode("utf-8")
            for name in sources or ["turns"]
        }
    return {f"{name}.{fmt}": tabular.encode(tables[name], fmt) for name in picked}


def chosen(names: Sequence[str], tables: Tables) -> list[str]:
    """`names`, each once; without any, or with "all", every table that a session has.

    Raises
    ------
    ConfigError
        A name is that of no table, or the session has no such table.
    """
    present = [name for name in tabular.NAMES if name in tables]
    if not names or "all" in names:
        return present
    for name in names:
        if name not in tabular.NAMES:
            raise ConfigError(f"unknown table '{name}'", expected=nearest(name, tabular.NAMES))
        if name not in tables:
            raise ConfigError(f"this session has no table '{name}'", expected=", ".join(present))
    return list(dict.fromkeys(names))
