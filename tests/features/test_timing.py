import polars as pl
import pytest
from small_session import session, value

from pipeline import config, features
from pipeline.tables import OVERLAPS, Tables

CATALOGUE = features.catalogue(config.load().features)
LINES = [
    ("a", 1_000, 9_000),
    ("b", 10_000, 14_000),
    ("b", 15_000, 20_000),
    ("a", 24_000, 61_000),
]


def _measured(tables: Tables) -> pl.DataFrame:
    return features.measure_all(tables, CATALOGUE)


def test_turns() -> None:
    found = _measured(session(LINES))
    assert value(found, "turn", "length_ms", 1) == 10_000
    assert value(found, "turn", "latency_ms", 0) is None
    assert value(found, "turn", "latency_ms", 2) == 4_000
    assert value(found, "turn", "pause_share", 1) == 0.1
    assert value(found, "turn", "n_pauses", 1) == 1
    assert value(found, "turn", "n_pauses", 2) == 0


def test_silences_and_windows() -> None:
    found = _measured(session(LINES))
    lengths = found.filter(pl.col("item") == "silence", pl.col("feature") == "length_ms")
    assert lengths["value"].to_list() == [1_000, 1_000, 4_000]
    window = "window_60s"
    assert value(found, window, "speech_ms", speaker="a") == 45_000
    assert value(found, window, "talk_share", speaker="b") == pytest.approx(9 / 54)
    assert value(found, window, "silence_share") == pytest.approx(6 / 60)
    assert value(found, window, "switches_per_min") == 2
    assert value(found, window, "latency_median_ms", speaker="a") == 4_000
    assert value(found, window, "pause_share", speaker="b") == pytest.approx(0.1)
    assert value(found, window, "overlap_share") == 0


def _with_overlaps(kinds: list[str | None], *, knows_overlap: bool = True) -> Tables:
    words = [("a", 1_000, 2_000, "well"), ("b", 10_000, 11_000, "so")]
    tables = dict(session(LINES, words=words, knows_overlap=knows_overlap))
    tables["overlaps"] = OVERLAPS.frame(
        {
            "overlap_id": number,
            "start_ms": 5_000 + 1_000 * number,
            "end_ms": 5_300 + 1_000 * number,
            "holder": "a",
            "other": "b",
            "holder_role": "unknown",
            "other_role": "unknown",
            "kind": kind,
            "holder_turn": 0,
            "other_turn": 1,
            "into_ms": 1_000,
            "went_on": "other",
        }
        for number, kind in enumerate(kinds)
    )
    return tables


def test_floor_takings_count_only_where_they_can_be_told() -> None:
    def rate(tables: Tables) -> float | None:
        return value(_measured(tables), "window_60s", "floor_takings_per_min", speaker="b")

    assert rate(_with_overlaps(["floor_taking", "backchannel", "floor_taking"])) == 2
    assert rate(_with_overlaps([])) == 0
    assert rate(_with_overlaps(["floor_taking", None])) is None
    assert rate(_with_overlaps([], knows_overlap=False)) is None
    assert rate(session(LINES)) is None
    assert value(_measured(_with_overlaps(["cooperative"])), "overlap", "length_ms") == 300


def test_without_an_overlap_aware_diarizer_overlap_is_unknown_not_zero() -> None:
    found = _measured(session(LINES, knows_overlap=False))
    assert value(found, "window_60s", "overlap_share") is None


def test_backchannels_are_unknown_without_words() -> None:
    assert (
        value(_measured(session(LINES)), "window_60s", "backchannels_per_min", speaker="a") is None
    )
