import polars as pl
import pytest

from pipeline import config, measures
from pipeline.evaluation.material.small_session import session, value

CATALOGUE = measures.catalogue(config.load())
LINES = [("a", 0, 10_000), ("b", 10_500, 10_700), ("a", 11_000, 40_000)]


def _glide(t_ms: int) -> tuple[float | None, float | None]:
    """From 100 Hz on, two semitones a second up; every fourth frame unvoiced."""
    return (None if t_ms % 40 == 0 else 100 * 2 ** (t_ms / 6_000)), -20.0


def _steady(_: int) -> tuple[float | None, float | None]:
    return 200.0, -20.0


def test_median_span_and_slope_of_a_glide() -> None:
    tables = session(LINES, frames={"a": _glide, "b": _steady})
    found = measures.measure_all(tables, CATALOGUE)
    assert value(found, "turn", "f0_median_st") == pytest.approx(10, abs=0.05)
    assert value(found, "turn", "f0_span_st") == pytest.approx(16, abs=0.1)
    assert value(found, "turn", "f0_slope_st_per_s") == pytest.approx(2, abs=1e-4)


def test_too_little_voice_is_null_not_zero() -> None:
    found = measures.measure_all(session(LINES, frames={"a": _glide, "b": _steady}), CATALOGUE)
    for name in ("f0_median_st", "f0_span_st", "f0_slope_st_per_s", "level_db"):
        assert value(found, "turn", name, 1) is None
    assert value(found, "window_60s", "f0_median_st", speaker="b") is None


def test_without_frames_all_of_the_voice_is_null() -> None:
    found = measures.measure_all(session(LINES), CATALOGUE)
    voice = found.filter(pl.col("feature").str.starts_with("f0_") & (pl.col("item") == "turn"))
    assert voice.height == 12
    assert voice["value"].null_count() == 12


def test_level_is_relative_to_the_speaker_and_ignores_the_microphone() -> None:
    lines = [
        ("a", 0, 5_000),
        ("b", 5_500, 8_000),
        ("a", 9_000, 14_000),
        ("b", 14_500, 16_000),
        ("a", 17_000, 22_000),
    ]
    for gain_db in (0.0, -30.0):

        def louder(t_ms: int, gain_db: float = gain_db) -> tuple[float | None, float | None]:
            return 200.0, -20.0 + gain_db + (6 if t_ms > 16_000 else 0)

        tables = session(lines, frames={"a": louder, "b": _steady})
        found = measures.measure_all(tables, CATALOGUE)
        assert value(found, "turn", "level_db", 0) == pytest.approx(0)
        assert value(found, "turn", "level_db", 4) == pytest.approx(6, abs=1e-4)


def _rising_end(t_ms: int) -> tuple[float | None, float | None]:
    """Level at 200 Hz, then three semitones up for the last 100 ms; silence after 9 s."""
    if t_ms >= 9_000:
        return None, -60.0
    return 200 * 2 ** (0.25 if t_ms >= 8_900 else 0), -20.0


def test_how_the_pitch_of_a_turn_ends() -> None:
    tables = session(LINES, frames={"a": _rising_end, "b": _steady})
    found = measures.measure_all(tables, CATALOGUE)
    assert value(found, "turn", "f0_final_st") == pytest.approx(3, abs=1e-4)
    assert value(found, "turn", "f0_final_st", 1) == pytest.approx(0)


def test_a_turn_too_short_has_no_end() -> None:
    tables = session([("a", 0, 140), ("b", 500, 4_000)], frames={"a": _steady, "b": _steady})
    found = measures.measure_all(tables, CATALOGUE)
    assert value(found, "turn", "f0_final_st") is None


def _octaves_down(t_ms: int) -> tuple[float | None, float | None]:
    """As `_rising_end`, but every eighth frame is an octave lower."""
    f0_hz, level = _rising_end(t_ms)
    return (f0_hz / 2 if f0_hz and t_ms % 80 == 0 else f0_hz), level


def test_octave_errors_move_neither_slope_nor_end() -> None:
    clean, wrong = (
        measures.measure_all(session(LINES, frames={"a": end, "b": _steady}), CATALOGUE)
        for end in (_rising_end, _octaves_down)
    )
    for name, close in (("f0_final_st", 1e-4), ("f0_slope_st_per_s", 0.01), ("f0_median_st", 1e-4)):
        assert value(wrong, "turn", name) == pytest.approx(value(clean, "turn", name), abs=close)
