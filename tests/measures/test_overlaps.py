from collections.abc import Mapping, Sequence

import polars as pl
import pytest

from pipeline import config, measures
from pipeline.core.tables import OVERLAPS, Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.evaluation.material.small_session import session, value
from pipeline.measures.feature import Given
from pipeline.measures.features import overlaps

SETTINGS = config.load().features
CATALOGUE = overlaps.features(Given(config.load()))
LINES = [
    ("a", 1_000, 9_000),
    ("b", 10_000, 14_000),
    ("b", 15_000, 20_000),
    ("a", 24_000, 61_000),
]
WORDS = [("a", 1_000, 2_000, "well"), ("b", 10_000, 11_000, "so")]


def _measured(tables: Tables) -> pl.DataFrame:
    return measures.measure_all(tables, CATALOGUE)


def _with(rows: Sequence[Mapping[str, object]], *, knows_overlap: bool = True) -> Tables:
    """A minute in which b comes into the turn of a, once a second."""
    tables = dict(session(LINES, words=WORDS, knows_overlap=knows_overlap))
    usual = {"holder": "a", "other": "b", "holder_role": "unknown", "other_role": "unknown"}
    tables["overlaps"] = OVERLAPS.frame(
        {
            "overlap_id": number,
            "start_ms": 5_000 + 1_000 * number,
            "end_ms": 5_300 + 1_000 * number,
            "holder_turn": 0,
            "other_turn": 100 + number,
            "into_ms": 4_000,
            "went_on": "other",
            **usual,
            **row,
        }
        for number, row in enumerate(rows)
    )
    return tables


def _rate(tables: Tables, name: str, speaker: str = "b", item: str = "window_60s") -> float | None:
    return value(_measured(tables), item, name, speaker=speaker)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("floor_taking", "floor_takings_per_min"),
        ("failed_attempt", "failed_attempts_per_min"),
        ("cooperative", "cooperative_overlaps_per_min"),
    ],
)
def test_a_kind_counts_only_where_it_can_be_told(kind: str, name: str) -> None:
    assert _rate(_with([{"kind": kind}, {"kind": "backchannel"}, {"kind": kind}]), name) == 2
    assert _rate(_with([{"kind": kind}]), name, "a") == 0
    assert _rate(_with([]), name) == 0
    assert _rate(_with([{"kind": kind}, {"kind": None}]), name) is None
    assert _rate(_with([], knows_overlap=False), name) is None
    assert _rate(session(LINES), name) is None


def test_one_unclear_overlap_of_many_costs_nothing() -> None:
    many = [{"kind": "floor_taking"}] * 10 + [{"kind": None}]
    assert _rate(_with(many), "floor_takings_per_min", item="session") == 10
    more = [{"kind": "floor_taking"}] * 8 + [{"kind": None}]
    assert _rate(_with(more), "floor_takings_per_min", item="session") is None


def test_one_entry_into_a_turn_that_pauses_is_one_floor_taking() -> None:
    same = [{"kind": "floor_taking", "other_turn": 7}] * 3
    assert _rate(_with(same), "floor_takings_per_min") == 1


def test_who_is_cut_off_holds_the_floor() -> None:
    rows = [
        {"kind": "floor_taking", "cut_off": True},
        {"kind": "floor_taking", "cut_off": False},
    ]
    assert _rate(_with(rows), "cut_offs_per_min", "a") == 1
    assert _rate(_with(rows), "cut_offs_per_min", "b") == 0
    assert (
        _rate(_with([{"kind": "floor_taking", "cut_off": None}]), "cut_offs_per_min", "a") is None
    )


def test_without_an_overlap_aware_diarizer_overlap_is_unknown_not_zero() -> None:
    found = _measured(session(LINES, knows_overlap=False))
    assert value(found, "window_60s", "overlap_share") is None
    assert value(_measured(session(LINES)), "window_60s", "overlap_share") == 0


def test_backchannels_are_unknown_without_words() -> None:
    assert _rate(session(LINES), "backchannels_per_min") is None
    tables = dict(session(LINES, words=WORDS))
    small = pl.col("turn_id") == 1
    tables["turns"] = tables["turns"].with_columns(is_backchannel=small)
    assert _rate(tables, "backchannels_per_min") == 1


def _exchange(gaps: list[int], *, knows_overlap: bool = True) -> Tables:
    """a and b alternate; each turn of b begins so long after that of a."""
    lines, at = [], 0
    for gap_ms in gaps:
        lines += [("a", at, at + 3_000), ("b", at + 3_000 + gap_ms, at + 6_000 + gap_ms)]
        at += 6_500 + gap_ms
    return session(lines, knows_overlap=knows_overlap)


def test_shares_of_turns_that_began_in_overlap_or_latched() -> None:
    tables = _exchange([-400, 100, 500, 500, 500])
    assert _rate(tables, "overlapped_starts_share", item="session") == pytest.approx(0.2)
    assert _rate(tables, "latched_starts_share", item="session") == pytest.approx(0.2)
    few = _exchange([-400, 100, 500, 500])
    unknown = _exchange([-400, 100, 500, 500, 500], knows_overlap=False)
    for name in ("overlapped_starts_share", "latched_starts_share"):
        assert _rate(few, name, item="session") is None
        assert _rate(unknown, name, item="session") is None


def test_every_feature_is_measured_over_every_window_and_the_session() -> None:
    pairs = {(feature.name, feature.item) for feature in CATALOGUE}
    assert len(pairs) == len({name for name, _ in pairs}) * len(WINDOWS)


def test_three_who_speak_at_once_are_one_overlap() -> None:
    found = _measured(session([("a", 0, 60_000), ("b", 0, 30_000), ("c", 0, 30_000)]))
    assert value(found, "session", "overlap_share") == 0.5
