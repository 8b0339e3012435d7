from functools import cache
from typing import Any

import polars as pl
import pytest
from strategies import (
    Session,
    Utterance,
    book,
    english,
    flagged,
    named,
    script,
    settings,
    tables_of,
)

from pipeline.core.tables import MOMENTS
from pipeline.rules.detection import moments as merging
from pipeline.rules.detection.hit import Hit
from pipeline.rules.detection.response import Talk
from pipeline.rules.explanation.caveats import Caveats

TURNS = [
    Utterance("client" if n % 2 else "therapist", n * 10_000, n * 10_000 + 8_000, "one two three")
    for n in range(40)
]


def hit(start_s: int, end_s: int, **other: Any) -> Hit:
    told = {
        "hit_id": 0,
        "rule": "a-rule",
        "kind": "withdrawal",
        "marker": "W2",
        "primary": True,
        "weight": 0.6,
        "item": "turn",
        "item_ids": [start_s // 10],
        "start_ms": start_s * 1000,
        "end_ms": end_s * 1000,
        "clauses": [],
        "params": "{}",
        "suppressed_by": None,
        "small_baseline": False,
    }
    return Hit(**{**told, **other})


@cache
def turns_tables() -> Session:
    return tables_of(TURNS, features=named())


def merged(
    *hits: Hit, needs: tuple[str, ...] = ("timing",), talk: Talk | None = None
) -> pl.DataFrame:
    own = [each._replace(hit_id=n) for n, each in enumerate(hits)]
    tables = turns_tables()
    return MOMENTS.frame(merging.moments(own, tables, {"a-rule": needs}, (), settings(), talk))


def spans(moments: pl.DataFrame) -> list[tuple[int, int]]:
    return list(zip(moments["start_ms"] // 1000, moments["end_ms"] // 1000, strict=True))


def test_near_hits_of_one_kind_are_one_moment() -> None:
    near_s = settings().moments.merge_ms // 1000
    assert spans(merged(hit(10, 20), hit(20 + near_s, 60))) == [(10, 60)]
    assert spans(merged(hit(10, 20), hit(21 + near_s, 60))) == [(10, 20), (21 + near_s, 60)]


def test_a_withdrawal_ends_where_the_client_takes_the_floor_again() -> None:
    words = settings().moments.resumed_words
    near = (hit(10, 18), hit(30, 38))

    def spans_with(start_s: int, n_words: int, **kind: Any) -> list[tuple[int, int]]:
        talk = Talk(400_000, client=[(start_s * 1000, n_words)])
        return spans(merged(*(each._replace(**kind) for each in near), talk=talk))

    assert spans_with(20, words) == [(10, 18), (30, 38)]
    assert spans_with(20, words - 1) == [(10, 38)]
    assert spans_with(30, words) == [(10, 38)]  # the second hit itself
    assert spans_with(20, words, kind="confrontation", marker="C1") == [(10, 38)]


def test_kinds_stay_apart() -> None:
    found = merged(hit(10, 20), hit(12, 18, kind="confrontation", marker="C1"))
    assert found["kind"].to_list() == ["withdrawal", "confrontation"]


def test_supporting_hits_only_raise_the_score() -> None:
    alone = merged(hit(100, 110))
    helped = merged(hit(100, 110), hit(105, 120, primary=False, weight=0.5, item_ids=[11]))
    assert spans(helped) == spans(alone)
    assert helped["supporting_hits"].to_list() == [[1]]
    assert helped["score"][0] > alone["score"][0]
    assert merged(hit(100, 110, primary=False)).is_empty()
    before = merged(hit(100, 110), hit(80, 90, primary=False))
    assert before["supporting_hits"].to_list() == [[]]


def test_suppressed_hits_make_no_moment() -> None:
    assert merged(hit(10, 20, suppressed_by="an exercise")).is_empty()


def test_the_score_is_what_the_errors_of_all_hits_leave() -> None:
    turns = [hit(10, 20, item_ids=[n]) for n in range(3)]
    scores = [merged(*turns[:n])["score"][0] for n in range(1, 4)]
    assert scores == pytest.approx([0.6, 1 - 0.4**2, 1 - 0.4**3])
    beside = hit(10, 20, primary=False, weight=0.25, item_ids=[7])
    assert merged(hit(10, 20), beside)["score"][0] == pytest.approx(1 - 0.4 * 0.75)


def test_hits_on_the_same_words_count_once() -> None:
    weaker = hit(10, 20, primary=False, weight=0.25)
    assert merged(hit(10, 20), hit(10, 20), weaker)["score"][0] == pytest.approx(0.6)
    silence = hit(10, 20, item="silence", weight=0.5)
    assert merged(hit(10, 20), silence)["score"][0] == pytest.approx(1 - 0.4 * 0.5)


def test_a_moment_is_one_event_and_is_cut_at_its_widest_gap() -> None:
    starts_s = [10, 25, 40, 60, 75, 90, 105]
    found = merged(*(hit(start, start + 8) for start in starts_s))
    assert spans(found) == [(10, 48), (60, 113)]
    long = merged(hit(10, 180), hit(185, 190))
    assert spans(long) == [(10, 180), (185, 190)]


def test_the_marker_is_that_of_the_strongest_hit() -> None:
    found = merged(hit(10, 20, weight=0.5), hit(15, 25, weight=0.7, marker="W5"))
    assert found["marker"].to_list() == ["W5"]


def test_quotes_hold_a_turn_before_and_after() -> None:
    found = merged(hit(100, 108))
    assert found["quote_turns"].to_list() == [[9, 10, 11]]
    assert merged(hit(0, 8))["quote_turns"].to_list() == [[0, 1]]


def test_no_hits_make_an_empty_table() -> None:
    assert merged().equals(MOMENTS.empty())


@pytest.mark.parametrize(("needs", "told"), [(("words",), True), (("timing",), False)])
def test_interpolated_words_are_a_caveat_where_words_counted(
    needs: tuple[str, ...], *, told: bool
) -> None:
    (caveats,) = merged(hit(100, 108), needs=needs)["caveats"]
    assert any("may belong to the neighbouring turn" in each for each in caveats) is told


def test_words_of_a_transcript_are_not_called_recognised() -> None:
    for engine, machine in (("imported", False), ("faster_whisper", True)):
        tables = turns_tables()
        engines = tables["transcription"].with_columns(engine=pl.lit(engine))
        found = Caveats({**tables, "transcription": engines}, ()).of(
            "withdrawal", (), (0, 600_000), small_baseline=False
        )
        assert any("Automatic transcript" in each for each in found) is machine
        assert any("neighbouring turn" in each for each in found)


def test_a_small_baseline_is_a_caveat() -> None:
    (caveats,) = merged(hit(100, 108, small_baseline=True))["caveats"]
    assert any("Small baseline" in each for each in caveats)


def test_a_risk_of_missed_speech_is_a_caveat_of_rules_without_that_guard() -> None:
    tables = turns_tables()
    heard = hit(8, 10, item="silence", item_ids=[0])
    risky = tables["silences"].with_columns(missed_speech_risk=pl.lit(value=True))
    for silences, told in ((tables["silences"], False), (risky, True)):
        told_tables = {**tables, "silences": silences}
        (found,) = merging.moments([heard], told_tables, {"a-rule": ()}, (), settings(), None)
        assert any("quiet speech" in each for each in found["caveats"]) is told


def test_a_silence_in_which_a_voice_may_have_been_missed_is_set_aside() -> None:
    said = script(
        ("C", 0, "It rained."),
        ("T", 0.3, "Yes."),
        ("T", 4, "I see."),
        ("T", 4, "Well."),
        ("C", 1, "No."),
    )
    tables = tables_of(said, features=named())
    assert book().flag(tables, english(), settings())["moments"].height == 1
    risky = pl.lit(value=True).alias("missed_speech_risk")
    tables["silences"] = tables["silences"].with_columns(risky)
    found = book().flag(tables, english(), settings())
    assert found["moments"].is_empty()
    silent = found["hits"].filter(pl.col("rule") == "silence-between-therapist-turns")
    assert all("quiet speech" in why for why in silent["suppressed_by"])
    assert silent.height


def _caveats(tables: dict[str, pl.DataFrame]) -> list[str]:
    found = book().flag(tables, english(), settings())["moments"]
    return [each for caveats in found["caveats"] for each in caveats]


def test_inferred_roles_are_a_caveat() -> None:
    said = script(("T", 0, "Hello."), ("C", 0.3, "You never listen to me."))
    session = flagged(said)
    assert not any("inferred" in each for each in session["moments"]["caveats"][0])
    session["roles"] = session["roles"].with_columns(pl.lit("inferred").alias("source"))
    assert any("inferred" in each for each in _caveats(session))
