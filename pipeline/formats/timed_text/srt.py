"""SubRip subtitles, with speakers as ``Speaker: text``, ``[Speaker] text`` or ``(Speaker) text``.

The format has no definition. Read as players read it: the number above a time may be missing,
milliseconds follow a comma or a dot, hours may be missing, and a blank line within a text is part
of it.
"""

import re

import polars as pl

from pipeline.formats.repairs import Repairs
from pipeline.formats.speaker_labels import labelled
from pipeline.formats.text import Problems, clock_of_ms, decode
from pipeline.formats.timed_text.captions import captions
from pipeline.formats.timed_text.cues import Cue, Part, closed, table

_MARKUP = re.compile(r"</?(?:b|i|u|s|font)\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)
_EXPECTED = "00:00:01,000 --> 00:00:02,500"


def read(data: bytes | str, repairs: Repairs | None = None) -> pl.DataFrame:
    r"""Table `CUES` of a file, in the file's order. Formatting (``<i>``, ``{\an8}``) is removed.

    Speakers are sought as `formats.labels` says; a cue without one has a null speaker.

    Raises
    ------
    InputError
        No cue, or more cues without a usable time than `text.UNUSABLE_AT_MOST`.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("SubRip subtitles")
    found = captions(decode(data), _EXPECTED, problems, repairs, None)
    if not found and not problems.found:
        problems.add("the file", "no cue", _EXPECTED)
    problems.settle(len(found))
    lines = [tuple(_MARKUP.sub("", line) for line in each.lines) for each in found]
    cues = [
        Cue(each.times, (Part(None, own),), each.name)
        for each, own in zip(found, lines, strict=True)
    ]
    return table(labelled(cues), repairs)


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
