"""RTTM, who spoke when (NIST, Rich Transcription 2009 evaluation plan, appendix A).

``SPEAKER <file> <channel> <start s> <length s> <NA> <NA> <speaker> <confidence> <NA>``; lines of
other types, comments (``;;``) and blank lines say nothing about who spoke, and are skipped.

White space parts the fields, yet people write "Speaker 1": fields are counted from both ends, so
files and speakers may hold spaces. A number behind a label whose line lacks fields could belong
to either; where it would tell speakers apart, the file is refused.
"""

import re
from dataclasses import dataclass

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.schema import Column, Schema
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import Problems, decode, ms_of_seconds

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
_BEFORE_LABEL = ["<NA>", "<NA>"]
_SEGMENTS_WITHOUT_LENGTH = "Segments without length, skipped"
_UNREADABLE = "Lines of the diarization that cannot be used, skipped"


def read(data: bytes | str, repairs: Repairs | None = None) -> pl.DataFrame:
    """Table `SEGMENTS` of a file, in the file's order; overlapping segments stay.

    Raises
    ------
    InputError
        All lines that cannot be used, or segments of more than one recording.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("an RTTM")
    segments: list[_Segment] = []
    for number, line in enumerate(decode(data).split("\n"), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if fields[0].upper() not in _TYPES:
            problems.add(number, "a line of no known type", _FIELDS)
        elif fields[0].upper() == "SPEAKER":
            segment = _segment(number, fields, problems)
            if segment:
                segments.append(segment)
    if len(problems.found) >= len(segments):
        if not problems.found:
            problems.add("the file", "no SPEAKER line", _FIELDS)
        problems.stop()
    repairs[_UNREADABLE] += len(problems.found)
    repairs[_SEGMENTS_WITHOUT_LENGTH] += sum(not segment.has_length for segment in segments)
    _refuse_several(segments)
    rows = [segment.row for segment in segments if segment.has_length]
    if not rows:
        raise InputError("not usable as an RTTM: no segment that has a length", expected=_FIELDS)
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
        f"<NA> <NA> {_word(speaker)} {'<NA>' if sure is None else f'{sure:#.6g}'} <NA>\n"
        for start_ms, end_ms, speaker, sure in rows
    )


@dataclass(frozen=True)
class _Segment:
    recording: str
    start_ms: int
    end_ms: int
    label: str
    behind: tuple[str, ...]
    """Fields behind the label."""

    @property
    def has_length(self) -> bool:
        return self.end_ms > self.start_ms

    @property
    def row(self) -> dict[str, object]:
        return {
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "speaker": self.label,
            "confidence": _confidence(self.behind[0]) if self.behind else None,
        }


def _segment(number: int, fields: list[str], problems: Problems) -> _Segment | None:
    if len(fields) < _UP_TO_LABEL:
        problems.add(number, f"{len(fields)} fields", _FIELDS)
        return None
    at = _before_label(fields)
    label, behind = _label(fields[at + 2 :])
    start_ms, end_ms = ms_of_seconds(fields[at - 2]), _end_ms(fields[at - 2], fields[at - 1])
    if start_ms is None or end_ms is None:
        problems.add(number, "no start or length in fields 4 and 5", "seconds, from 0 on")
        return None
    if label == "<NA>":
        problems.add(number, "no speaker in field 8", "a label")
        return None
    return _Segment(" ".join(fields[1 : at - 3]), start_ms, end_ms, label, behind)


def _before_label(fields: list[str]) -> int:
    """Where the two fields before the label stand; later where the file's name holds spaces."""
    usual = 5
    for at in range(usual, len(fields) - 2):
        if fields[at : at + 2] == _BEFORE_LABEL and all(map(_is_number, fields[at - 2 : at])):
            return at
    return usual


def _label(fields: list[str]) -> tuple[str, tuple[str, ...]]:
    """Label, and the one or two fields behind it: numbers or not there."""
    end = len(fields)
    while end > max(len(fields) - 2, 1) and (
        fields[end - 1] == "<NA>" or _is_number(fields[end - 1])
    ):
        end -= 1
    return " ".join(fields[:end]), tuple(fields[end:])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_several(segments: list[_Segment]) -> None:
    """Refuse segments of several recordings, and labels that may have lost a number."""
    recordings = {segment.recording for segment in segments}
    if len(recordings) > 1:
        raise InputError(
            f"not usable as an RTTM: segments of {len(recordings)} recordings",
            expected="one recording",
        )
    numbers: dict[str, set[str]] = {}
    for segment in segments:
        if segment.behind and segment.behind[0].isdecimal():
            numbers.setdefault(segment.label, set()).add(segment.behind[0])
    if any(len(own) > 1 for own in numbers.values()):
        raise InputError(
            "not usable as an RTTM: whole numbers behind a label that may be part of it",
            expected=_FIELDS,
            hint="write labels without spaces (Speaker_1), or all ten fields",
        )


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
