"""What people read of a session: one HTML file, and a line on the terminal."""

from pipeline.report.html import render
from pipeline.report.provenance import DisabledFamily, EngineChoice, Provenance, RuleEntry
from pipeline.report.summary import SessionSummary, Strongest, summarize

__all__ = [
    "DisabledFamily",
    "EngineChoice",
    "Provenance",
    "RuleEntry",
    "SessionSummary",
    "Strongest",
    "render",
    "summarize",
]
