"""Find the moment of the last run to which an earlier verdict belongs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.workspace.verdicts.verdict import Span, Verdict, standing


@dataclass(frozen=True)
class Attached:
    """The standing verdicts of a session.

    Attributes
    ----------
    moments
        By index of the moment: the latest verdict of each reviewer, oldest first.
    loose
        Verdicts without a moment: on spans that are no longer flagged, and added moments.
    """

    moments: Mapping[int, tuple[Verdict, ...]]
    loose: tuple[Verdict, ...]


def attach(moments: Sequence[Span], verdicts: Iterable[Verdict]) -> Attached:
    """Attach each verdict to the moment of the same detected kind that it overlaps most.

    The overlap must be at least half of the shorter span; with equal overlap the earlier moment
    counts. Verdicts therefore survive a run with other rules, which shifts the bounds of moments.
    """
    found: dict[int, dict[str, Verdict]] = {}
    loose = []
    for verdict in standing(verdicts):
        place = _place(moments, verdict)
        if place is None:
            loose.append(verdict)
        else:
            own = found.setdefault(place, {})
            own.pop(verdict.reviewer, None)  # the later verdict counts, at its own position
            own[verdict.reviewer] = verdict
    by_moment = {place: tuple(own.values()) for place, own in found.items()}
    return Attached(by_moment, tuple(loose))


def _place(moments: Sequence[Span], verdict: Verdict) -> int | None:
    best, most = None, 0
    for place, moment in enumerate(moments):
        if moment.kind != verdict.looked_for:
            continue
        shared = min(moment.end_ms, verdict.end_ms) - max(moment.start_ms, verdict.start_ms)
        shorter = min(moment.end_ms - moment.start_ms, verdict.end_ms - verdict.start_ms)
        if 2 * shared >= shorter and shared > most:
            best, most = place, shared
    return best
