import polars as pl
import pytest

from pipeline import config, measures
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.evaluation.material.small_session import session, value
from pipeline.measures.feature import Given
from pipeline.measures.features import windows

SETTINGS = config.load().features
CATALOGUE = windows.features(Given(config.load()))
LINES = [
    ("a", 1_000, 9_000),
    ("b", 10_000, 14_000),
    ("b", 15_000, 20_000),
    ("a", 24_000, 61_000),
]


def _measured(tables: Tables) -> pl.DataFrame:
    return measures.measure_all(tables, CATALOGUE)


@pytest.mark.parametrize("item", ["window_60s", "session"])
def test_one_minute_is_measured_alike_as_window_and_as_session(item: str) -> None:
    found = _measured(session(LINES))
    assert value(found, item, "speech_ms", speaker="a") == 45_000
    assert value(found, item, "talk_share", speaker="b") == pytest.approx(9 / 54)
    assert value(found, item, "silence_share") == pytest.approx(6 / 60)
    assert value(found, item, "switches_per_min") == 2
    assert value(found, item, "latency_median_ms", speaker="a") == 4_000
    assert value(found, item, "turn_length_median_ms", speaker="a") == (8_000 + 37_000) / 2
    assert value(found, item, "pause_share", speaker="b") == pytest.approx(0.1)


def test_every_feature_is_measured_over_every_window_and_the_session() -> None:
    named = {feature.name: set[str]() for feature in CATALOGUE}
    for feature in CATALOGUE:
        named[feature.name].add(feature.item)
    assert all(items == set(WINDOWS) for items in named.values())


def test_a_session_is_measured_however_short_it_is() -> None:
    found = _measured(session([("a", 0, 2_000), ("b", 3_000, 5_000)]))
    assert set(found["item"]) == {"session"}
    assert value(found, "session", "silence_share") == pytest.approx(1 / 5)


def test_what_was_lost_is_neither_silence_nor_time() -> None:
    tables = dict(session([("a", 0, 20_000), ("b", 40_000, 60_000)]))
    lost = tables["silences"].with_columns(dropout_ms=pl.lit(20_000, pl.Int64))
    found = _measured({**tables, "silences": lost})
    assert value(found, "session", "silence_share") == 0
    assert value(found, "session", "switches_per_min") == pytest.approx(1 / (40 / 60))
    assert value(found, "session", "latency_median_ms", speaker="b") is None


def test_where_most_was_lost_no_rate_is_known() -> None:
    tables = dict(session([("a", 0, 10_000), ("b", 50_000, 60_000)]))
    lost = tables["silences"].with_columns(dropout_ms=pl.lit(40_000, pl.Int64))
    found = _measured({**tables, "silences": lost})
    assert value(found, "session", "silence_share") is None
    assert value(found, "session", "switches_per_min") is None
    assert value(found, "session", "speech_ms", speaker="a") == 10_000
