import polars as pl

from pipeline import config, measures
from pipeline.core.tables import OVERLAPS, TURNS, Tables
from pipeline.evaluation.material.small_session import session, value
from pipeline.measures.feature import Given
from pipeline.measures.features import timing

CATALOGUE = timing.features(Given(config.load()))
LINES = [
    ("a", 1_000, 9_000),
    ("b", 10_000, 14_000),
    ("b", 15_000, 20_000),
    ("a", 24_000, 61_000),
]


def _measured(tables: Tables) -> pl.DataFrame:
    return measures.measure_all(tables, CATALOGUE)


def _lost(tables: Tables, number: int) -> Tables:
    """`tables` with lost signal in one silence."""
    gone = pl.when(pl.col("silence_id") == number).then(200).otherwise(0)
    silences = tables["silences"].with_columns(dropout_ms=gone.cast(pl.Int64))
    return {**tables, "silences": silences}


def test_turns() -> None:
    found = _measured(session(LINES))
    assert value(found, "turn", "length_ms", 1) == 10_000
    assert value(found, "turn", "latency_ms", 0) is None
    assert value(found, "turn", "latency_ms", 2) == 4_000
    assert value(found, "turn", "pause_share", 1) == 0.1
    assert value(found, "turn", "n_pauses", 1) == 1
    assert value(found, "turn", "n_pauses", 2) == 0


def test_a_turn_that_was_lost_altogether_has_no_pauses() -> None:
    tables = dict(_lost(session(LINES), 3))
    words_alone = {"turn_id": 3, "speaker": "a", "role": "unknown", "start_ms": 21_000}
    unheard = TURNS.frame([{**words_alone, "end_ms": 22_000, "text": "well", "n_words": 1}])
    tables["turns"] = pl.concat([tables["turns"], unheard])
    assert value(_measured(tables), "turn", "pause_share", 3) is None


def test_silences_and_overlaps_have_their_length() -> None:
    tables = dict(session(LINES))
    tables["overlaps"] = OVERLAPS.frame(
        [
            {
                "overlap_id": 0,
                "start_ms": 5_000,
                "end_ms": 5_300,
                "holder": "a",
                "other": "b",
                "holder_role": "unknown",
                "other_role": "unknown",
                "holder_turn": 0,
                "other_turn": 1,
                "into_ms": 4_000,
                "went_on": "holder",
            }
        ]
    )
    found = _measured(tables)
    lengths = found.filter(pl.col("item") == "silence", pl.col("feature") == "length_ms")
    assert lengths["value"].to_list() == [1_000, 1_000, 4_000]
    assert value(found, "overlap", "length_ms") == 300


def test_where_the_signal_was_lost_no_silence_pause_or_latency_was_measured() -> None:
    tables = session(LINES)
    pause, answer = _measured(_lost(tables, 2)), _measured(_lost(tables, 3))
    assert value(pause, "silence", "length_ms", 2) is None
    assert value(pause, "silence", "length_ms", 3) == 4_000
    assert value(pause, "turn", "n_pauses", 1) == 0
    assert value(pause, "turn", "pause_share", 1) == 0
    assert value(pause, "turn", "latency_ms", 2) == 4_000
    assert value(answer, "turn", "latency_ms", 2) is None
    assert value(answer, "turn", "n_pauses", 1) == 1
