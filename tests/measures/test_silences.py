"""Silences by speaker-switch pattern: by hand, and against a plain search."""

from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from strategies import Utterance, conversations, tables_of

from pipeline import config, measures
from pipeline.core.tables import Tables
from pipeline.evaluation.material.small_session import session, value
from pipeline.measures import intervals
from pipeline.measures.feature import Given
from pipeline.measures.features import silences

SETTINGS = config.load().features
CATALOGUE = silences.features(Given(config.load()))
# a speaks, waits 3 s, speaks; b answers after 1.5 s, a after .4 s; b waits 2 s.
LINES = [
    ("a", 0, 10_000),
    ("a", 13_000, 20_000),
    ("b", 21_500, 30_000),
    ("a", 30_400, 40_000),
    ("b", 40_100, 50_000),
    ("b", 52_000, 60_000),
]


def _measured(tables: Tables) -> pl.DataFrame:
    return measures.measure_all(tables, CATALOGUE)


def test_each_pattern_goes_to_its_person() -> None:
    found = _measured(session(LINES))

    def of(name: str, speaker: str) -> float | None:
        return value(found, "session", name, speaker=speaker)

    assert of("own_silences_per_min", "a") == 1
    assert of("own_silence_share", "a") == pytest.approx(3 / 60)
    assert of("own_silence_max_ms", "a") == 3_000
    assert of("own_silence_median_ms", "b") == 2_000
    assert of("answer_silences_per_min", "b") == 1
    assert of("answer_silence_max_ms", "b") == 1_500
    assert of("answer_silences_per_min", "a") == 0, "0.4 s is short"
    assert of("answer_silence_max_ms", "a") is None
    assert value(found, "window_60s", "own_silence_max_ms", speaker="a") == 3_000


def test_lost_signal_counts_in_no_pattern_and_doubt_counts() -> None:
    tables = dict(session(LINES))
    lost = pl.when(pl.col("silence_id") == 0).then(500).otherwise(0).cast(pl.Int64)
    gone = tables | {"silences": tables["silences"].with_columns(dropout_ms=lost)}
    found = _measured(gone)
    assert value(found, "session", "own_silences_per_min", speaker="a") == 0
    assert value(found, "session", "own_silence_share", speaker="a") == 0
    assert value(found, "session", "own_silence_max_ms", speaker="a") is None
    assert value(found, "session", "own_silence_share", speaker="b") == pytest.approx(2 / 57)
    risky = tables["silences"].with_columns(missed_speech_risk=pl.lit(value=True))
    assert _measured(tables | {"silences": risky}).equals(_measured(tables))


@settings(max_examples=12, deadline=None)
@given(conversations(min_size=2, max_size=20, worded=False))
def test_patterns_agree_with_a_plain_search(said: list[Utterance]) -> None:
    tables = tables_of(said, features=())
    found = _measured(tables)
    rows = [row for row in tables["silences"].to_dicts() if row["kind"] != "edge"]
    rows = [row for row in rows if row["length_ms"] >= SETTINGS.silence_min_ms]
    for item, name in product(("window_60s", "session"), intervals.speakers(tables)):
        cut = intervals.windows(tables, item, SETTINGS.window_min_share)
        for number, start, end in cut.iter_rows():
            for pattern, same in (("own", True), ("answer", False)):
                lengths = [
                    row["length_ms"]
                    for row in rows
                    if row["after_speaker"] == name
                    and (row["before_speaker"] == name) is same
                    and start <= row["start_ms"] < end
                ]
                rate = value(found, item, f"{pattern}_silences_per_min", number, name)
                longest = value(found, item, f"{pattern}_silence_max_ms", number, name)
                assert rate == pytest.approx(len(lengths) * 60_000 / (end - start))
                assert longest == (max(lengths) if lengths else None)


@settings(max_examples=12, deadline=None)
@given(conversations(min_size=2, max_size=20, worded=False))
def test_the_patterns_of_all_people_add_up_to_all_long_silences(said: list[Utterance]) -> None:
    tables = tables_of(said, features=())
    found = _measured(tables).filter(
        pl.col("item") == "session", pl.col("feature").str.ends_with("_silences_per_min")
    )
    long = tables["silences"].filter(
        pl.col("kind") != "edge", pl.col("length_ms") >= SETTINGS.silence_min_ms
    )
    ((_, start, end),) = intervals.windows(tables, "session", 0.5).iter_rows()
    assert found["value"].sum() * (end - start) / 60_000 == pytest.approx(long.height)
