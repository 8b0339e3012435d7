"""Decode bytes to text, and report all errors of a file at once.

No message holds what the file says: only the line, what kind of thing was found there, and what
was expected.
"""

import codecs
import re
from dataclasses import dataclass, field

from pipeline.core.errors import InputError, listed

UNUSABLE_AT_MOST = 0.4
"""Share of a file's lines that a reader may mend or pass over; with more, there is no trust in it.

One bad line must not cost a session. A file of another kind, or in another unit, has nearly all its
lines wrong."""

MOST_TIERS = 1000
"""Of an annotation file; each is a table of its own, and no session has so many."""

LATEST_S = 10_000_000
"""A time beyond this (115 days) is no time of a recording but another unit or a broken file."""

_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):([0-5]\d)(?:[.,](\d{1,9}))?")


def decode(data: bytes | str) -> str:
    r"""Text of a file with ``\n`` as the only end of line.

    UTF-8 with or without byte order mark, or UTF-16 with one.

    Raises
    ------
    InputError
        Another encoding, or no text at all.
    """
    if isinstance(data, str):
        text = data
    else:
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        try:
            text = data.decode("utf-16" if wide else "utf-8-sig")
        except UnicodeDecodeError as caught:
            line = data.count(b"\n", 0, caught.start) + 1
            raise InputError(
                f"line {line}: bytes that are not {'UTF-16' if wide else 'UTF-8'} text",
                expected="UTF-8, or UTF-16 with a byte order mark",
                hint="save the file again with the encoding UTF-8",
            ) from None
    if "\0" in text:
        raise InputError("zero bytes: this is no text file", expected="UTF-8 text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass
class Problems:
    """Collects what is wrong with one file.

    Attributes
    ----------
    noun
        What the file should have been, for the message ("an RTTM").
    """

    noun: str
    found: list[str] = field(default_factory=list)

    def add(self, where: int | str, found: str, expected: str = "") -> None:
        """Note one problem at a line number, or at a place such as "segment 3"."""
        place = f"line {where}" if isinstance(where, int) else where
        self.found.append(f"{place}: {found}" + (f"; expected: {expected}" if expected else ""))

    def end_of(self, where: int | str, start_ms: int, end_ms: int) -> int | None:
        """`end_ms` as it enters a table; None, with a problem noted, if it lies before the start.

        A stretch without length (its times were rounded to the same millisecond) lasts 1 ms, so
        that nothing that was said is lost.
        """
        if end_ms < start_ms:
            self.add(where, f"ends {start_ms - end_ms} ms before it starts", "start before end")
            return None
        return max(end_ms, start_ms + 1)

    def settle(self, of: int) -> None:
        """Raise if more than `UNUSABLE_AT_MOST` of the file's `of` places are wrong.

        Otherwise the reader repairs and counts them.

        Raises
        ------
        InputError
            See `stop`.
        """
        if len(self.found) > UNUSABLE_AT_MOST * of:
            self.stop()

    def stop(self) -> None:
        """Raise what was collected.

        Raises
        ------
        InputError
            There is at least one problem: the first few, and how many more.
        """
        if not self.found:
            return
        raise InputError(f"not usable as {self.noun}:\n{listed(self.found)}")


def ms_of_clock(text: str) -> int | None:
    """Milliseconds of ``[h:]mm:ss[.mmm]``, dot or comma; None if it is no such time.

    >>> ms_of_clock("01:02:03.5"), ms_of_clock("02:03,250"), ms_of_clock("2.5")
    (3723500, 123250, None)
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups(default="0")
    if match[1] is not None and int(minutes) >= 60:  # noqa: PLR2004 - minutes of an hour
        return None
    whole_s = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole_s * 1000 + round(float(f"0.{fraction}") * 1000)


def clock_of_ms(ms: int, point: str) -> str:
    """``hh:mm:ss`` and milliseconds after `point`.

    >>> clock_of_ms(3_723_500, ",")
    '01:02:03,500'
    """
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"


def ms_of_seconds(text: str) -> int | None:
    """Milliseconds of a decimal number of seconds from 0 on; None if it is none.

    >>> ms_of_seconds("1.2345"), ms_of_seconds("nan"), ms_of_seconds("-1")
    (1234, None, None)
    """
    try:
        seconds = float(text)
    except ValueError:
        return None
    return round(seconds * 1000) if 0 <= seconds <= LATEST_S else None


def blocks(text: str) -> list[tuple[int, list[str]]]:
    """Runs of lines between blank ones, each with the 1-based number of its first line."""
    found: list[tuple[int, list[str]]] = []
    fresh = True
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            fresh = True
        elif fresh:
            found.append((number, [line]))
            fresh = False
        else:
            found[-1][1].append(line)
    return found
