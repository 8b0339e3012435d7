"""A supervision sheet as a Word document."""

import io
from collections.abc import Sequence
from typing import Any

from pipeline.report.cards import Line
from pipeline.report.sheet import phrases
from pipeline.report.sheet.content import Decided, Sheet

_MARGIN_CM = 2
_TITLE = 255
"""Characters that the format allows a title."""


def encode(sheets: Sequence[Sheet]) -> bytes:
    """One document, each session on a page of its own; the same input gives the same text."""
    from docx import Document  # noqa: PLC0415 - slow to import
    from docx.shared import Cm, Pt  # noqa: PLC0415

    document: Any = Document()
    document.core_properties.author = "Tether"
    document.core_properties.title = _clean(sheets[0].title)[:_TITLE] if sheets else ""
    document.styles["Normal"].font.size = Pt(10.5)
    for section in document.sections:
        section.left_margin = section.right_margin = Cm(_MARGIN_CM)
        section.top_margin = section.bottom_margin = Cm(_MARGIN_CM)
    for number, sheet in enumerate(sheets):
        if number:
            document.add_page_break()
        _sheet(document, sheet)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _sheet(document: Any, sheet: Sheet) -> None:
    document.add_heading(_clean(sheet.title), 0)
    document.add_paragraph(_clean(", ".join(sheet.facts)))
    document.add_paragraph(_clean(phrases.counted(sheet)))
    for number, moment in enumerate(sheet.moments, 1):
        _moment(document, number, moment)
    document.add_paragraph().add_run(phrases.LIMIT).italic = True


def _moment(document: Any, number: int, moment: Decided) -> None:
    document.add_heading(_clean(f"{number}. {moment.time} \u00b7 {moment.code}"), 1)
    if moment.headline:
        document.add_paragraph(_clean(moment.headline))
    _lines(document, moment.lines)
    if moment.response:
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{phrases.NEXT}: ").bold = True
        paragraph.add_run(_clean(phrases.responded(moment.response)))
        _lines(document, moment.response.lines)
    for opinion in moment.opinions:
        document.add_paragraph(_clean(phrases.decision(opinion)), style="List Bullet")
        for line in opinion.note.splitlines():
            document.add_paragraph(_clean(line), style="Intense Quote")


def _lines(document: Any, lines: Sequence[Line]) -> None:
    from docx.shared import Cm, Pt  # noqa: PLC0415

    for line in lines:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.left_indent = Cm(0.8)
        paragraph.paragraph_format.space_after = Pt(2)
        if line.silence_before:
            paragraph.add_run(f"{line.silence_before} of silence\n").italic = True
        paragraph.add_run(f"{line.time} ")
        paragraph.add_run(_clean(f"{line.name}: ")).bold = True
        quote = paragraph.add_run(_clean(phrases.WORDLESS if line.text is None else line.text))
        quote.italic = line.text is None


def _clean(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
