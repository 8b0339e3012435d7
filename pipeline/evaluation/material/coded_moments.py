"""Moments and codes of a session, a line each, to be judged by hand."""

import polars as pl

from pipeline.core.tables import MOMENTS
from pipeline.research.agreement.alignment import PLACED


def moments_of(*rows: tuple[int, int, str, float, list[int]]) -> pl.DataFrame:
    """Start and end in s, marker, score, primary hits."""
    return MOMENTS.frame(
        {
            "moment_id": number,
            "kind": "withdrawal" if marker[0] == "W" else "confrontation",
            "marker": marker,
            "start_ms": start_s * 1000,
            "end_ms": end_s * 1000,
            "score": score,
            "primary_hits": hits,
            "supporting_hits": [],
            "quote_turns": [],
            "response_codes": [],
            "response_turns": [],
            "caveats": [],
        }
        for number, (start_s, end_s, marker, score, hits) in enumerate(rows)
    )


def placed(*rows: tuple[int, str | None]) -> pl.DataFrame:
    """Points in time in s, each with a marker, or of whatever kind."""
    kinds = {"W": "withdrawal", "C": "confrontation"}
    return PLACED.frame(
        {
            "line": number,
            "low": at_s * 1000,
            "high": at_s * 1000,
            "start_ms": at_s * 1000,
            "end_ms": at_s * 1000 + 1,
            "kind": kinds[marker[0]] if marker else None,
            "marker": marker,
        }
        for number, (at_s, marker) in enumerate(rows, 2)
    )
