"""Praat TextGrid: tiers of labelled intervals, in the long and the short text format.

Read as Praat reads it (Praat manual, "TextGrid file formats"): only free-standing numbers, quoted
strings and ``<flags>`` count, all else on the lines is decoration. So the long and the short format
are one. An empty interval is a pause and is passed over; a point tier holds instants, no stretches
of speech, and is passed over too.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.errors import InputError
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import Problems, decode, ms_of_seconds
from pipeline.schema import Column, Schema

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

_TOKEN = re.compile(r'"((?:[^"]|"")*)"|!([^\n]*)|([^\s"]+)')
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_FLAG = re.compile(r"<\w+>")


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
class _Token:
    line: int
    text: str
    quoted: bool


class _EarlyEndError(Exception):
    """The file stops, or holds something else, where a value must stand."""


class _Tokens:
    """The free-standing values of the file, one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = iter(list(_tokens(text)))
        self.line = 1

    def _next(self) -> _Token:
        token = next(self._tokens, None)
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
        token = self._next()
        if token.quoted or _FLAG.fullmatch(token.text):
            raise _EarlyEndError("a text where a number must stand")
        return token.text

    def count(self) -> int:
        text = self.number()
        if not text.isdecimal():
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
        No TextGrid in text format, cut off, or intervals whose times cannot be used.
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
    try:
        for _ in range(_n_tiers(tokens)):
            tier = _tier(tokens, problems)
            if tier is not None:
                tiers.append(tier)
    except _EarlyEndError as caught:
        problems.add(tokens.line, str(caught), "a TextGrid in long or short text format")
    if not tiers and not problems.found:
        problems.add("the file", "no interval tier", "a tier of labelled intervals")
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
    if (tokens.string(), tokens.string()) != ("ooTextFile", "TextGrid"):
        raise _EarlyEndError("another kind of Praat file")
    tokens.number(), tokens.number()
    return tokens.count() if tokens.flag() == "<exists>" else 0


def _tier(tokens: _Tokens, problems: Problems) -> Tier | None:
    """The next tier; None for a point tier."""
    kind, name = tokens.string(), tokens.string()
    if kind not in {"IntervalTier", "TextTier"}:
        raise _EarlyEndError("a tier of no known class")
    tokens.number(), tokens.number()
    rows: list[dict[str, object]] = []
    for _ in range(tokens.count()):
        start = tokens.number()
        line = tokens.line
        if kind == "TextTier":
            tokens.string()
            continue
        start_ms, end_ms, text = (
            ms_of_seconds(start),
            ms_of_seconds(tokens.number()),
            tokens.string(),
        )
        if not text.strip():
            continue
        if start_ms is None or end_ms is None:
            problems.add(line, "an interval whose times cannot be used", "seconds, from 0 on")
            continue
        end_ms = problems.end_of(line, start_ms, end_ms)
        if end_ms is not None:
            rows.append({"start_ms": start_ms, "end_ms": end_ms, "text": text})
    return Tier(name, INTERVALS.frame(rows)) if kind == "IntervalTier" else None


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
