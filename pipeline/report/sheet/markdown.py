"""A supervision sheet as Markdown (CommonMark)."""

import re
from collections.abc import Iterator, Sequence

from pipeline.report.cards import Line
from pipeline.report.sheet import phrases
from pipeline.report.sheet.content import Decided, Sheet

_SPECIAL = re.compile(r"[\\`*_\[\]|<>&~]|^[-+#=]|(?<=\d)[.)](?=\s)")
"""Marks of Markdown: anywhere, at a line's start, and after the number of a list."""


def encode(sheets: Sequence[Sheet]) -> bytes:
    """One document, a section for each session."""
    return "\n".join(line for sheet in sheets for line in _sheet(sheet)).encode("utf-8")


def _sheet(sheet: Sheet) -> Iterator[str]:
    yield from (f"# {_plain(sheet.title)}", "", _plain(", ".join(sheet.facts)), "")
    yield from (f"{_plain(phrases.counted(sheet))}", "")
    for number, moment in enumerate(sheet.moments, 1):
        yield from _moment(number, moment)
    yield from (f"*{_plain(phrases.LIMIT)}*", "")


def _moment(number: int, moment: Decided) -> Iterator[str]:
    yield from (f"## {number}\\. {_plain(moment.time)} \u00b7 {_plain(moment.code)}", "")
    if moment.headline:
        yield from (_plain(moment.headline), "")
    yield from _lines(moment.lines)
    if moment.response:
        yield from (f"**{phrases.NEXT}:** {_plain(phrases.responded(moment.response))}", "")
        yield from _lines(moment.response.lines)
    for opinion in moment.opinions:
        yield f"- {_plain(phrases.decision(opinion))}"
        yield from (f"  > {_plain(line)}  " for line in opinion.note.splitlines())
    yield ""


def _lines(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        if line.silence_before:
            yield f"> *{_plain(line.silence_before)} of silence*  "
        quote = _plain(line.text) if line.text is not None else f"*{phrases.WORDLESS}*"
        yield f"> {line.time} **{_plain(line.name)}:** {quote}  "
    if lines:
        yield ""


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))
