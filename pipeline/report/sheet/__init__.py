"""The supervision sheet: what a supervisor decided, to be taken into the hour.

Moments that were confirmed, added, or left unsure, in order of time: quotes, what the therapist
did next, the reviewers' codes and notes. A sheet for the supervisee leaves the notes out.
"""

from collections.abc import Callable, Mapping, Sequence

from pipeline.report import html
from pipeline.report.sheet import docx, markdown, phrases
from pipeline.report.sheet.content import Decided, Opinion, Sheet, build

Encoder = Callable[[Sequence[Sheet]], bytes]

SHEET = "sheet"
"""Its file name in the folder of a session, without suffix."""


def _page(sheets: Sequence[Sheet]) -> bytes:
    return html.page("sheet", sheets=sheets, phrases=phrases).encode("utf-8")


FORMATS: Mapping[str, Encoder] = {"html": _page, "md": markdown.encode, "docx": docx.encode}
"""File suffix, and what makes the file of the sheets of one or more sessions."""

MEDIA_TYPES: Mapping[str, str] = {
    "html": "text/html",
    "md": "text/markdown",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
"""Media type of each, which not every machine knows."""

__all__ = ["FORMATS", "MEDIA_TYPES", "SHEET", "Decided", "Opinion", "Sheet", "build"]
