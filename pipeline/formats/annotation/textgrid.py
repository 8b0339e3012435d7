"""Praat TextGrid: tiers of labelled intervals, in the long and the short text format.

Read as Praat reads it (Praat manual, "TextGrid file formats"): only free-standing numbers, quoted
strings and ``<flags>`` count, all else on the lines is decoration. So the long and the short format
are one. An empty interval is a pause and is skipped; a point tier holds instants, no stretches
of speech, and is skipped too.

Other tools count wrongly, round differently or lose an edge. What a file announces is compared with
what it holds, and what it holds is read. An interval whose times cannot be used lies between its
neighbours; of two that overlap, the earlier ends where the later begins. All of this is counted.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.schema import Column, Schema
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import MOST_TIERS, Problems, decode, ms_of_seconds
from pipeline.formats.timed_text.cues import spread

INTERVALS = Schema(
    "intervals",
    (
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after"),
        Column("text", pl.String, "label, never blank"),
    ),
    (
        ("start_ms >= 0", pl.col("start_ms") >= 0),
        ("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),
    ),
)

# No two parts of a pattern can match the same signs: time grows with the length, not its square.
_TOKEN = re.compile(r'"((?:[^"]|"")*+)"|!([^\n]*+)|([^\s"]++)')
_NUMBER = re.compile(r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?", re.ASCII)
_FLAG = re.compile(r"<\w+>")
_Row = tuple[int, int, str]
_UNPLACED = "Intervals that cannot be placed in time, skipped"
_DIGITS = 9
"""Of a count; more intervals than that are in no file."""


@dataclass(frozen=True)
class Tier:
    """One interval tier.

    Attributes
    ----------
    name
        As written; often the speaker.
    intervals
        Table `INTERVALS`, in the tier's order.
    """

    name: str
    intervals: pl.DataFrame


@dataclass(frozen=True)
class _Interval:
    """As it stands in the file; None: a time that cannot be used."""

    start_ms: int | None
    end_ms: int | None
    text: str

    @property
    def bounds(self) -> tuple[int, int] | None:
        """Its times, an interval without length lasting 1 ms; None if they contradict each other.

        Times that were rounded to the same millisecond must not lose what was said.
        """
        if self.start_ms is None or self.end_ms is None or self.end_ms < self.start_ms:
            return None
        return self.start_ms, max(self.end_ms, self.start_ms + 1)


@dataclass(frozen=True)
class _Token:
    line: int
    text: str
    quoted: bool


class _EarlyEndError(Exception):
    """The file stops, or holds something else, where a value must stand."""


class _Tokens:
    """The free-standing values of the file, one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._ahead = next(self._tokens, None)
        self.line = 1

    @property
    def at_string(self) -> bool:
        """A text in quotes comes next."""
        return self._ahead is not None and self._ahead.quoted

    @property
    def at_number(self) -> bool:
        """A number comes next."""
        ahead = self._ahead
        return ahead is not None and not ahead.quoted and not _FLAG.fullmatch(ahead.text)

    def _next(self) -> _Token:
        token, self._ahead = self._ahead, next(self._tokens, None)
        if token is None:
            raise _EarlyEndError("the file ends early")
        self.line = token.line
        return token

    def string(self) -> str:
        token = self._next()
        if not token.quoted:
            raise _EarlyEndError("a number where a text in quotes must stand")
        return token.text

    def number(self) -> str:
        is_number = self.at_number
        token = self._next()
        if not is_number:
            raise _EarlyEndError("a text where a number must stand")
        return token.text

    def count(self) -> int:
        text = self.number()
        if not text.isdecimal() or len(text) > _DIGITS:
            raise _EarlyEndError("a count that is no whole number")
        return int(text)

    def flag(self) -> str:
        token = self._next()
        if token.quoted or not _FLAG.fullmatch(token.text):
            raise _EarlyEndError("no flag <exists>")
        return token.text


def read(data: bytes | str, repairs: Repairs | None = None) -> list[Tier]:
    """Interval tiers of a file, in its order, those without a labelled interval too.

    Raises
    ------
    InputError
        No TextGrid in text format, one that ends within an interval, or none of whose intervals
        can be placed.
    """
    repairs = Repairs() if repairs is None else repairs
    if isinstance(data, bytes) and data.startswith(b"ooBinaryFile"):
        raise InputError(
            "a TextGrid in Praat's binary format",
            expected="the text format",
            hint="in Praat: Save as text file...",
        )
    problems = Problems("a TextGrid")
    tokens = _Tokens(decode(data))
    tiers: list[Tier] = []
    announced = held = 0
    try:
        announced = _n_tiers(tokens)
        while tokens.at_string and announced and held <= MOST_TIERS:
            tier = _tier(tokens, repairs)
            held += 1
            if tier is not None:
                tiers.append(tier)
        if announced and not held:
            tokens.string()
    except _EarlyEndError as caught:
        problems.add(tokens.line, str(caught), "a TextGrid in long or short text format")
    if held > MOST_TIERS:
        problems.add("the file", f"more than {MOST_TIERS} tiers", f"up to {MOST_TIERS}")
    problems.stop()
    repairs["Tiers announced that a TextGrid does not hold"] += max(announced - held, 0)
    repairs["Tiers of a TextGrid beyond those announced, read"] += max(held - announced, 0)
    if not tiers:
        problems.add("the file", "no interval tier", "a tier of labelled intervals")
    elif repairs[_UNPLACED] and not any(tier.intervals.height for tier in tiers):
        problems.add("the file", "no interval whose times can be used", "seconds, from 0 on")
    problems.stop()
    return tiers


def write(tiers: Sequence[Tier], duration_ms: int | None = None) -> str:
    """`tiers` in long text format; the time between intervals is filled with empty ones.

    Parameters
    ----------
    duration_ms
        Length of the recording; None: the last end.

    Raises
    ------
    InputError
        Intervals of one tier overlap, which the format cannot hold.
    """
    ends = [tier.intervals["end_ms"].max() for tier in tiers if tier.intervals.height]
    last_ms = max([duration_ms or 0, *(end for end in ends if isinstance(end, int))])
    out = [
        'File type = "ooTextFile"\nObject class = "TextGrid"\n',
        f"xmin = 0 \nxmax = {_s(last_ms)} \ntiers? <exists> \nsize = {len(tiers)} \nitem []: ",
    ]
    for number, tier in enumerate(tiers, 1):
        filled = list(_filled(tier, last_ms))
        out.append(
            f'    item [{number}]:\n        class = "IntervalTier" \n'
            f"        name = {_quoted(tier.name)} \n        xmin = 0 \n"
            f"        xmax = {_s(last_ms)} \n        intervals: size = {len(filled)} "
        )
        out.extend(
            f"        intervals [{k}]:\n            xmin = {_s(start_ms)} \n"
            f"            xmax = {_s(end_ms)} \n            text = {_quoted(text)} "
            for k, (start_ms, end_ms, text) in enumerate(filled, 1)
        )
    return "\n".join(out) + "\n"


def _tokens(text: str) -> Iterator[_Token]:
    line, at = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        if match[1] is not None:
            yield _Token(line, match[1].replace('""', '"'), quoted=True)
        elif match[3] and (_NUMBER.fullmatch(match[3]) or _FLAG.fullmatch(match[3])):
            yield _Token(line, match[3], quoted=False)


def _n_tiers(tokens: _Tokens) -> int:
    """What the head of the file says."""
    kind, noun = tokens.string().split(), tokens.string().split()
    if kind[:1] != ["ooTextFile"] or noun[:1] != ["TextGrid"]:
        raise _EarlyEndError("another kind of Praat file")
    tokens.number(), tokens.number()
    return tokens.count() if tokens.flag() == "<exists>" else 0


def _tier(tokens: _Tokens, repairs: Repairs) -> Tier | None:
    """The next tier; None for a point tier."""
    kind, name = tokens.string(), tokens.string()
    if kind not in {"IntervalTier", "TextTier"}:
        raise _EarlyEndError("a tier of no known class")
    edges = _ms(tokens.number()), _ms(tokens.number())
    announced = tokens.count()
    found: list[_Interval] = []
    points = 0
    while tokens.at_number:
        start = tokens.number()
        if kind == "TextTier":
            tokens.string()
            points += 1
        else:
            found.append(_Interval(_ms(start), _ms(tokens.number()), tokens.string()))
    if kind == "TextTier":
        repairs["Tiers of points, which hold no stretches of speech, skipped"] += 1
    if announced != len(found) + points:
        repairs["Tiers that announce another number of intervals than they hold"] += 1
    if kind == "TextTier":
        return None
    rows = _apart(_placed(found, edges, repairs), repairs)
    return Tier(
        name,
        INTERVALS.frame(
            {"start_ms": start_ms, "end_ms": end_ms, "text": text}
            for start_ms, end_ms, text in rows
        ),
    )


def _ms(text: str) -> int | None:
    """Milliseconds; before zero too, as where a part was cut out. None: no time of a recording."""
    if text.startswith("-"):
        ms = ms_of_seconds(text[1:])
        return None if ms is None else -ms
    return ms_of_seconds(text)


def _placed(
    intervals: Sequence[_Interval], edges: tuple[int | None, int | None], repairs: Repairs
) -> list[_Row]:
    """Times and text of each interval that is not empty.

    One whose times cannot be used lies between the nearest ones, pauses too, before and after it
    whose times can; several in a row share that time. At the ends of a tier those are its `edges`.
    """
    rows: list[_Row] = []
    waiting: list[str] = []
    first_ms, last_ms = edges
    before_ms = max(first_ms or 0, 0)

    def settle(until_ms: int | None) -> None:
        if waiting and until_ms is not None and until_ms > before_ms:
            times = spread(before_ms, until_ms, waiting)
            rows.extend((a, b, text) for (a, b), text in zip(times, waiting, strict=True))
            repairs["Intervals with unusable times, placed between their neighbours"] += len(
                waiting
            )
        else:
            repairs[_UNPLACED] += len(waiting)
        waiting.clear()

    for interval in intervals:
        bounds = interval.bounds
        if bounds is None:
            waiting += [interval.text] if interval.text.strip() else []
            continue
        start_ms, end_ms = bounds
        settle(start_ms)
        before_ms = max(end_ms, 0)
        if interval.text.strip():
            if start_ms < 0:
                repairs["Intervals that begin before zero, cut off there"] += end_ms > 0
                repairs[_UNPLACED] += end_ms <= 0
            if end_ms > 0:
                rows.append((max(start_ms, 0), end_ms, interval.text))
    settle(last_ms)
    return rows


def _apart(rows: Sequence[_Row], repairs: Repairs) -> list[_Row]:
    """Rows in order of start, none of which overlaps the next.

    The earlier ends where the later begins; one that lies within another is said in its time.
    """
    kept: list[tuple[int, int, list[str]]] = []
    for start_ms, end_ms, text in sorted(rows, key=lambda row: row[:2]):
        if not kept or start_ms >= kept[-1][1]:
            kept.append((start_ms, end_ms, [text]))
            continue
        repairs["Intervals that overlapped within their tier, told apart"] += 1
        earlier_ms, until_ms, said = kept[-1]
        if end_ms <= until_ms:
            said.append(text)
        elif start_ms > earlier_ms:
            kept[-1:] = [(earlier_ms, start_ms, said), (start_ms, end_ms, [text])]
        else:
            kept.append((until_ms, end_ms, [text]))
    return [(start_ms, end_ms, " ".join(said)) for start_ms, end_ms, said in kept]


def _filled(tier: Tier, last_ms: int) -> Iterator[tuple[int, int, str]]:
    now_ms = 0
    for start_ms, end_ms, text in INTERVALS.conform(tier.intervals).sort("start_ms").iter_rows():
        if start_ms < now_ms:
            raise InputError(
                "intervals of one tier overlap",
                expected="one speaker a tier; a TextGrid tier holds one label at a time",
            )
        if start_ms > now_ms:
            yield now_ms, start_ms, ""
        yield start_ms, end_ms, text
        now_ms = end_ms
    if now_ms < last_ms:
        yield now_ms, last_ms, ""


def _s(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
