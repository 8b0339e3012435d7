"""What people read about a session: one HTML report, and a line on the terminal."""

from pipeline.report.html import REPORT, WITH_CLIPS, render
from pipeline.report.model import Notice, notices, title
from pipeline.report.summary import SessionSummary, Strongest, summarize
from pipeline.workspace.provenance import DisabledFamily, EngineChoice, Provenance

__all__ = [
    "REPORT",
    "WITH_CLIPS",
    "DisabledFamily",
    "EngineChoice",
    "Notice",
    "Provenance",
    "SessionSummary",
    "Strongest",
    "notices",
    "render",
    "summarize",
    "title",
]
