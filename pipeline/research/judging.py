"""One session: its moments against what people coded in it. Pure functions over frames.

A moment is ``right`` if it has an event of its own (`matching`), ``uncertain`` if it has none and
lies within the tolerance of a place on which people were unsure, else ``false``. A false alarm at
an event that another moment has found is a repeat; it counts as false, for it costs a supervisor
the same time.

A benign place is flagged if a moment *rests* on it: if an item (a turn, a silence) of one of the
moment's primary hits lies there. No tolerance, for its neighbours may well be ruptures; and what
only stands between the first and the last item of a moment was not flagged, but passed over::

    utterances   4   5   6   7   8
    items            ■       ■           a moment from 5 to 7, made of two short answers
    benign           ■   ■               5 is flagged, 6 is not

Five-minute segments (3RS) count from the start of the recording; the last may be shorter. A segment
is coded if a code begins in it, or if a sheet has a check or check-minus there; it is flagged if a
moment begins in it. A segment with nothing but an uncertain place counts neither way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.formats.codes import KINDS, SHEETS
from pipeline.research.matching import Place, chains, pairs
from pipeline.research.placing import PLACED
from pipeline.research.tally import MarkerTally, RuleTally, Segments, Tally
from pipeline.rules import columns
from pipeline.schema import Column, Schema
from pipeline.tables import Tables

Stretch = tuple[int, int]
"""First millisecond, first millisecond after."""

_KIND = Column("kind", pl.String, "of rupture", allowed=KINDS)

FLAGGED = Schema(
    "judged moments",
    (
        Column("moment_id", pl.Int64, "id in the table moments"),
        _KIND,
        Column("marker", pl.String, "3RS code"),
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after"),
        Column("score", pl.Float64, "0-1"),
        Column("outcome", pl.String, "what it is", allowed=("right", "false", "uncertain")),
        Column("repeat", pl.Boolean, "false, at an event that another moment has found"),
        Column("event_id", pl.Int64, "what it found", null="nothing"),
    ),
)

EVENTS = Schema(
    "judged events",
    (
        Column("event_id", pl.Int64, "0-based, in order of start"),
        _KIND,
        Column("markers", pl.List(pl.String), "3RS codes of its codes"),
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after"),
        Column("codes", pl.Int64, "number of its codes"),
        Column("salience", pl.Float64, "largest of its codes, 1-5", null="not told"),
        Column("lines", pl.List(pl.Int64), "lines of its codes in their file"),
        Column("moment_id", pl.Int64, "moment that found it", null="missed"),
    ),
)

BENIGN = Schema(
    "judged benign places",
    (
        Column("line", pl.Int64, "line in its file"),
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("kind", pl.String, "of the moments that would be wrong", null="any", allowed=KINDS),
        Column("moments", pl.List(pl.Int64), "moments that rest on it; empty: it is not flagged"),
    ),
)


@dataclass(frozen=True, eq=False)
class Coded:
    """What people coded in one session, placed on the axis of the tolerance.

    Attributes
    ----------
    codes, uncertain, benign
        Tables `PLACED`; None of `codes`: only sheets were made of this session.
    sheets
        Table `SHEETS`.
    """

    codes: pl.DataFrame | None
    uncertain: pl.DataFrame
    benign: pl.DataFrame
    sheets: pl.DataFrame

    @classmethod
    def zero(cls) -> "Coded":
        """Somebody looked, and found nothing."""
        return cls(PLACED.empty(), PLACED.empty(), PLACED.empty(), SHEETS.empty())


@dataclass(frozen=True, eq=False)
class Judged:
    """Tables `FLAGGED`, `EVENTS`, `BENIGN` of one session."""

    moments: pl.DataFrame
    events: pl.DataFrame
    benign: pl.DataFrame


def judge(
    moments: pl.DataFrame,
    places: Sequence[Place],
    coded: Coded,
    tolerance: int,
    items: Mapping[int, Sequence[Stretch]],
) -> Judged:
    """Say of each moment whether it is right, and of each event whether it was found.

    Parameters
    ----------
    moments
        Table `moments`, therapist's moves left out.
    places
        Of each moment, in order, on the axis of the codes.
    coded
        Its `codes` must be there.
    items
        Stretches of the items that each moment rests on, by its id: see `rests_on`.
    """
    events, unsure = _events(coded, tolerance), _places(coded.uncertain)
    rows = moments.select("moment_id", "kind", "marker", "start_ms", "end_ms", "score").to_dicts()
    flagged = [(row["kind"], row["marker"], at) for row, at in zip(rows, places, strict=True)]
    for row, verdict in zip(rows, _verdicts(flagged, events, unsure, tolerance), strict=True):
        row |= {"outcome": verdict.outcome, "repeat": verdict.repeat, "event_id": verdict.event}
    finders = {row["event_id"]: row["moment_id"] for row in rows if row["event_id"] is not None}
    return Judged(
        FLAGGED.frame(rows),
        EVENTS.frame(
            {name: event[name] for name in EVENTS.names if name != "moment_id"}
            | {"moment_id": finders.get(number)}
            for number, event in enumerate(events)
        ),
        BENIGN.frame(_flagged(coded.benign, rows, items)),
    )


def rests_on(moments: pl.DataFrame, hits: pl.DataFrame, tables: Tables) -> dict[int, list[Stretch]]:
    """Stretches of the items of the primary hits of each moment, by its id."""
    of_hit = {row["hit_id"]: row for row in hits.iter_rows(named=True)}
    needed = {of_hit[hit]["item"] for own in moments["primary_hits"].to_list() for hit in own}
    bounds = {item: columns.bounds(item, tables) for item in needed}
    return {
        moment_id: [
            bounds[of_hit[hit]["item"]][item_id]
            for hit in own
            for item_id in of_hit[hit]["item_ids"]
        ]
        for moment_id, own in moments.select("moment_id", "primary_hits").iter_rows()
    }


def tally(
    judged: Judged, cells: Segments, kinds: Iterable[str], duration_ms: int, top: Sequence[int]
) -> Tally:
    """Counts of one session over moments and events of `kinds`.

    Parameters
    ----------
    cells
        Its segments.
    top
        The k of precision at k.
    """
    kinds = tuple(kinds)
    own = judged.moments.filter(pl.col("kind").is_in(kinds))
    counting = own.filter(pl.col("outcome") != "uncertain")
    best = counting.sort("score", "start_ms", "moment_id", descending=[True, False, False])
    right = (best["outcome"] == "right").to_list()
    benign = judged.benign.filter(pl.col("kind").is_null() | pl.col("kind").is_in(kinds))
    flagging = set(own["moment_id"])
    return Tally(
        sessions=1,
        duration_ms=duration_ms,
        events=judged.events.filter(pl.col("kind").is_in(kinds)).height,
        found=sum(right),
        false_alarms=len(right) - sum(right),
        repeats=int(counting["repeat"].sum()),
        uncertain=own.height - counting.height,
        benign=benign.height,
        benign_flagged=sum(not flagging.isdisjoint(row) for row in benign["moments"].to_list()),
        top={k: len(right[:k]) for k in top},
        top_right={k: sum(right[:k]) for k in top},
        segments=cells,
        ranked=tuple(zip(best["score"].to_list(), right, strict=True)),
    )


def segments(
    moments: pl.DataFrame,
    coded: Coded,
    kinds: Iterable[str],
    duration_ms: int,
    segment_ms: int,
) -> Segments:
    """Five-minute segments of one session: coded and flagged, as the module says.

    With several kinds, a segment counts as coded if any of them was coded there.
    """
    kinds = tuple(kinds)
    mine = {row // segment_ms for row in _starts(moments, kinds)}
    theirs = {row // segment_ms for row in _starts(coded.codes, kinds)}
    unsure = {row // segment_ms for row in _starts(coded.uncertain, kinds)}
    marked = coded.sheets.filter(
        pl.col("kind").is_in(kinds), pl.col("checks") + pl.col("minuses") > 0
    )
    theirs |= {number - 1 for number in marked["segment"].to_list()}
    count = {"both": 0, "codes_only": 0, "flags_only": 0, "neither": 0}
    for number in range(-(-duration_ms // segment_ms)):
        if number in unsure - theirs:
            continue
        is_mine, is_theirs = number in mine, number in theirs
        if is_theirs:
            count["both" if is_mine else "codes_only"] += 1
        else:
            count["flags_only" if is_mine else "neither"] += 1
    return Segments(**count)


def by_marker(judged: Judged) -> dict[str, MarkerTally]:
    """Counts of each 3RS marker that was coded or flagged in one session."""
    found: dict[str, MarkerTally] = {}
    markers = {
        row["event_id"]: frozenset(row["markers"]) for row in judged.events.iter_rows(named=True)
    }
    for event in judged.events.iter_rows(named=True):
        was = int(event["moment_id"] is not None)
        for marker in set(event["markers"]):
            found[marker] = found.get(marker, MarkerTally()) + MarkerTally(events=1, found=was)
    for moment in judged.moments.filter(pl.col("outcome") != "uncertain").iter_rows(named=True):
        marker = moment["marker"]
        right = int(moment["outcome"] == "right")
        same = int(marker in markers.get(moment["event_id"], ()))
        found[marker] = found.get(marker, MarkerTally()) + MarkerTally(
            moments=1, right=right, same=same
        )
    return found


def by_rule(
    judged: Judged,
    hits: pl.DataFrame,
    moments: pl.DataFrame,
    places: Sequence[Place],
    coded: Coded,
    tolerance: int,
) -> dict[str, RuleTally]:
    """What each rule with a hit in one session adds.

    What would be lost without a rule is found by taking its hits out of the moments: a moment
    without a primary hit left vanishes, the others keep their bounds. (Merged again, a moment that
    the rule had held together might become two; that is left aside.)

    Parameters
    ----------
    hits, moments
        Tables of that name, therapist's moves left out.
    """
    rule_of = dict(hits.select("hit_id", "rule").iter_rows())
    stands_on = {
        row["moment_id"]: {rule_of[hit] for hit in row["primary_hits"]}
        for row in moments.iter_rows(named=True)
    }
    supported = {
        row["moment_id"]: {rule_of[hit] for hit in row["supporting_hits"]}
        for row in moments.iter_rows(named=True)
    }
    outcome = dict(judged.moments.select("moment_id", "outcome").iter_rows())
    right = sum(value == "right" for value in outcome.values())
    false = sum(value == "false" for value in outcome.values())
    found = {}
    events, unsure = _events(coded, tolerance), _places(coded.uncertain)
    kinds, markers = moments["kind"].to_list(), moments["marker"].to_list()
    flagged = dict(
        zip(moments["moment_id"].to_list(), zip(kinds, markers, places, strict=True), strict=True)
    )
    counts = hits.group_by("rule").agg(
        pl.col("suppressed_by").is_null().sum().alias("counting"), pl.len().alias("all")
    )
    for rule, counting, number in counts.sort("rule").iter_rows():
        held = [m for m, rules in stands_on.items() if rule in rules and outcome[m] != "uncertain"]
        alone = {m for m, rules in stands_on.items() if rules == {rule}}
        lost = spared = 0
        if alone:
            left = [each for m, each in flagged.items() if m not in alone]
            without = [each.outcome for each in _verdicts(left, events, unsure, tolerance)]
            lost, spared = right - without.count("right"), false - without.count("false")
        found[rule] = RuleTally(
            hits=counting,
            suppressed=number - counting,
            moments=len(held),
            right=sum(outcome[m] == "right" for m in held),
            supports=sum(
                rule in rules and rule not in stands_on[m] for m, rules in supported.items()
            ),
            alone=sum(outcome[m] == "right" for m in alone),
            lost=lost,
            spared=spared,
            benign=sum(not alone.isdisjoint(row) for row in judged.benign["moments"].to_list()),
        )
    return found


@dataclass(frozen=True)
class _Verdict:
    outcome: str
    repeat: bool
    event: int | None


def _verdicts(
    moments: Sequence[tuple[str, str, Place]],
    events: Sequence[dict[str, Any]],
    unsure: Iterable[tuple[str | None, Place]],
    tolerance: int,
) -> list[_Verdict]:
    """What each moment is, given its kind, its marker and its place."""
    found: dict[int, int] = {}
    for kind in KINDS:
        mine = [number for number, moment in enumerate(moments) if moment[0] == kind]
        theirs = [number for number, event in enumerate(events) if event["kind"] == kind]
        same = [
            (m, e)
            for m, number in enumerate(mine)
            for e, event in enumerate(theirs)
            if moments[number][1] in events[event]["markers"]
        ]
        there = [events[number]["place"] for number in theirs]
        matched = pairs([moments[number][2] for number in mine], there, tolerance, same)
        found |= {mine[pair.moment]: theirs[pair.event] for pair in matched}
    verdicts = []
    for number, (kind, _, at) in enumerate(moments):
        if number in found:
            verdicts.append(_Verdict("right", repeat=False, event=found[number]))
        elif _within(at, kind, unsure, tolerance):
            verdicts.append(_Verdict("uncertain", repeat=False, event=None))
        else:
            taken = ((event["kind"], event["place"]) for event in events)
            near = _within(at, kind, taken, tolerance)
            verdicts.append(_Verdict("false", repeat=near, event=None))
    return verdicts


def _events(coded: Coded, tolerance: int) -> list[dict[str, Any]]:
    """Codes of one kind near each other as one event; in order of start.

    A code at a place that the list of uncertain places has too is left out.
    """
    assert coded.codes is not None
    unsure = set(_places(coded.uncertain))
    rows = [
        row
        for row in coded.codes.iter_rows(named=True)
        if not {(kind, Place(row["low"], row["high"])) for kind in (None, row["kind"])} & unsure
    ]
    found: list[dict[str, Any]] = []
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind]
        for chain in chains([Place(row["low"], row["high"]) for row in own], tolerance):
            parts = [own[number] for number in chain]
            salience = [row["salience"] for row in parts if row["salience"] is not None]
            found.append(
                {
                    "kind": kind,
                    "markers": sorted({row["marker"] for row in parts if row["marker"]}),
                    "start_ms": min(row["start_ms"] for row in parts),
                    "end_ms": max(row["end_ms"] for row in parts),
                    "codes": len(parts),
                    "salience": max(salience, default=None),
                    "lines": [row["line"] for row in parts],
                    "place": Place(
                        min(row["low"] for row in parts), max(row["high"] for row in parts)
                    ),
                }
            )
    found.sort(key=lambda event: (event["start_ms"], event["end_ms"], event["kind"]))
    return [{"event_id": number, **event} for number, event in enumerate(found)]


def _places(placed: pl.DataFrame) -> list[tuple[str | None, Place]]:
    rows = placed.select("kind", "low", "high").iter_rows()
    return [(kind, Place(low, high)) for kind, low, high in rows]


def _within(
    at: Place, kind: str, places: Iterable[tuple[str | None, Place]], tolerance: int
) -> bool:
    return any(other.gap(at) <= tolerance for of_kind, other in places if of_kind in (None, kind))


def _flagged(
    benign: pl.DataFrame,
    moments: Sequence[dict[str, Any]],
    items: Mapping[int, Sequence[Stretch]],
) -> Iterable[dict[str, object]]:
    """Benign places with the moments that rest on them."""
    for row in benign.iter_rows(named=True):
        yield {
            "line": row["line"],
            "start_ms": row["start_ms"],
            "kind": row["kind"],
            "moments": [
                moment["moment_id"]
                for moment in moments
                if row["kind"] in (None, moment["kind"])
                and any(
                    start_ms < row["end_ms"] and end_ms > row["start_ms"]
                    for start_ms, end_ms in items[moment["moment_id"]]
                )
            ],
        }


def _starts(frame: pl.DataFrame | None, kinds: Sequence[str]) -> list[int]:
    """Starts of rows of these kinds, or of whatever kind."""
    if frame is None:
        return []
    found: list[int] = frame.filter(pl.col("kind").is_null() | pl.col("kind").is_in(kinds))[
        "start_ms"
    ].to_list()
    return found
