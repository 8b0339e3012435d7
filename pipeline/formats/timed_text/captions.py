"""Times and texts of WebVTT and SubRip, the two being one format with two spellings.

::

    Sam Poe                                 a number, an id, or nothing
    00:00:01.000 --> 00:00:02.500 ...       times, with a comma or a dot
    It was all right.                       text, up to the next time

Read as it was meant: a blank line within a text, a missing one between cues, an arrow within a
text, a missing number, or a time that cannot be read cost nothing but a note in `Repairs`. Text
before the first time and after a comment belongs to nobody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.formats.repairs import Repairs
from pipeline.formats.text import Problems, blocks, ms_of_clock
from pipeline.formats.timed_text.cues import Times

_ARROW = re.compile(r"-{1,3}>|\u2192|[\u2013\u2014]>?")
_CLOCKLIKE = re.compile(r"[\d:.,;\-xX?_ ]{3,32}")
_LONGEST_CLOCK = 32


@dataclass
class Caption:
    """A cue as its lines stand in the file."""

    times: Times
    name: str | None
    lines: list[str] = field(default_factory=list)


def captions(
    text: str, expected: str, problems: Problems, repairs: Repairs, aside: re.Pattern[str] | None
) -> list[Caption]:
    """Captions of a file in its order; what cannot be used is in `problems`, too.

    Parameters
    ----------
    expected
        How a time looks, for messages.
    aside
        First line of a block that is no caption.
    """
    found: list[Caption] = []
    loose = False  # text from here on belongs to no caption
    parts = blocks(text)
    for number, (first, block) in enumerate(parts):
        marks = list(_marks(block))
        if not marks:
            if aside and aside.fullmatch(block[0]):
                loose = True
            elif _counts(block, parts[number + 1 : number + 2]):
                continue
            elif found and not loose:
                repairs["Blank lines within a text, closed"] += 1
                found[-1].lines.extend(block)
            else:
                repairs["Stretches of text without a time, skipped"] += 1
                problems.add(first, "text that belongs to no time", f"{expected}, then text")
            continue
        loose = False
        before = 0
        for at, times in marks:
            head = block[before:at]
            name = head.pop() if head and (before == 0 or head[-1].strip().isdigit()) else None
            if before:
                repairs["Missing blank lines between cues"] += 1
            if head and found:
                found[-1].lines.extend(head)
            elif head:
                problems.add(first, "text that belongs to no time", f"{expected}, then text")
            _note(first + at, times, expected, problems, repairs)
            found.append(Caption(times, name))
            before = at + 1
        found[-1].lines.extend(block[before:])
    return found


def _marks(block: list[str]) -> Iterator[tuple[int, Times]]:
    """Lines of a block that give times; an unreadable time is one only where times belong."""
    seen = False
    for at, line in enumerate(block):
        arrow = _ARROW.search(line)
        if not arrow:
            continue
        left = line[: arrow.start()].strip()
        right = next(iter(line[arrow.end() :].split(maxsplit=1)), "")
        if max(len(left), len(right)) > _LONGEST_CLOCK:
            continue
        times = ms_of_clock(left), ms_of_clock(right)
        here = at < 2 and not seen  # noqa: PLR2004 - on the first line, or below a name
        if None not in times or (here and "-->" in line and _looks_like_times(left, right, times)):
            seen = True
            yield at, times


def _looks_like_times(left: str, right: str, times: Times) -> bool:
    either = any(time is not None for time in times)
    return either or any(":" in side and _CLOCKLIKE.fullmatch(side) for side in (left, right))


def _counts(block: list[str], following: list[tuple[int, list[str]]]) -> bool:
    """A number that a blank line parts from its time."""
    timed = [at for _, after in following for at, _ in _marks(after)]
    return len(block) == 1 and block[0].strip().isdigit() and timed[:1] == [0]


def _note(number: int, times: Times, expected: str, problems: Problems, repairs: Repairs) -> None:
    start_ms, end_ms = times
    if start_ms is None or end_ms is None:
        problems.add(number, "a time that cannot be read", expected)
        repairs["Times that cannot be read, placed between their neighbours"] += 1
    elif end_ms < start_ms:
        problems.end_of(number, start_ms, end_ms)
        repairs["Times that end before they start, placed between their neighbours"] += 1
