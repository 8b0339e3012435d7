import polars as pl
import pytest

from pipeline import config, measures
from pipeline.core.tables import FRAMES, Tables
from pipeline.evaluation.material.small_session import session, value

SETTINGS = config.load()
CATALOGUE = measures.catalogue(SETTINGS)
NAMES = ("hnr_db", "cpp_db", "jitter", "shimmer")


def _steady(_: int) -> tuple[float | None, float | None]:
    return 200.0, -20.0


def _tables(lines: list[tuple[str, int, int]]) -> Tables:
    """Every second frame measured; A's values rise with time."""
    tables = dict(session(lines, frames={"a": _steady, "b": _steady}))
    measured = pl.when(pl.col("t_ms") % 20 == 0)
    tables["frames"] = FRAMES.conform(
        tables["frames"].with_columns(
            measured.then(10 + pl.col("t_ms") / 1000).cast(pl.Float32).alias("hnr_db"),
            measured.then(15.0).cast(pl.Float32).alias("cpp_db"),
            measured.then(0.01).cast(pl.Float32).alias("jitter"),
            measured.then(0.1).cast(pl.Float32).alias("shimmer"),
        )
    )
    return tables


def test_medians_of_the_moments_that_were_measured() -> None:
    found = measures.measure_all(_tables([("a", 0, 4_000), ("b", 4_200, 6_200)]), CATALOGUE)
    assert value(found, "turn", "hnr_db") == pytest.approx(12, abs=0.02)
    assert value(found, "turn", "jitter") == pytest.approx(0.01)
    assert value(found, "turn", "shimmer", 1) == pytest.approx(0.1)
    assert value(found, "session", "cpp_db", speaker="a") == pytest.approx(15)


def test_too_few_moments_are_null() -> None:
    least_ms = SETTINGS.features.phonation_moments * 20
    found = measures.measure_all(_tables([("a", 0, least_ms - 20), ("b", 2_000, 4_000)]), CATALOGUE)
    for name in NAMES:
        assert value(found, "turn", name) is None
        assert value(found, "turn", name, 1) is not None
        assert value(found, "session", name, speaker="b") is None


def test_frames_without_measures_are_null_not_zero() -> None:
    tables = session([("a", 0, 10_000)], frames={"a": _steady})
    found = measures.measure_all(tables, CATALOGUE)
    assert all(value(found, "turn", name) is None for name in NAMES)


def test_they_are_of_the_voice_and_of_one_person() -> None:
    own = [feature for feature in CATALOGUE if feature.name in NAMES]
    assert {feature.item for feature in own} >= {"turn", "window_60s", "session"}
    assert {(feature.needs, feature.group) for feature in own} == {("voice", "speaker")}
