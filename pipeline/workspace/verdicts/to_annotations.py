"""Write verdicts as codes, the form in which rules are scored."""

from collections.abc import Iterable
from typing import Literal

import polars as pl

from pipeline.formats.codes import CODES
from pipeline.workspace.verdicts.verdict import Verdict, standing

Listed = Literal["codes", "uncertain", "benign"]


def as_codes(verdicts: Iterable[Verdict]) -> dict[Listed, pl.DataFrame]:
    """Tables `CODES` of ruptures, of places that count neither way, and of benign places.

    Confirmed and added moments are ruptures, with corrected kind and marker; rejected ones are
    benign. A place counts neither way if a reviewer was unsure, or if one reviewer sees a rupture
    where another rejects it. An entry of an earlier version whose marker belongs to another kind
    counts neither way, and its kind is null. ``session`` is the whole id, ``line`` the number of
    the entry.
    """
    entries = list(verdicts)
    by_session = dict.fromkeys(entry.recording_id for entry in entries)
    latest = [
        entry
        for session in by_session
        for entry in standing(e for e in entries if e.recording_id == session)
    ]
    latest.sort(key=lambda entry: entry.verdict_id or 0)
    rows: dict[Listed, list[dict[str, object]]] = {"codes": [], "uncertain": [], "benign": []}
    for entry in latest:
        kind, marker = _codes_of(entry)
        rows[_list_of(entry, latest)].append(
            {
                "line": entry.verdict_id,
                "session": entry.recording_id,
                "start_ms": entry.start_ms,
                "end_ms": entry.end_ms,
                "kind": kind,
                "marker": marker,
                "salience": entry.salience,
                "rater": entry.reviewer,
            }
        )
    return {name: CODES.frame(own) for name, own in rows.items()}


def _codes_of(entry: Verdict) -> tuple[str | None, str | None]:
    """Kind and marker, as corrected, otherwise as flagged; both null if they disagree."""
    if entry.contradicts_itself:
        return None, None
    if entry.kind in (None, entry.detected_kind):
        return entry.detected_kind, entry.marker or entry.detected_marker
    return entry.kind, entry.marker


def _list_of(entry: Verdict, others: Iterable[Verdict]) -> Listed:
    seen = {_sees(other) for other in others if _same_place(entry, other)} | {_sees(entry)}
    if entry.decision == "unsure" or entry.contradicts_itself or seen >= {"codes", "benign"}:
        return "uncertain"
    return _sees(entry)


def _sees(entry: Verdict) -> Listed:
    seen: dict[str, Listed] = {"reject": "benign", "unsure": "uncertain"}
    return seen.get(entry.decision, "codes")


def _same_place(one: Verdict, other: Verdict) -> bool:
    """Whether two entries concern the same moment: at least half of the shorter one overlaps."""
    if one.recording_id != other.recording_id or one.looked_for != other.looked_for:
        return False
    shared = min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms)
    return 2 * shared >= min(one.end_ms - one.start_ms, other.end_ms - other.start_ms)
