"""Score one session: its moments against human codes. Pure functions over frames.

A moment is ``right`` if it is paired with an event (`event_matching`), ``uncertain`` if it is not
and is within the tolerance of an uncertain place, otherwise ``false``. A false alarm at an event
that another moment has found is a repeat; it counts as false, because it costs a supervisor the
same time.

A benign place is flagged if a moment *rests* on it: if an item (a turn, a silence) of one of the
moment's primary hits is there. There is no tolerance, because neighbouring items may be ruptures;
an item that is merely between the first and the last item of a moment was not flagged::

    utterances   4   5   6   7   8
    items            ■       ■           a moment from 5 to 7, made of two short answers
    benign           ■   ■               5 is flagged, 6 is not

A moment that rests only on benign places is **refused**: it finds no event, even a near one. So is
a moment that a supervisor rejected (`verdicts.attach`), or that rests on a rejected place in part:
a rejection concerns the whole moment, a list of benign places single items. A refused moment is
``false``, or ``uncertain`` where this very place is uncertain, as where two reviewers disagree.

Five-minute segments (3RS) count from the start of the recording; the last may be shorter. A segment
is coded if a code begins in it, or if a sheet has a check or check-minus there; it is flagged if a
moment begins in it. A segment with nothing but an uncertain place counts neither way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.core.schema import Column, Schema
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import RUPTURES
from pipeline.formats.codes import SHEETS
from pipeline.research.agreement.alignment import PLACED
from pipeline.research.agreement.event_matching import Place, chains, pairs
from pipeline.research.agreement.metrics import MarkerTally, Segments, Tally
from pipeline.rules.language import columns
from pipeline.workspace.verdicts import Verdict, attach

Row = dict[str, Any]
Stretch = tuple[int, int]
"""First millisecond, first millisecond after."""

_KIND = Column("kind", pl.String, "of rupture", allowed=RUPTURES)

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
        Column(
            "kind", pl.String, "of the moments that would be wrong", null="any", allowed=RUPTURES
        ),
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
    verdicts
        What supervisors decided in this session, whatever is replaced too: their rejections belong
        to moments. As places they stand in the tables.
    """

    codes: pl.DataFrame | None
    uncertain: pl.DataFrame
    benign: pl.DataFrame
    sheets: pl.DataFrame
    verdicts: tuple[Verdict, ...] = ()

    @classmethod
    def zero(cls) -> "Coded":
        """A coded session without any code."""
        return cls(PLACED.empty(), PLACED.empty(), PLACED.empty(), SHEETS.empty())


@dataclass(frozen=True, eq=False)
class Judged:
    """What came of one session, as rows: frames of a few rows each would take most of the time.

    Attributes
    ----------
    flagged
        Rows of table `FLAGGED`.
    flags
        The same moments, in order, as they are matched.
    coded
        Rows of table `EVENTS`, and the `Place` of each.
    passed
        Rows of table `BENIGN`.
    """

    flagged: Sequence[Row]
    flags: Sequence["Flag"]
    coded: Sequence[tuple[Row, Place]]
    passed: Sequence[Row]

    @property
    def moments(self) -> pl.DataFrame:
        """Table `FLAGGED`."""
        return FLAGGED.frame(self.flagged)

    @property
    def events(self) -> pl.DataFrame:
        """Table `EVENTS`."""
        return EVENTS.frame(row for row, _ in self.coded)

    @property
    def benign(self) -> pl.DataFrame:
        """Table `BENIGN`."""
        return BENIGN.frame(self.passed)


def judge(
    moments: pl.DataFrame,
    places: Sequence[Place],
    coded: Coded,
    tolerance: int,
    items: Mapping[int, Sequence[Stretch]],
) -> Judged:
    """Determine for each moment whether it is right, and for each event whether it was found.

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
    events, unsure = _events(coded, tolerance), kinds_and_places(coded.uncertain)
    rows = moments.select("moment_id", "kind", "marker", "start_ms", "end_ms", "score").to_dicts()
    passed = list(_flagged(coded.benign, rows, items))
    refused = _rejected(rows, coded.verdicts) | _on_benign(coded, passed, items)
    flagged = [
        Flag(row["kind"], row["marker"], at, refused=row["moment_id"] in refused)
        for row, at in zip(rows, places, strict=True)
    ]
    for row, verdict in zip(rows, outcomes(flagged, events, unsure, tolerance), strict=True):
        row |= {"outcome": verdict.outcome, "repeat": verdict.repeat, "event_id": verdict.event}
    finders = {row["event_id"]: row["moment_id"] for row in rows if row["event_id"] is not None}
    for number, (event, _) in enumerate(events):
        event["moment_id"] = finders.get(number)
    return Judged(rows, flagged, events, passed)


def rests_on(moments: pl.DataFrame, hits: pl.DataFrame, tables: Tables) -> dict[int, list[Stretch]]:
    """Stretches of the items of the primary hits of each moment, by its id."""
    told = hits.select("hit_id", "item", "item_ids").rows()
    of_hit = {hit_id: (item, item_ids) for hit_id, item, item_ids in told}
    needed = {of_hit[hit][0] for own in moments["primary_hits"].to_list() for hit in own}
    bounds = {item: columns.bounds(item, tables) for item in needed}
    return {
        moment_id: [
            bounds[item](item_id) for item, ids in map(of_hit.__getitem__, own) for item_id in ids
        ]
        for moment_id, own in moments.select("moment_id", "primary_hits").rows()
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
    own = [row for row in judged.flagged if row["kind"] in kinds]
    counting = [row for row in own if row["outcome"] != "uncertain"]
    best = sorted(counting, key=lambda row: (-row["score"], row["start_ms"], row["moment_id"]))
    right = [row["outcome"] == "right" for row in best]
    benign = [row for row in judged.passed if row["kind"] in (None, *kinds)]
    flagging = {row["moment_id"] for row in own}
    return Tally(
        sessions=1,
        duration_ms=duration_ms,
        events=sum(row["kind"] in kinds for row, _ in judged.coded),
        found=sum(right),
        false_alarms=len(right) - sum(right),
        repeats=sum(row["repeat"] for row in counting),
        uncertain=len(own) - len(counting),
        benign=len(benign),
        benign_flagged=sum(not flagging.isdisjoint(row["moments"]) for row in benign),
        top={k: len(right[:k]) for k in top},
        top_right={k: sum(right[:k]) for k in top},
        segments=cells,
        ranked=tuple((row["score"], was) for row, was in zip(best, right, strict=True)),
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
    sheets = coded.sheets.select("kind", "checks", "minuses", "segment").rows()
    theirs |= {
        number - 1 for kind, checks, minuses, number in sheets if kind in kinds and checks + minuses
    }
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
    markers = {row["event_id"]: frozenset(row["markers"]) for row, _ in judged.coded}
    for event, _ in judged.coded:
        was = int(event["moment_id"] is not None)
        for marker in set(event["markers"]):
            found[marker] = found.get(marker, MarkerTally()) + MarkerTally(events=1, found=was)
    for moment in judged.flagged:
        if moment["outcome"] == "uncertain":
            continue
        marker = moment["marker"]
        right = int(moment["outcome"] == "right")
        same = int(marker in markers.get(moment["event_id"], ()))
        found[marker] = found.get(marker, MarkerTally()) + MarkerTally(
            moments=1, right=right, same=same
        )
    return found


@dataclass(frozen=True)
class Flag:
    """A moment as it is matched; `refused`: it may find nothing."""

    kind: str
    marker: str
    at: Place
    refused: bool


@dataclass(frozen=True)
class _Verdict:
    outcome: str
    repeat: bool
    event: int | None


def outcomes(
    moments: Sequence[Flag],
    events: Sequence[tuple[Row, Place]],
    unsure: Iterable[tuple[str | None, Place]],
    tolerance: int,
) -> list[_Verdict]:
    """What each moment is."""
    found: dict[int, int] = {}
    for kind in RUPTURES:
        mine = [
            number
            for number, moment in enumerate(moments)
            if moment.kind == kind and not moment.refused
        ]
        theirs = [number for number, (event, _) in enumerate(events) if event["kind"] == kind]
        same = [
            (m, e)
            for m, number in enumerate(mine)
            for e, event in enumerate(theirs)
            if moments[number].marker in events[event][0]["markers"]
        ]
        there = [events[number][1] for number in theirs]
        matched = pairs([moments[number].at for number in mine], there, tolerance, same)
        found |= {mine[pair.moment]: theirs[pair.event] for pair in matched}
    verdicts = []
    taken = [(event["kind"], place) for event, place in events]
    for number, moment in enumerate(moments):
        if number in found:
            verdicts.append(_Verdict("right", repeat=False, event=found[number]))
        elif _within(moment, unsure, 0 if moment.refused else tolerance):
            verdicts.append(_Verdict("uncertain", repeat=False, event=None))
        else:
            near = not moment.refused and _within(moment, taken, tolerance)
            verdicts.append(_Verdict("false", repeat=near, event=None))
    return verdicts


def _events(coded: Coded, tolerance: int) -> list[tuple[Row, Place]]:
    """Codes of one kind near each other as one event; in order of start.

    A code at a place that the list of uncertain places has too is left out.
    """
    assert coded.codes is not None
    unsure = set(kinds_and_places(coded.uncertain))
    rows = [
        row
        for row in coded.codes.iter_rows(named=True)
        if not {(kind, Place(row["low"], row["high"])) for kind in (None, row["kind"])} & unsure
    ]
    found: list[tuple[Row, Place]] = []
    for kind in RUPTURES:
        own = [row for row in rows if row["kind"] == kind]
        for chain in chains([Place(row["low"], row["high"]) for row in own], tolerance):
            parts = [own[number] for number in chain]
            salience = [row["salience"] for row in parts if row["salience"] is not None]
            event = {
                "kind": kind,
                "markers": sorted({row["marker"] for row in parts if row["marker"]}),
                "start_ms": min(row["start_ms"] for row in parts),
                "end_ms": max(row["end_ms"] for row in parts),
                "codes": len(parts),
                "salience": max(salience, default=None),
                "lines": [row["line"] for row in parts],
            }
            low, high = min(row["low"] for row in parts), max(row["high"] for row in parts)
            found.append((event, Place(low, high)))
    found.sort(key=lambda each: (each[0]["start_ms"], each[0]["end_ms"], each[0]["kind"]))
    for number, (event, _) in enumerate(found):
        event["event_id"] = number
    return found


def kinds_and_places(placed: pl.DataFrame) -> list[tuple[str | None, Place]]:
    """Rows of table `PLACED`, each as its kind (None: whatever kind) and its place."""
    rows = placed.select("kind", "low", "high").iter_rows()
    return [(kind, Place(low, high)) for kind, low, high in rows]


def _within(moment: Flag, places: Iterable[tuple[str | None, Place]], tolerance: int) -> bool:
    return any(
        other.gap(moment.at) <= tolerance for kind, other in places if kind in (None, moment.kind)
    )


@dataclass(frozen=True)
class _Span:
    kind: str
    start_ms: int
    end_ms: int


def _on_benign(
    coded: Coded, passed: Sequence[Row], items: Mapping[int, Sequence[Stretch]]
) -> frozenset[int]:
    """Ids of the moments that rest on nothing but a benign place, or at all on a rejected one."""
    bounds = coded.benign.select("start_ms", "end_ms").iter_rows()
    return frozenset(
        moment
        for (first_ms, last_ms), row in zip(bounds, passed, strict=True)
        for moment in row["moments"]
        if coded.verdicts
        or all(first_ms <= start_ms and end_ms <= last_ms for start_ms, end_ms in items[moment])
    )


def _rejected(moments: Sequence[Row], verdicts: Sequence[Verdict]) -> frozenset[int]:
    """Ids of the moments to which a rejection belongs, as the desk shows them."""
    spans = [_Span(row["kind"], row["start_ms"], row["end_ms"]) for row in moments]
    attached = attach(spans, verdicts).moments
    return frozenset(
        moments[place]["moment_id"]
        for place, own in attached.items()
        if any(verdict.decision == "reject" for verdict in own)
    )


def _flagged(
    benign: pl.DataFrame,
    moments: Sequence[Row],
    items: Mapping[int, Sequence[Stretch]],
) -> Iterable[Row]:
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
    told = frame.select("kind", "start_ms").rows()
    return [start_ms for kind, start_ms in told if kind in (None, *kinds)]
