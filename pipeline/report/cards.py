"""One suggested moment with its evidence, in words and places for the templates."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from pipeline.audio.clips import MEDIA_TYPE, Clip
from pipeline.core.tables import HITS, MOMENTS, SET_ASIDE, SILENCES, TURNS, Recording, Tables
from pipeline.core.time import ms_to_clock
from pipeline.report import evidence, labels, number_format, timeline
from pipeline.report.evidence import Evidence, Hit
from pipeline.report.speakers import People
from pipeline.report.timeline import SHOWN_SILENCE_MS, Timeline

_AROUND_MS = 6_000
"""How much of the session is drawn before and after the quoted turns."""


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
class Heard:
    """An audio clip; `source` is the whole clip as a data URI."""

    time: str
    note: str
    source: str


@dataclass(frozen=True)
class Card:
    """One suggested moment.

    Attributes
    ----------
    observed
        What was observed, in one sentence.
    main
        The strongest main sign; `signs` are all others.
    """

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
    lines: tuple[Line, ...]
    response: Response | None
    caveats: tuple[str, ...]
    main: Evidence
    signs: tuple[Evidence, ...]
    picture: Timeline
    heard: Heard | None


def numbers(tables: Tables) -> dict[int, int]:
    """moment_id to the number on the card, in order of time; therapist moves have none."""
    moments = _ordered(tables).filter(pl.col("kind") != "therapist_move")
    return {moment_id: n for n, moment_id in enumerate(moments["moment_id"], start=1)}


def moments(
    recording: Recording, tables: Tables, people: People, clips: Mapping[int, Clip]
) -> tuple[Card, ...]:
    """Suggested moments in order of time, each with its rank by score.

    Parameters
    ----------
    clips
        Audio clip of each moment, by moment_id; empty for most reports.
    """
    return _cards(recording, tables, people, clips, moves=False)


def moves(recording: Recording, tables: Tables, people: People) -> tuple[Card, ...]:
    """Therapist moves in order of time, kept apart from the suggested moments."""
    return _cards(recording, tables, people, {}, moves=True)


def one(recording: Recording, tables: Tables, people: People, moment_id: int) -> Card | None:
    """The card of one moment, with its number and rank among all; None: no such moment."""
    cards = _cards(recording, tables, people, {}, moves=False, only=moment_id)
    return cards[0] if cards else None


def observed(tables: Tables) -> dict[int, str]:
    """What was observed, in one sentence, by moment_id: the sentence of its strongest main sign."""
    strongest = dict(
        tables.get("moments", MOMENTS.empty()).select("moment_id", "primary_hits").iter_rows()
    )
    wanted = {hit for primary in strongest.values() for hit in primary}
    rows = tables.get("hits", HITS.empty()).filter(pl.col("hit_id").is_in(list(wanted)))
    hits = {hit["hit_id"]: hit for hit in rows.iter_rows(named=True)}
    return {
        moment_id: evidence.of_hit(min((hits[i] for i in primary), key=_strength)).sentence
        for moment_id, primary in strongest.items()
    }


def quoted(tables: Tables, people: People, span: tuple[int, int]) -> tuple[Line, ...]:
    """Turns that touch a stretch (ms) which no rule flagged, with the turn before and after it."""
    turns = tables.get("turns", TURNS.empty()).sort("start_ms", "turn_id")
    floor = turns.filter(~pl.col("is_backchannel").fill_null(value=False))
    before = floor.filter(pl.col("end_ms") <= span[0])["turn_id"].tail(1)
    inside = turns.filter(pl.col("start_ms") < span[1], pl.col("end_ms") > span[0])["turn_id"]
    after = floor.filter(pl.col("start_ms") >= span[1])["turn_id"].head(1)
    return _Quotes(tables, people).lines([*before, *inside, *after], span)


def suppressed(tables: Tables) -> tuple[Evidence, ...]:
    """Hits that an exception ruled out, each with the reason."""
    hits = tables.get("hits", HITS.empty()).filter(pl.col("suppressed_by").is_not_null())
    return tuple(
        evidence.of_hit(hit) for hit in hits.sort("start_ms", "hit_id").iter_rows(named=True)
    )


def cut(tables: Tables) -> tuple[Evidence, ...]:
    """Moments that the settings leave out, each shown by its strongest sign, with the reason."""
    hits = {hit["hit_id"]: hit for hit in tables.get("hits", HITS.empty()).iter_rows(named=True)}
    shown = []
    for moment in tables.get("set_aside", SET_ASIDE.empty()).iter_rows(named=True):
        primary = [hits[number] for number in moment["primary_hits"]]
        strongest = max(primary, key=lambda hit: (hit["weight"], -hit["hit_id"]))
        time = number_format.clock_range(moment["start_ms"], moment["end_ms"])
        sign = replace(evidence.of_hit(strongest), time=time, suppressed_by=moment["because"])
        shown.append(sign)
    return tuple(shown)


def alone(tables: Tables) -> tuple[Evidence, ...]:
    """Hits that count but belong to no moment: weak signs without a main one."""
    frames = (tables.get("moments", MOMENTS.empty()), tables.get("set_aside", SET_ASIDE.empty()))
    used = {
        hit_id
        for frame in frames
        for name in ("primary_hits", "supporting_hits")
        for hit_ids in frame[name].to_list()
        for hit_id in hit_ids
    }
    hits = tables.get("hits", HITS.empty()).filter(
        pl.col("suppressed_by").is_null() & ~pl.col("hit_id").is_in(list(used))
    )
    return tuple(
        evidence.of_hit(hit) for hit in hits.sort("start_ms", "hit_id").iter_rows(named=True)
    )


def _ordered(tables: Tables) -> pl.DataFrame:
    return tables.get("moments", MOMENTS.empty()).sort("start_ms", "moment_id")


def _cards(
    recording: Recording,
    tables: Tables,
    people: People,
    clips: Mapping[int, Clip],
    *,
    moves: bool,
    only: int | None = None,
) -> tuple[Card, ...]:
    is_move = pl.col("kind") == "therapist_move"
    chosen = _ordered(tables).filter(is_move if moves else ~is_move)
    ranks = chosen["score"].rank("min", descending=True).cast(pl.Int64).to_list()
    hits = {hit["hit_id"]: hit for hit in tables.get("hits", HITS.empty()).iter_rows(named=True)}
    quotes = _Quotes(tables, people)
    cards = []
    for number, (moment, rank) in enumerate(
        zip(chosen.iter_rows(named=True), ranks, strict=True), start=1
    ):
        if only not in (None, moment["moment_id"]):
            continue
        primary, supporting = (
            sorted((hits[i] for i in moment[name]), key=_strength)
            for name in ("primary_hits", "supporting_hits")
        )
        span = (moment["start_ms"], moment["end_ms"])
        lines = quotes.lines(moment["quote_turns"], span)
        signs = tuple(evidence.of_hit(hit) for hit in (*primary, *supporting))
        cards.append(
            Card(
                number=number,
                anchor=f"move-{number}" if moves else f"moment-{number}",
                kind=moment["kind"],
                kind_name=labels.KINDS[moment["kind"]],
                marker=moment["marker"],
                marker_name=labels.marker(moment["marker"]),
                time=number_format.clock_range(*span),
                start=ms_to_clock(span[0]),
                machine_time=number_format.machine_time(span[0]),
                length=number_format.length(span[1] - span[0]),
                rank=rank,
                of=chosen.height,
                score=number_format.score(moment["score"]),
                observed=signs[0].sentence,
                lines=lines,
                response=None if moves else _response(moment, quotes),
                caveats=tuple(moment["caveats"]),
                main=signs[0],
                signs=signs[1:],
                picture=timeline.excerpt(
                    tables,
                    people,
                    *quotes.stretch(moment["quote_turns"], span, recording.duration_ms),
                    (*span, moment["kind"]),
                ),
                heard=_heard(clips.get(moment["moment_id"]), span),
            )
        )
    return tuple(cards)


def _strength(hit: Hit) -> tuple[float, int]:
    """Sort key: the strongest hit first."""
    return -hit["weight"], hit["hit_id"]


def _heard(clip: Clip | None, span: tuple[int, int]) -> Heard | None:
    if clip is None:
        return None
    return Heard(
        number_format.clock_range(clip.start_ms, clip.end_ms),
        "the moment goes on after the clip" if clip.end_ms < span[1] else "",
        f"data:{MEDIA_TYPE};base64,{base64.b64encode(clip.webm).decode()}",
    )


def _response(moment: Hit, quotes: "_Quotes") -> Response:
    state = moment["response"]
    if state is None:
        return Response("unknown", "not assessed", labels.RESPONSE_UNKNOWN, (), ())
    return Response(
        state,
        labels.RESPONSES[state],
        labels.RESPONSE_SENTENCES[state],
        tuple((code, labels.resolution(code)) for code in moment["response_codes"]),
        quotes.lines(moment["response_turns"], None),
    )


def _mostly(turn: tuple[int, int], moment: tuple[int, int]) -> bool:
    """Whether at least half of the shorter one lies within the other."""
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
        """The turns in order of time; those that lie mostly within `span` are marked."""
        lines: list[Line] = []
        heard_until: int | None = None
        for turn in sorted((self._turns[i] for i in turn_ids), key=lambda t: t["start_ms"]):
            person = self._people[turn["speaker"]]
            lines.append(
                Line(
                    name=person.name,
                    role=person.role,
                    time=ms_to_clock(turn["start_ms"]),
                    machine_time=number_format.machine_time(turn["start_ms"]),
                    text=turn["text"],
                    within=span is not None and _mostly((turn["start_ms"], turn["end_ms"]), span),
                    silence_before=self._silence(heard_until, turn["start_ms"]),
                )
            )
            heard_until = max(heard_until or 0, turn["end_ms"])
        return tuple(lines)

    def _silence(self, after_ms: int | None, before_ms: int) -> str:
        """Length of the longest silence whose middle lies between two turns; empty without one."""
        if after_ms is None:
            return ""
        middle = (pl.col("start_ms") + pl.col("end_ms")) / 2
        between = self._silences.filter(middle.is_between(after_ms, before_ms))["length_ms"]
        return number_format.length(int(between.to_numpy().max())) if between.len() else ""

    def stretch(
        self, turn_ids: Sequence[int], span: tuple[int, int], duration_ms: int
    ) -> tuple[int, int]:
        """What to draw: the moment and the quoted turns, with some time on both sides."""
        turns = [self._turns[i] for i in turn_ids]
        start = min([span[0], *(turn["start_ms"] for turn in turns)]) - _AROUND_MS
        end = max([span[1], *(turn["end_ms"] for turn in turns)]) + _AROUND_MS
        return max(start, 0), min(end, duration_ms)
