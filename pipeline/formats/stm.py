"""STM, timed text of speakers (NIST sclite).

``<file> <channel> <speaker> <start s> <end s> [<label>] <text>``, a line each. Read only: it is a
reference format of evaluations. Comments (``;;``) and stretches marked
``ignore_time_segment_in_scoring``, which name no speaker, are passed over.
"""

import polars as pl

from pipeline.formats.cues import CUES, squeeze
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import Problems, decode, ms_of_seconds

_FIELDS = "FILE CHANNEL SPEAKER START END [<LABEL>] TEXT"
_UP_TO_END = 5


def read(data: bytes | str, repairs: Repairs | None = None) -> pl.DataFrame:
    """Table `CUES` of a file, in the file's order.

    Raises
    ------
    InputError
        All lines that cannot be used, or lines of more than one recording.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("an STM")
    rows: list[dict[str, object]] = []
    recordings: set[str] = set()
    for number, line in enumerate(decode(data).split("\n"), start=1):
        fields = line.split(maxsplit=_UP_TO_END)
        if not fields or fields[0].startswith(";;"):
            continue
        if len(fields) < _UP_TO_END:
            problems.add(number, f"{len(fields)} fields", _FIELDS)
            continue
        text = fields[_UP_TO_END] if len(fields) > _UP_TO_END else ""
        if text.startswith("<") and "," in text.partition(">")[0]:
            text = text.partition(">")[2]
        if text.strip().lower() == "ignore_time_segment_in_scoring":
            continue
        start_ms, end_ms = ms_of_seconds(fields[3]), ms_of_seconds(fields[4])
        if start_ms is None or end_ms is None:
            problems.add(number, "no start or end in fields 4 and 5", "seconds, from 0 on")
            continue
        end_ms = problems.end_of(number, start_ms, end_ms)
        recordings.add(fields[0])
        if end_ms is not None:
            rows.append(
                {
                    "start_ms": start_ms,
                    "end_ms": end_ms,
                    "speaker": fields[2],
                    "text": squeeze(text),
                }
            )
    if len(recordings) > 1:
        problems.add("the file", f"lines of {len(recordings)} recordings", "one recording")
    if not rows and not problems.found:
        problems.add("the file", "no line", _FIELDS)
    problems.stop()
    return CUES.frame(rows)
