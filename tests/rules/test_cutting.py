import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.core.tables import MOMENTS, SET_ASIDE
from pipeline.rules.detection import moment_limits


def moments(*rows: tuple[str, float]) -> pl.DataFrame:
    """Kind and score of each, one after the other."""
    return MOMENTS.frame(
        {
            "moment_id": number,
            "kind": kind,
            "marker": "W2",
            "start_ms": number * 1000,
            "end_ms": number * 1000 + 500,
            "score": score,
            "primary_hits": [number],
            "supporting_hits": [],
            "quote_turns": [],
            "response": "addressed",
            "response_codes": ["R5"],
            "response_turns": [],
            "caveats": [],
        }
        for number, (kind, score) in enumerate(rows)
    )


def cut(found: pl.DataFrame, settings: config.Moments) -> tuple[pl.DataFrame, pl.DataFrame]:
    shown, aside = moment_limits.cut(found.to_dicts(), settings)
    return MOMENTS.frame(shown), SET_ASIDE.frame(aside)


def settings(min_score: float = 0, most: int | None = None) -> config.Moments:
    usual = config.load().moments
    return usual.model_copy(update={"min_score": min_score, "max_per_session": most})


W, C, T = "withdrawal", "confrontation", "therapist_move"


def test_nothing_is_set_aside_by_default() -> None:
    found = moments((W, 0.1), (C, 0.9))
    shown, aside = cut(found, config.load().moments)
    assert shown.equals(found)
    assert aside.is_empty()


def test_a_low_score_is_set_aside_with_its_reason() -> None:
    shown, aside = cut(moments((W, 0.3), (C, 0.4), (T, 0.2)), settings(0.4))
    assert shown["moment_id"].to_list() == [1]
    assert aside["moment_id"].to_list() == [0, 2]
    assert "0.30" in aside["because"][0]
    assert "moments.min_score" in aside["because"][0]
    assert aside["response"].to_list() == ["addressed", "addressed"]


def test_the_highest_stay_and_the_earlier_of_equals() -> None:
    shown, aside = cut(moments((W, 0.5), (C, 0.8), (W, 0.5), (C, 0.6)), settings(0, 3))
    assert shown["moment_id"].to_list() == [0, 1, 3]
    (because,) = aside["because"]
    assert because.startswith("this profile shows at most 3 moments per session")
    assert because.endswith("(moments.max_per_session)")


def test_moves_of_the_therapist_take_nobodys_place() -> None:
    shown, _ = cut(moments((T, 0.9), (W, 0.5), (C, 0.4)), settings(0, 1))
    assert shown["moment_id"].to_list() == [0, 1]


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.sampled_from((W, C, T)), st.floats(0.01, 0.99)), max_size=8),
    st.floats(0, 0.99),
    st.one_of(st.none(), st.integers(1, 5)),
)
def test_nothing_is_lost(rows: list[tuple[str, float]], min_score: float, most: int | None) -> None:
    found = moments(*rows)
    shown, aside = cut(found, settings(min_score, most))
    assert sorted([*shown["moment_id"], *aside["moment_id"]]) == list(range(len(rows)))
    ranked = shown.filter(pl.col("kind") != T)
    assert most is None or ranked.height <= most
    assert all(aside["because"])
    least = ranked["score"].min()
    if isinstance(least, float):
        rest = aside.filter((pl.col("kind") != T) & (pl.col("score") > least))
        assert rest.is_empty()


@pytest.mark.parametrize("key", ["min_score", "max_per_session"])
def test_both_are_settings(key: str) -> None:
    assert config.Moments.model_fields[key].description
