"""What a supervision sheet says, before it becomes a page or a document."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from pipeline.core.tables import MOMENTS, Recording, Tables
from pipeline.core.time import ms_to_clock
from pipeline.report import cards, labels, model, number_format
from pipeline.report.cards import Card, Line, Response
from pipeline.report.speakers import People, people
from pipeline.workspace.verdicts import Verdict, attach

DECISIONS = {"confirm": "confirmed", "unsure": "unsure", "added": "added"}
"""Decisions that a sheet shows, and their names; what was rejected is only counted."""


@dataclass(frozen=True)
class Opinion:
    """One reviewer's decision on a moment.

    Attributes
    ----------
    code
        The reviewer's own marker and its name, or the kind alone.
    salience
        1-5; None: not given.
    note
        Empty in a sheet for the supervisee.
    """

    reviewer: str
    decision: str
    code: str
    salience: int | None
    note: str


@dataclass(frozen=True)
class Decided:
    """A moment that was confirmed, added, or left unsure.

    Attributes
    ----------
    headline
        What was observed, in one sentence; empty where nothing was flagged.
    lines
        Turns of the moment, with the turn before and after it.
    response
        What the therapist did next; None where nothing was flagged.
    """

    time: str
    kind: str
    code: str
    headline: str
    lines: tuple[Line, ...]
    response: Response | None
    opinions: tuple[Opinion, ...]


@dataclass(frozen=True)
class Sheet:
    """A session as it is taken into supervision.

    Attributes
    ----------
    facts
        Therapist, date, length; what is not known is left out.
    rejected, undecided
        Numbers of suggested moments.
    for_supervisee
        Reviewers' notes are left out.
    """

    title: str
    facts: tuple[str, ...]
    language: str
    reviewers: tuple[str, ...]
    moments: tuple[Decided, ...]
    rejected: int
    undecided: int
    for_supervisee: bool


@dataclass(frozen=True)
class _Flagged:
    """A suggested moment as `attach` wants it."""

    kind: str
    start_ms: int
    end_ms: int


def build(
    recording: Recording,
    tables: Tables,
    verdicts: Iterable[Verdict],
    *,
    reviewer: str | None = None,
    for_supervisee: bool = False,
) -> Sheet:
    """The sheet of one session.

    Parameters
    ----------
    verdicts
        All entries of the ledger on the session.
    reviewer
        Only this reviewer's decisions; None: everybody's.
    for_supervisee
        Leave notes out.
    """
    who = people(tables, recording.metadata)
    chosen = [entry for entry in verdicts if reviewer in (None, entry.reviewer)]
    rows = (
        tables.get("moments", MOMENTS.empty())
        .filter(pl.col("kind") != "therapist_move")
        .sort("start_ms", "moment_id")
    )
    spans = [_Flagged(*row) for row in rows.select("kind", "start_ms", "end_ms").iter_rows()]
    attached = attach(spans, chosen)
    dated: list[tuple[int, Decided]] = []
    rejected = 0
    for place, card in enumerate(cards.moments(recording, tables, who, {})):
        opinions = attached.moments.get(place, ())
        kept = [entry for entry in opinions if entry.decision in DECISIONS]
        rejected += bool(opinions) and not kept
        if kept:
            moment = _flagged(card, opinions, for_supervisee=for_supervisee)
            dated.append((spans[place].start_ms, moment))
    dated += [
        (entry.start_ms, _unflagged(entry, tables, who, for_supervisee=for_supervisee))
        for entry in attached.loose
        if entry.decision in DECISIONS
    ]
    moments = tuple(moment for _, moment in sorted(dated, key=lambda pair: pair[0]))
    return Sheet(
        title=model.title(recording),
        facts=_facts(recording),
        language=recording.metadata.language or "",
        reviewers=tuple(dict.fromkeys(o.reviewer for each in moments for o in each.opinions)),
        moments=moments,
        rejected=rejected,
        undecided=sum(place not in attached.moments for place in range(len(spans))),
        for_supervisee=for_supervisee,
    )


def _facts(recording: Recording) -> tuple[str, ...]:
    metadata = recording.metadata
    return tuple(
        fact
        for fact in (
            f"therapist {metadata.therapist}" if metadata.therapist else "",
            str(metadata.date) if metadata.date else "",
            ms_to_clock(recording.duration_ms),
        )
        if fact
    )


def _flagged(card: Card, opinions: Sequence[Verdict], *, for_supervisee: bool) -> Decided:
    return Decided(
        time=card.time,
        kind=card.kind,
        code=_code(card.marker, card.kind),
        headline=card.observed,
        lines=card.lines,
        response=_beyond(card),
        opinions=tuple(_opinion(entry, for_supervisee=for_supervisee) for entry in opinions),
    )


def _beyond(card: Card) -> Response | None:
    """The response, without the turns that the moment's lines show already."""
    if card.response is None:
        return None
    shown = {(line.machine_time, line.name) for line in card.lines}
    lines = (line for line in card.response.lines if (line.machine_time, line.name) not in shown)
    return replace(card.response, lines=tuple(lines))


def _unflagged(entry: Verdict, tables: Tables, who: People, *, for_supervisee: bool) -> Decided:
    """A moment that a reviewer added, or that other rules flagged when it was decided."""
    kind = str(entry.kind or entry.detected_kind)
    return Decided(
        time=number_format.clock_range(entry.start_ms, entry.end_ms),
        kind=kind,
        code=_code(entry.marker or entry.detected_marker, kind),
        headline="",
        lines=cards.quoted(tables, who, (entry.start_ms, entry.end_ms)),
        response=None,
        opinions=(_opinion(entry, for_supervisee=for_supervisee),),
    )


def _opinion(entry: Verdict, *, for_supervisee: bool) -> Opinion:
    kind = entry.kind or entry.detected_kind
    return Opinion(
        reviewer=entry.reviewer,
        decision=DECISIONS.get(entry.decision, "rejected"),
        code=_code(entry.marker, kind) if entry.decision in DECISIONS and kind else "",
        salience=entry.salience,
        note="" if for_supervisee else entry.note,
    )


def _code(marker: str | None, kind: str) -> str:
    return f"{marker} {labels.marker(marker)}" if marker else kind
