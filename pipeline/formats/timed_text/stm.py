"""STM, timed text of speakers (NIST sclite).

``<file> <channel> <speaker> <start s> <end s> [<label>] <text>``, a line each. Read only: it is a
reference format of evaluations. Comments (``;;``) and stretches marked
``ignore_time_segment_in_scoring``, which name no speaker, are skipped.
"""

import re

import polars as pl

from pipeline.formats.repairs import Repairs
from pipeline.formats.text import Problems, decode, ms_of_seconds
from pipeline.formats.timed_text.cues import Cue, Part, table

_FIELDS = "FILE CHANNEL SPEAKER START END [<LABEL>] TEXT"
_UP_TO_END = 5
_LABEL = re.compile(r"<(?:o|f\d\w*|[^<>\s]*,[^<>\s]*)>(?:\s+|$)", re.IGNORECASE)


def read(data: bytes | str, repairs: Repairs | None = None) -> pl.DataFrame:
    """Table `CUES` of a file, in the file's order.

    Raises
    ------
    InputError
        More lines that cannot be used than `text.UNUSABLE_AT_MOST`, or lines of more than one
        recording.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("an STM")
    cues: list[Cue] = []
    recordings: set[str] = set()
    lines = 0
    for number, line in enumerate(decode(data).split("\n"), start=1):
        fields = line.split(maxsplit=_UP_TO_END)
        if not fields or fields[0].startswith(";;"):
            continue
        lines += 1
        if len(fields) < _UP_TO_END:
            problems.add(number, f"{len(fields)} fields", _FIELDS)
            repairs["Lines with too few fields, skipped"] += 1
            continue
        text = _unlabelled(fields[_UP_TO_END]) if len(fields) > _UP_TO_END else ""
        if text.strip().lower() == "ignore_time_segment_in_scoring":
            continue
        recordings.add(fields[0])
        times = ms_of_seconds(fields[3]), ms_of_seconds(fields[4])
        if times[0] is None or times[1] is None:
            problems.add(number, "no start or end in fields 4 and 5", "seconds, from 0 on")
            repairs["Times that cannot be read, placed between their neighbours"] += 1
        elif times[1] < times[0]:
            problems.end_of(number, times[0], times[1])
            repairs["Times that end before they start, placed between their neighbours"] += 1
        cues.append(Cue(times, (Part(fields[2], (text,)),)))
    if not cues and not problems.found:
        problems.add("the file", "no line", _FIELDS)
    problems.settle(lines)
    if len(recordings) > 1:
        problems.found.clear()
        problems.add("the file", f"lines of {len(recordings)} recordings", "one recording")
        problems.stop()
    return table(cues, repairs)


def _unlabelled(text: str) -> str:
    label = _LABEL.match(text)
    return text[label.end() :] if label else text
