"""One moment with its evidence, ready to be written down."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from pipeline.report import names, timeline, wording
from pipeline.report.people import People
from pipeline.report.timeline import SHOWN_SILENCE_MS, Timeline
from pipeline.tables import HITS, MOMENTS, SET_ASIDE, SILENCES, TURNS, Recording, Tables
from pipeline.timebase import ms_to_clock

_AROUND_MS = 6_000
"""How much is drawn before and after the turns that are quoted."""

Hit = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """An observed value; `column` is its name in rules."""

    column: str
    label: str
    text: str


@dataclass(frozen=True)
class Clause:
    """One clause of a rule and what became of it: held, failed or aside.

    `repeats`: with it the rule's clauses begin again, for the next item of the same hit.
    """

    text: str
    condition: str
    status: str
    status_words: str
    values: tuple[Value, ...]
    repeats: bool


@dataclass(frozen=True)
class Parameter:
    """A number of a rule with its source."""

    name: str
    label: str
    text: str
    source: str


@dataclass(frozen=True)
class Evidence:
    """One hit of a rule."""

    rule: str
    kind: str
    kind_name: str
    marker: str
    marker_name: str
    time: str
    primary: bool
    weight: str
    sentence: str
    clauses: tuple[Clause, ...]
    parameters: tuple[Parameter, ...]
    suppressed_by: str


@dataclass(frozen=True)
class Line:
    """A quoted turn, with the silence that came before it."""

    name: str
    role: str
    time: str
    machine_time: str
    text: str | None
    within: bool
    silence_before: str


@dataclass(frozen=True)
class Response:
    """What the therapist did next."""

    state: str
    name: str
    sentence: str
    codes: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Card:
    """One moment."""

    number: int
    anchor: str
    kind: str
    kind_name: str
    marker: str
    marker_name: str
    time: str
    start: str
    machine_time: str
    length: str
    rank: int
    of: int
    score: str
    observed: str
    supported: tuple[str, ...]
    lines: tuple[Line, ...]
    response: Response | None
    caveats: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    picture: Timeline


def numbers(tables: Tables) -> dict[int, int]:
    """moment_id to the number on the card, in order of time; therapist moves have none."""
    moments = _ordered(tables).filter(pl.col("kind") != "therapist_move")
    return {moment_id: n for n, moment_id in enumerate(moments["moment_id"], start=1)}


def moments(recording: Recording, tables: Tables, people: People) -> tuple[Card, ...]:
    """Candidate moments in order of time, each with its rank by score."""
    return _cards(recording, tables, people, _ordered(tables), moves=False)


def moves(recording: Recording, tables: Tables, people: People) -> tuple[Card, ...]:
    """What the therapist was seen to do, apart from the moments."""
    return _cards(recording, tables, people, _ordered(tables), moves=True)


def one(recording: Recording, tables: Tables, people: People, moment_id: int) -> Card | None:
    """The card of one moment, with its number and rank among all; None: there is no such."""
    number = numbers(tables).get(moment_id)
    if number is None:
        return None
    chosen = _ordered(tables).filter(moment_id=moment_id)
    (card,) = _cards(recording, tables, people, chosen, moves=False)
    candidates = tables["moments"].filter(pl.col("kind") != "therapist_move")
    score = chosen["score"][0]
    rank = 1 + candidates.filter(pl.col("score") > score).height
    return replace(card, number=number, anchor=f"moment-{number}", rank=rank, of=candidates.height)


def observed(tables: Tables) -> dict[int, str]:
    """What was observed, in one sentence, by moment_id: that of its strongest primary hit."""
    hits = {hit["hit_id"]: hit for hit in tables.get("hits", HITS.empty()).iter_rows(named=True)}
    return {
        moment_id: _sentence(min((hits[i] for i in primary), key=_strength))
        for moment_id, primary in tables.get("moments", MOMENTS.empty())
        .select("moment_id", "primary_hits")
        .iter_rows()
    }


def suppressed(tables: Tables) -> tuple[Evidence, ...]:
    """Hits that do not count, each with its reason."""
    hits = tables.get("hits", HITS.empty()).filter(pl.col("suppressed_by").is_not_null())
    return tuple(_evidence(hit) for hit in hits.sort("start_ms", "hit_id").iter_rows(named=True))


def cut(tables: Tables) -> tuple[Evidence, ...]:
    """Moments that the settings keep from the list, each by its strongest sign, with the reason."""
    hits = {hit["hit_id"]: hit for hit in tables.get("hits", HITS.empty()).iter_rows(named=True)}
    made = []
    for moment in tables.get("set_aside", SET_ASIDE.empty()).iter_rows(named=True):
        primary = [hits[number] for number in moment["primary_hits"]]
        strongest = max(primary, key=lambda hit: (hit["weight"], -hit["hit_id"]))
        time = wording.clock_range(moment["start_ms"], moment["end_ms"])
        made.append(replace(_evidence(strongest), time=time, suppressed_by=moment["because"]))
    return tuple(made)


def alone(tables: Tables) -> tuple[Evidence, ...]:
    """Hits that count and belong to no moment: support without a primary sign."""
    made = (tables.get("moments", MOMENTS.empty()), tables.get("set_aside", SET_ASIDE.empty()))
    used = {
        hit
        for frame in made
        for name in ("primary_hits", "supporting_hits")
        for own in frame[name].to_list()
        for hit in own
    }
    hits = tables.get("hits", HITS.empty()).filter(
        pl.col("suppressed_by").is_null() & ~pl.col("hit_id").is_in(list(used))
    )
    return tuple(_evidence(hit) for hit in hits.sort("start_ms", "hit_id").iter_rows(named=True))


def _ordered(tables: Tables) -> pl.DataFrame:
    return tables.get("moments", MOMENTS.empty()).sort("start_ms", "moment_id")


def _cards(
    recording: Recording, tables: Tables, people: People, chosen: pl.DataFrame, *, moves: bool
) -> tuple[Card, ...]:
    is_move = pl.col("kind") == "therapist_move"
    chosen = chosen.filter(is_move if moves else ~is_move)
    ranks = chosen["score"].rank("min", descending=True).cast(pl.Int64).to_list()
    hits = {hit["hit_id"]: hit for hit in tables.get("hits", HITS.empty()).iter_rows(named=True)}
    quotes = _Quotes(tables, people)
    cards = []
    for number, (moment, rank) in enumerate(
        zip(chosen.iter_rows(named=True), ranks, strict=True), start=1
    ):
        primary, supporting = (
            sorted((hits[i] for i in moment[name]), key=_strength)
            for name in ("primary_hits", "supporting_hits")
        )
        span = (moment["start_ms"], moment["end_ms"])
        lines = quotes.lines(moment["quote_turns"], span)
        sentences = [_sentence(hit) for hit in (*primary, *supporting)]
        cards.append(
            Card(
                number=number,
                anchor=f"move-{number}" if moves else f"moment-{number}",
                kind=moment["kind"],
                kind_name=names.KINDS[moment["kind"]],
                marker=moment["marker"],
                marker_name=names.marker(moment["marker"]),
                time=wording.clock_range(*span),
                start=ms_to_clock(span[0]),
                machine_time=wording.machine_time(span[0]),
                length=wording.length(span[1] - span[0]),
                rank=rank,
                of=chosen.height,
                score=f"{moment['score']:.2f}",
                observed=sentences[0] if sentences else "",
                supported=tuple(dict.fromkeys(sentences[1:])),
                lines=lines,
                response=None if moves else _response(moment, quotes),
                caveats=tuple(moment["caveats"]),
                evidence=tuple(_evidence(hit) for hit in (*primary, *supporting)),
                picture=timeline.excerpt(
                    tables,
                    people,
                    *quotes.stretch(moment["quote_turns"], span, recording.duration_ms),
                    (*span, moment["kind"]),
                ),
            )
        )
    return tuple(cards)


def _strength(hit: Hit) -> tuple[float, int]:
    """Orders hits, the strongest first."""
    return -hit["weight"], hit["hit_id"]


def _response(moment: Hit, quotes: "_Quotes") -> Response:
    state = moment["response"]
    if state is None:
        return Response("unknown", "not looked at", names.RESPONSE_UNKNOWN, (), ())
    return Response(
        state,
        names.RESPONSES[state],
        names.RESPONSE_SENTENCES[state],
        tuple((code, names.resolution(code)) for code in moment["response_codes"]),
        quotes.lines(moment["response_turns"], None),
    )


def _sentence(hit: Hit) -> str:
    """The clauses of its first item, and how many items there are; the rest stands below."""
    clauses = list(zip(hit["clauses"], _repeats(hit), strict=True))
    second = next((n for n, (_, repeats) in enumerate(clauses) if repeats and n), len(clauses))
    first = [clause["text"] for clause, _ in clauses[:second] if clause["held"]]
    counted = [clause["text"] for clause, _ in clauses[second:] if "items" in _observed(clause)]
    return wording.sentence([dict.fromkeys(first), counted])


def _observed(clause: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(clause["observed"] or "{}")
    return found


def _repeats(hit: Hit) -> list[bool]:
    """Whether the clauses begin again: the first one's condition stands once for each item."""
    conditions = [clause["condition"] for clause in hit["clauses"]]
    return [i > 0 and condition == conditions[0] for i, condition in enumerate(conditions)]


def _evidence(hit: Hit) -> Evidence:
    return Evidence(
        rule=hit["rule"],
        kind=hit["kind"],
        kind_name=names.KINDS[hit["kind"]],
        marker=hit["marker"],
        marker_name=names.marker(hit["marker"]),
        time=wording.clock_range(hit["start_ms"], hit["end_ms"]),
        primary=hit["primary"],
        weight=wording.number(hit["weight"]),
        sentence=_sentence(hit),
        clauses=tuple(map(_clause, hit["clauses"], _repeats(hit))),
        parameters=_parameters(hit["params"]),
        suppressed_by=hit["suppressed_by"] or "",
    )


def _clause(clause: Mapping[str, Any], repeats: bool) -> Clause:
    if clause["held"]:
        # It may hold by a fixed threshold that stands in for a small baseline.
        status, words = "held", clause["set_aside"] or "held"
    elif clause["set_aside"]:
        status, words = "aside", f"set aside: {clause['set_aside']}"
    else:
        status, words = "failed", "not held"
    observed = _observed(clause)
    return Clause(
        text=clause["text"],
        condition=clause["condition"],
        status=status,
        status_words=words,
        values=tuple(
            Value(name, wording.label(name), wording.value(name, each))
            for name, each in observed.items()
        ),
        repeats=repeats,
    )


def _parameters(text: str) -> tuple[Parameter, ...]:
    """Parameters with their source; a bare number has none."""
    parameters = []
    for name, entry in json.loads(text or "{}").items():
        given = entry if isinstance(entry, dict) else {"value": entry}
        parameters.append(
            Parameter(
                name,
                wording.label(name),
                wording.value(name, given.get("value")),
                str(given.get("source") or "no source given"),
            )
        )
    return tuple(parameters)


def _mostly(turn: tuple[int, int], moment: tuple[int, int]) -> bool:
    """At least half of the shorter lies within the other."""
    shared = min(turn[1], moment[1]) - max(turn[0], moment[0])
    return 2 * shared >= min(turn[1] - turn[0], moment[1] - moment[0])


class _Quotes:
    """Turns by id, and the silences between them."""

    def __init__(self, tables: Tables, people: People) -> None:
        turns = tables.get("turns", TURNS.empty())
        self._turns = {turn["turn_id"]: turn for turn in turns.iter_rows(named=True)}
        self._silences = tables.get("silences", SILENCES.empty()).filter(
            pl.col("length_ms") >= SHOWN_SILENCE_MS
        )
        self._people = people.by_speaker

    def lines(self, turn_ids: Sequence[int], span: tuple[int, int] | None) -> tuple[Line, ...]:
        """The turns in order of time; `span` tells which of them lie within the moment."""
        lines: list[Line] = []
        heard_until: int | None = None
        for turn in sorted((self._turns[i] for i in turn_ids), key=lambda t: t["start_ms"]):
            person = self._people[turn["speaker"]]
            lines.append(
                Line(
                    name=person.name,
                    role=person.role,
                    time=ms_to_clock(turn["start_ms"]),
                    machine_time=wording.machine_time(turn["start_ms"]),
                    text=turn["text"],
                    within=span is not None and _mostly((turn["start_ms"], turn["end_ms"]), span),
                    silence_before=self._silence(heard_until, turn["start_ms"]),
                )
            )
            heard_until = max(heard_until or 0, turn["end_ms"])
        return tuple(lines)

    def _silence(self, after_ms: int | None, before_ms: int) -> str:
        """Length of the longest silence with its middle between two turns; empty without one."""
        if after_ms is None:
            return ""
        middle = (pl.col("start_ms") + pl.col("end_ms")) / 2
        between = self._silences.filter(middle.is_between(after_ms, before_ms))["length_ms"]
        return wording.length(int(between.to_numpy().max())) if between.len() else ""

    def stretch(
        self, turn_ids: Sequence[int], span: tuple[int, int], duration_ms: int
    ) -> tuple[int, int]:
        """What to draw: the moment and the turns quoted, with some time on both sides."""
        turns = [self._turns[i] for i in turn_ids]
        start = min([span[0], *(turn["start_ms"] for turn in turns)]) - _AROUND_MS
        end = max([span[1], *(turn["end_ms"] for turn in turns)]) + _AROUND_MS
        return max(start, 0), min(end, duration_ms)
