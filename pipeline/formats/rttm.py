"""RTTM, who spoke when (NIST, Rich Transcription 2009 evaluation plan, appendix A).

``SPEAKER <file> <channel> <start s> <length s> <NA> <NA> <speaker> <confidence> <NA>``; lines of
other types, comments (``;;``) and blank lines say nothing about who spoke, and are passed over.
"""

import re

import polars as pl

from pipeline.formats.repairs import Repairs
from pipeline.formats.text import Problems, decode, ms_of_seconds
from pipeline.schema import Column, Schema

SEGMENTS = Schema(
    "segments",
    (
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after"),
        Column("speaker", pl.String, "speaker label"),
        Column("confidence", pl.Float32, "0-1", null="the file gives none"),
    ),
    (
        ("start_ms >= 0", pl.col("start_ms") >= 0),
        ("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),
    ),
)

_FIELDS = "SPEAKER FILE CHANNEL START LENGTH <NA> <NA> LABEL <NA> <NA>"
_TYPES = frozenset(
    {"SPEAKER", "SPKR-INFO", "SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX"}
    | {"NON-SPEECH", "FILLER", "EDIT", "IP", "SU", "CB", "A/P"}
)
_UP_TO_LABEL = 8


def read(data: bytes | str, repairs: Repairs | None = None) -> pl.DataFrame:
    """Table `SEGMENTS` of a file, in the file's order; overlapping segments stay.

    Raises
    ------
    InputError
        All lines that cannot be used, or segments of more than one recording.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("an RTTM")
    rows: list[dict[str, object]] = []
    recordings: set[str] = set()
    for number, line in enumerate(decode(data).split("\n"), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if fields[0].upper() not in _TYPES:
            problems.add(number, "a line of no known type", _FIELDS)
        elif fields[0].upper() == "SPEAKER":
            row = _row(number, fields, problems)
            if row:
                rows.append(row)
                recordings.add(fields[1])
    if len(recordings) > 1:
        problems.add("the file", f"segments of {len(recordings)} recordings", "one recording")
    if not rows and not problems.found:
        problems.add("the file", "no SPEAKER line", _FIELDS)
    problems.stop()
    return SEGMENTS.frame(rows)


def write(segments: pl.DataFrame, recording: str) -> str:
    """`segments` (start_ms, end_ms, speaker, optionally confidence) as RTTM.

    White space is the separator of the format: within `recording` and labels it becomes ``_``.
    """
    if "confidence" not in segments.columns:
        segments = segments.with_columns(confidence=pl.lit(None, pl.Float32))
    rows = SEGMENTS.conform(segments.select(SEGMENTS.names)).iter_rows()
    return "".join(
        f"SPEAKER {_word(recording)} 1 {start_ms / 1000:.3f} {(end_ms - start_ms) / 1000:.3f} "
        f"<NA> <NA> {_word(speaker)} {'<NA>' if sure is None else f'{sure:.6g}'} <NA>\n"
        for start_ms, end_ms, speaker, sure in rows
    )


def _row(number: int, fields: list[str], problems: Problems) -> dict[str, object] | None:
    if len(fields) < _UP_TO_LABEL:
        problems.add(number, f"{len(fields)} fields", _FIELDS)
        return None
    start_ms, end_ms = ms_of_seconds(fields[3]), _end_ms(fields[3], fields[4])
    if start_ms is None or end_ms is None:
        problems.add(number, "no start or length in fields 4 and 5", "seconds, from 0 on")
        return None
    if fields[7] == "<NA>":
        problems.add(number, "no speaker in field 8", "a label")
        return None
    return {
        "start_ms": start_ms,
        "end_ms": max(end_ms, start_ms + 1),
        "speaker": fields[7],
        "confidence": _confidence(fields[8]) if len(fields) > _UP_TO_LABEL else None,
    }


def _end_ms(start: str, length: str) -> int | None:
    """The end is rounded as a sum: touching segments of the file still touch."""
    if ms_of_seconds(start) is None or ms_of_seconds(length) is None:
        return None
    return ms_of_seconds(repr(float(start) + float(length)))


def _confidence(text: str) -> float | None:
    """A confidence of 0-1; some tools write other scores there, and those say nothing to us."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _word(text: str) -> str:
    return re.sub(r"\s+", "_", text)
