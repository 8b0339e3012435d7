"""Judging one session, by hand on small tables and by properties on drawn ones."""

import datetime as dt
from dataclasses import dataclass, replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import script, tables_of

from pipeline.core.errors import InputError
from pipeline.core.tables import HITS
from pipeline.evaluation.material.coded_moments import moments_of, placed
from pipeline.formats.codes import CODES, SHEETS
from pipeline.formats.repairs import Repairs
from pipeline.research.agreement import scoring
from pipeline.research.agreement.alignment import PLACED, Timeline, Tolerance, place
from pipeline.research.agreement.event_matching import Place
from pipeline.research.agreement.metrics import MarkerTally, Segments, Tally
from pipeline.research.agreement.rule_contribution import by_rule
from pipeline.research.agreement.scoring import Coded
from pipeline.workspace.verdicts import Verdict, as_codes, attach

KINDS = ("withdrawal", "confrontation")
TOP = (1, 3)


def places(moments: pl.DataFrame) -> list[Place]:
    return [Place(a, b) for a, b in moments.select("start_ms", "end_ms").iter_rows()]


def whole(moments: pl.DataFrame) -> dict[int, list[tuple[int, int]]]:
    """Each moment rests on all of its stretch."""
    rows = moments.select("moment_id", "start_ms", "end_ms").iter_rows()
    return {moment_id: [(start_ms, end_ms)] for moment_id, start_ms, end_ms in rows}


def coded(
    codes: pl.DataFrame, uncertain: pl.DataFrame | None = None, benign: pl.DataFrame | None = None
) -> Coded:
    empty = PLACED.empty()
    return Coded(
        codes,
        empty if uncertain is None else uncertain,
        empty if benign is None else benign,
        SHEETS.empty(),
    )


@dataclass(frozen=True)
class Span:
    kind: str
    start_ms: int
    end_ms: int


def verdict(
    decision: str, kind: str, start_ms: int, end_ms: int, reviewer: str, number: int | None = None
) -> Verdict:
    added, rejected = decision == "added", decision == "reject"
    return Verdict(
        "a" * 64,
        start_ms,
        end_ms,
        decision,  # type: ignore[arg-type]  # looked at when it is made
        reviewer,
        dt.datetime(2026, 11, 28, tzinfo=dt.UTC),
        detected_kind=None if added else kind,
        kind=None if rejected else kind,
        verdict_id=number,
    )


def decided(verdicts: list[Verdict]) -> Coded:
    """What verdicts come to, on the axis of milliseconds."""
    empty = Timeline.of(pl.DataFrame({"start_ms": [0], "end_ms": [1]}))
    tables = {
        name: place(frame, lambda: empty, "ms", 10**9, Repairs())
        for name, frame in as_codes(verdicts).items()
    }
    lists = (tables["codes"], tables["uncertain"], tables["benign"])
    return Coded(*lists, SHEETS.empty(), tuple(verdicts))


def judged(moments: pl.DataFrame, said: Coded, tolerance_s: int = 10) -> scoring.Judged:
    return scoring.judge(moments, places(moments), said, tolerance_s * 1000, whole(moments))


def tally(moments: pl.DataFrame, said: Coded, kinds: tuple[str, ...] = KINDS) -> Tally:
    cells = scoring.segments(moments, said, kinds, 3_600_000, 300_000)
    return scoring.tally(judged(moments, said), cells, kinds, 3_600_000, TOP)


def test_a_session_by_hand() -> None:
    moments = moments_of(
        (100, 110, "W2", 0.9, [0]),  # on two codes 8 s apart: one event
        (125, 130, "W5", 0.4, [1]),  # within 10 s of the same event, which is taken
        (200, 205, "C1", 0.8, [2]),  # 9 s before a code of another marker
        (300, 305, "C1", 0.7, [3]),  # nothing there
        (400, 405, "W2", 0.6, [4]),  # people were unsure
        (500, 505, "W2", 0.5, [5]),  # a confrontation was coded there, no withdrawal
    )
    said = coded(
        placed((108, "W2"), (116, "W1"), (214, "C7"), (502, "C2")),
        uncertain=placed((407, "W2"), (302, "W2")),
        benign=placed((303, None), (203, "W4"), (700, None)),
    )
    got = judged(moments, said)
    assert got.moments["outcome"].to_list() == [
        "right",
        "false",
        "right",
        "false",
        "uncertain",
        "false",
    ]
    assert got.moments["repeat"].to_list() == [False, True, False, False, False, False]
    assert got.events.select("kind", "codes", "markers", "moment_id", "lines").rows() == [
        ("withdrawal", 2, ["W1", "W2"], 0, [2, 3]),
        ("confrontation", 1, ["C7"], 2, [4]),
        ("confrontation", 1, ["C2"], None, [5]),
    ]
    assert got.benign["moments"].to_list() == [[3], [], []]
    whole = tally(moments, said)
    assert (whole.events, whole.found, whole.false_alarms, whole.repeats) == (3, 2, 3, 1)
    assert (whole.uncertain, whole.benign, whole.benign_flagged) == (1, 3, 1)
    assert whole.precision == pytest.approx(2 / 5)
    assert whole.recall == pytest.approx(2 / 3)
    assert whole.precision_at(1) == 1
    assert whole.precision_at(3) == pytest.approx(2 / 3)
    assert whole.misses_per_hour == 1
    withdrawal = tally(moments, said, ("withdrawal",))
    assert (withdrawal.events, withdrawal.found, withdrawal.false_alarms) == (1, 1, 2)
    assert scoring.by_marker(got) == {
        "W1": MarkerTally(events=1, found=1),
        "W2": MarkerTally(events=1, found=1, moments=2, right=1, same=1),
        "W5": MarkerTally(moments=1),
        "C7": MarkerTally(events=1, found=1),
        "C1": MarkerTally(moments=2, right=1),
        "C2": MarkerTally(events=1),
    }


def test_a_benign_place_between_the_items_of_a_moment_is_not_flagged() -> None:
    # Turns 0 and 2 made the one hit, and turn 1 between them is a benign answer.
    tables = tables_of(
        script(
            *(("T", 0.3, "So?"), ("C", 0.3, "Fine."), ("T", 0.3, "Is it ten?")),
            *(("C", 0.3, "Yes."), ("T", 0.3, "And?"), ("C", 0.3, "Nothing.")),
        )
    )
    client = tables["turns"].filter(pl.col("role") == "client")
    first, middle, last = client.select("start_ms", "end_ms").rows()
    ids = client["turn_id"].to_list()
    moments = moments_of((0, 1, "W2", 0.5, [0])).with_columns(
        start_ms=pl.lit(first[0]), end_ms=pl.lit(last[1])
    )
    hits = HITS.frame(
        [
            {
                "hit_id": 0,
                "rule": "a",
                "kind": "withdrawal",
                "marker": "W2",
                "primary": True,
                "weight": 0.5,
                "item": "turn",
                "item_ids": [ids[0], ids[2]],
                "params": "{}",
                "start_ms": first[0],
                "end_ms": last[1],
                "clauses": [],
                "suppressed_by": None,
            }
        ]
    )
    items = scoring.rests_on(moments, hits, tables)
    assert items == {0: [first, last]}
    benign = PLACED.frame(
        {"line": n, "low": at, "high": at, "start_ms": at, "end_ms": end}
        for n, (at, end) in enumerate((first, middle, last), 2)
    )
    said = coded(placed(), benign=benign)
    got = scoring.judge(moments, places(moments), said, 10_000, items)
    assert got.benign["moments"].to_list() == [[0], [], [0]]


def test_a_code_on_which_people_were_unsure_counts_neither_way() -> None:
    nothing = moments_of()
    said = coded(placed((100, "W2"), (300, "C1")), uncertain=placed((100, None), (300, "W1")))
    assert tally(nothing, said).events == 1
    assert tally(moments_of((99, 101, "W2", 0.5, [0])), said).uncertain == 1


def test_segments_by_hand() -> None:
    moments = moments_of((10, 20, "W2", 0.5, [0]), (290, 310, "C1", 0.5, [1]))
    said = coded(placed((299, "W2"), (900, "C1")), uncertain=placed((610, None)))
    # Of 20 minutes: coded 1 and 4, flagged 1 (both moments begin there), unsure 3.
    cells = scoring.segments(moments, said, KINDS, 1_140_000, 300_000)
    assert cells == Segments(both=1, codes_only=1, flags_only=0, neither=1)
    only = scoring.segments(moments, said, ("confrontation",), 1_140_000, 300_000)
    assert only == Segments(both=0, codes_only=1, flags_only=1, neither=1)
    sheet = SHEETS.frame(
        {
            "line": 2,
            "session": "S",
            "segment": number,
            "kind": "confrontation",
            "marker": "C1",
            "checks": 0,
            "minuses": minuses,
        }
        for number, minuses in ((1, 1), (2, 0))
    )
    marked = replace(said, codes=None, sheets=sheet)
    cells = scoring.segments(moments, marked, ("confrontation",), 1_140_000, 300_000)
    assert cells == Segments(both=1, neither=2)


def test_what_each_rule_adds() -> None:
    hits = HITS.frame(
        {
            "hit_id": number,
            "rule": rule,
            "kind": "withdrawal",
            "marker": "W2",
            "primary": True,
            "weight": 0.5,
            "item": "turn",
            "item_ids": [number],
            "start_ms": 0,
            "end_ms": 1,
            "clauses": [],
            "params": "{}",
            "suppressed_by": reason,
        }
        for number, (rule, reason) in enumerate(
            [("a", None), ("b", None), ("b", None), ("a", None), ("a", "a guard"), ("c", None)]
        )
    )
    moments = moments_of(
        (100, 110, "W2", 0.9, [0, 1]),  # right, on a and b
        (200, 210, "W2", 0.9, [2]),  # right, on b alone
        (215, 220, "W2", 0.5, [3]),  # a repeat, on a alone; it would serve without b
        (400, 410, "W2", 0.5, [5]),  # false and benign, on c alone
    )
    said = coded(placed((105, "W2"), (209, "W2")), benign=placed((405, None)))
    got = judged(moments, said)
    rules = by_rule(got, hits, moments, said, 10_000)
    a, b, c = rules["a"], rules["b"], rules["c"]
    assert (a.hits, a.suppressed, a.moments, a.right, a.alone, a.lost, a.spared) == (
        *(2, 1, 2, 1),
        *(0, 0, 1),
    )
    assert (b.moments, b.right, b.alone, b.lost, b.spared, b.benign) == (2, 2, 1, 0, 1, 0)
    assert (c.moments, c.right, c.precision, c.lost, c.spared, c.benign) == (1, 0, 0.0, 0, 1, 1)


_TIMES = st.integers(0, 600)
_MARKERS = st.sampled_from(["W1", "W2", "C1", "C7"])
_MOMENTS = st.lists(
    st.tuples(_TIMES, st.integers(1, 30), _MARKERS, st.integers(1, 9)), max_size=8
).map(
    lambda rows: moments_of(
        *((start, start + length, marker, score / 10, []) for start, length, marker, score in rows)
    )
)
_CODES = st.lists(st.tuples(_TIMES, _MARKERS), max_size=8).map(lambda rows: placed(*rows))


@given(_MOMENTS, _CODES, _CODES)
def test_every_moment_and_event_counts_once(
    moments: pl.DataFrame, codes: pl.DataFrame, uncertain: pl.DataFrame
) -> None:
    said = coded(codes, uncertain)
    got = judged(moments, said)
    whole = tally(moments, said)
    assert whole.found + whole.false_alarms + whole.uncertain == moments.height
    assert whole.found == got.events["moment_id"].drop_nulls().n_unique()
    assert whole.found + whole.misses == got.events.height <= codes.height
    kinds = [tally(moments, said, (kind,)) for kind in KINDS]
    for name in ("events", "found", "false_alarms", "repeats", "uncertain"):
        assert sum(getattr(kind, name) for kind in kinds) == getattr(whole, name)


@given(_MOMENTS, _CODES)
def test_exact_moments_find_everything(moments: pl.DataFrame, codes: pl.DataFrame) -> None:
    del moments
    events = judged(moments_of(), coded(codes)).events
    exact = moments_of(
        *(
            (start_ms // 1000, start_ms // 1000 + 1, markers[0], 0.5, [])
            for start_ms, markers in events.select("start_ms", "markers").iter_rows()
        )
    )
    got = tally(exact, coded(codes))
    assert (got.false_alarms, got.misses) == (0, 0)
    assert got.f1 in (1, None)


_STRETCHES = st.lists(st.tuples(_TIMES, st.integers(1, 40)), max_size=6)
_DECISIONS = st.sampled_from(["confirm", "reject", "unsure"])


@given(_MOMENTS.filter(lambda moments: moments.height > 0), _CODES, _CODES, st.integers(0, 30))
def test_no_moment_is_right_that_rests_on_a_benign_place_alone(
    moments: pl.DataFrame, codes: pl.DataFrame, uncertain: pl.DataFrame, beside_s: int
) -> None:
    marker, first_ms, last_ms = moments.select("marker", "start_ms", "end_ms").row(0)
    benign = PLACED.frame(
        [{"line": 2, "low": first_ms, "high": last_ms, "start_ms": first_ms, "end_ms": last_ms}]
    )
    beside = placed((last_ms // 1000 + beside_s, marker))
    got = judged(moments, coded(pl.concat([codes, beside]), uncertain, benign), tolerance_s=30)
    for row in got.flagged:
        if first_ms <= row["start_ms"] and row["end_ms"] <= last_ms:
            assert row["outcome"] != "right"


@given(_MOMENTS, _STRETCHES, st.data())
def test_no_moment_that_was_rejected_is_ever_right(
    moments: pl.DataFrame, added: list[tuple[int, int]], data: st.DataObject
) -> None:
    # Verdicts of two reviewers on the moments as an earlier run had them, and what they added.
    verdicts = []
    for kind, start_ms, end_ms in moments.select("kind", "start_ms", "end_ms").iter_rows():
        for reviewer in data.draw(st.sampled_from([(), ("A",), ("A", "B")])):
            moved_ms = data.draw(st.integers(0, 4)) * 1000
            verdicts.append(
                verdict(
                    data.draw(_DECISIONS), kind, start_ms + moved_ms, end_ms + moved_ms, reviewer
                )
            )
    verdicts += [
        verdict("added", data.draw(st.sampled_from(KINDS)), s * 1000, (s + n) * 1000, "A")
        for s, n in added
    ]
    numbered = [replace(each, verdict_id=number) for number, each in enumerate(verdicts, 1)]
    said = decided(numbered)
    got = judged(moments, said, tolerance_s=30)
    # "Right" and "benign" never disagree.
    right = {row["moment_id"] for row in got.flagged if row["outcome"] == "right"}
    assert not right & {moment for row in got.passed for moment in row["moments"]}
    spans = [Span(**row) for row in moments.select("kind", "start_ms", "end_ms").to_dicts()]
    for number, own in attach(spans, numbered).moments.items():
        if any(each.decision == "reject" for each in own):
            assert got.flagged[number]["outcome"] != "right"
            if said.uncertain.is_empty():
                assert got.flagged[number]["outcome"] == "false"


def test_a_rejected_moment_is_false_whatever_lies_beside_it() -> None:
    # Ten seconds after the rejected moment the supervisor added what had been missed.
    moments = moments_of((100, 110, "W2", 0.9, [0]), (300, 310, "W2", 0.9, [1]))
    numbered = [
        verdict("reject", "withdrawal", 100_000, 110_000, "A", 1),
        verdict("added", "withdrawal", 112_000, 118_000, "A", 2),
        verdict("unsure", "withdrawal", 112_000, 114_000, "B", 3),
        verdict("confirm", "withdrawal", 300_000, 310_000, "A", 4),
        verdict("reject", "withdrawal", 301_000, 309_000, "B", 5),
        verdict("added", "withdrawal", 315_000, 318_000, "B", 6),
    ]
    said = decided(numbered)
    got = judged(moments, said)
    assert [row["outcome"] for row in got.flagged] == ["false", "uncertain"]
    assert [row["moments"] for row in got.passed] == [[0]]
    assert [event["moment_id"] for event, _ in got.coded] == [None, None]
    # The same from files, in which a rejection is a benign place.
    files = replace(said, verdicts=())
    assert judged(moments, files).flagged[0]["outcome"] == "false"


@given(_MOMENTS, _CODES, st.integers(0, 20))
def test_uncertain_places_never_cost_precision(
    moments: pl.DataFrame, codes: pl.DataFrame, at: int
) -> None:
    sure = tally(moments, coded(codes))
    unsure = tally(moments, coded(codes, placed((at + 10_000, None))))
    assert unsure == sure
    everywhere = placed(*((second, None) for second in range(0, 640, 7)))
    excused = judged(moments, coded(codes, everywhere))
    assert "false" not in excused.moments["outcome"].to_list()


def test_places_on_both_axes() -> None:
    timeline = Timeline.of(
        pl.DataFrame(
            {
                "start_ms": [0, 1000, 5000],
                "end_ms": [1000, 4000, 9000],
                "utterance_id": ["a", "b", "c"],
            }
        )
    )
    rows = [
        {"line": 2, "session": "S", "utterance_id": "b", "kind": "withdrawal"},
        {"line": 3, "session": "S", "start_ms": 4500, "kind": "withdrawal"},
        {"line": 4, "session": "S", "start_ms": 900, "end_ms": 5001, "kind": "withdrawal"},
    ]
    codes = CODES.frame(rows)
    by_number = place(codes, lambda: timeline, "utterances", 9000, Repairs())
    assert by_number.select("low", "high").rows() == [(1, 1), (1, 1), (0, 2)]
    in_ms = place(codes, lambda: timeline, "ms", 9000, Repairs())
    assert in_ms.select("low", "high").rows() == [(1000, 4000), (4500, 4500), (900, 5001)]
    assert str(Tolerance(2, "utterances")) == "2 utterances"
    assert str(Tolerance(2500, "ms")) == "2.5 s"


def test_an_utterance_that_is_not_there_is_told() -> None:
    codes = CODES.frame([{"line": 7, "session": "S", "utterance_id": "zz", "kind": "withdrawal"}])
    named = Timeline.of(pl.DataFrame({"start_ms": [0], "end_ms": [1], "utterance_id": ["a"]}))
    with pytest.raises(InputError, match=r"lines 7: the session's transcript has no such"):
        place(codes, lambda: named, "ms", 1, Repairs())
    turns = Timeline.of(pl.DataFrame({"start_ms": [0], "end_ms": [1]}))
    with pytest.raises(InputError, match=r"no transcript that names its utterances"):
        place(codes, lambda: turns, "ms", 1, Repairs())


def test_what_has_no_place_in_its_session_is_left_out_and_counted() -> None:
    rows: list[dict[str, object]] = [
        {"line": 2, "session": "S", "utterance_id": "a", "kind": "withdrawal"},
        {"line": 3, "session": "S", "utterance_id": "zz", "kind": "withdrawal"},
        {"line": 4, "session": "S", "start_ms": 8999, "kind": "withdrawal"},
        {"line": 5, "session": "S", "start_ms": 9000, "kind": "withdrawal"},
    ]
    named = Timeline.of(pl.DataFrame({"start_ms": [0], "end_ms": [1], "utterance_id": ["a"]}))
    for unit in ("ms", "utterances"):
        repairs = Repairs()
        got = place(CODES.frame(rows), lambda: named, unit, 9000, repairs)
        assert got["line"].to_list() == [2, 4]
        assert repairs.sentences() == (
            "Codes with an utterance_id that the transcript does not have, left out: 1.",
            "Codes after the end of their session, left out: 1.",
        )
    with pytest.raises(InputError, match=r"lines 5: after the end of their session \(00:09\)"):
        place(CODES.frame(rows[3:]), lambda: named, "ms", 9000, Repairs())
