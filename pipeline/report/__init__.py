"""What people read of a session: one HTML file, and a summary on the terminal."""

from pipeline.report.html import render
from pipeline.report.provenance import DisabledFamily, EngineChoice, Provenance, RuleEntry

__all__ = ["DisabledFamily", "EngineChoice", "Provenance", "RuleEntry", "render"]
