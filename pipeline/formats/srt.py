"""SubRip subtitles, with speakers as ``Speaker: text``, ``[Speaker] text`` or ``(Speaker) text``.

The format has no definition. Read as players read it: the number above a time may be missing,
milliseconds follow a comma or a dot, hours may be missing, and a blank line within a text is part
of it.
"""

import re
from collections.abc import Iterator

import polars as pl

from pipeline.formats.cues import Cue, Part, closed, table
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import Problems, blocks, clock_of_ms, decode, ms_of_clock

_TIMES = re.compile(r"\s*([\d:.,]+)\s*-->\s*([\d:.,]+)(?:\s.*)?")
_MARKUP = re.compile(r"</?(?:b|i|u|s|font)\b[^>]*>|\{\\[^}]*\}", re.IGNORECASE)
_EXPECTED = "00:00:01,000 --> 00:00:02,500"


def read(data: bytes | str, repairs: Repairs | None = None) -> pl.DataFrame:
    r"""Table `CUES` of a file, in the file's order. Formatting (``<i>``, ``{\an8}``) is removed.

    Speakers are sought as `formats.cues` says; a cue without one has a null speaker.

    Raises
    ------
    InputError
        All cues that cannot be used, or text before the first time.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("SubRip subtitles")
    found = list(_cues(decode(data), problems))
    if not found and not problems.found:
        problems.add("the file", "no cue", _EXPECTED)
    problems.stop()
    return table(found, prefixes=True)


def write(cues: pl.DataFrame) -> str:
    """`cues` as SubRip, speakers as ``Speaker: text``.

    The format cannot mark that a text is no speaker: a text that itself begins like one reads back
    as one.

    Raises
    ------
    InputError
        A cue has no end.
    """
    return "".join(
        f"{number}\n{clock_of_ms(start_ms, ',')} --> {clock_of_ms(end_ms, ',')}\n"
        f"{'' if speaker is None else f'{speaker}: '}{text}\n\n"
        for number, (start_ms, end_ms, speaker, text) in enumerate(closed(cues).iter_rows(), 1)
    )


def _cues(text: str, problems: Problems) -> Iterator[Cue]:
    """Cues of the file; a block without a time belongs to the text above it."""
    open_cue: tuple[int, int] | None = None
    lines: list[str] = []
    for first, block in blocks(text):
        at = next((i for i, line in enumerate(block[:2]) if "-->" in line), None)
        if at is None:
            if open_cue is None and not problems.found:
                problems.add(first, "text that belongs to no time", _EXPECTED)
            lines.extend(block)
            continue
        if open_cue:
            yield _cue(open_cue, lines)
        open_cue, lines = _times(first + at, block[at], problems), block[at + 1 :]
        for number, line in enumerate(lines, first + at + 1):
            if "-->" in line:
                problems.add(number, "a time within a text", "a blank line before each cue")
    if open_cue:
        yield _cue(open_cue, lines)


def _cue(times: tuple[int, int], lines: list[str]) -> Cue:
    return Cue(*times, (Part(None, tuple(_MARKUP.sub("", line) for line in lines)),))


def _times(number: int, line: str, problems: Problems) -> tuple[int, int] | None:
    match = _TIMES.fullmatch(line)
    start_ms = ms_of_clock(match[1]) if match else None
    end_ms = ms_of_clock(match[2]) if match else None
    if start_ms is None or end_ms is None:
        problems.add(number, "a time that cannot be read", _EXPECTED)
        return None
    end_ms = problems.end_of(number, start_ms, end_ms)
    return None if end_ms is None else (start_ms, end_ms)
