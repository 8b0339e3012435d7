import itertools

import numpy as np
import polars as pl
import pytest

from pipeline.audio.samples import Audio
from pipeline.engines.transcription.asr_chunks import Piece, cut, levels_dbfs, quietest, samples

SCHEMA = {"start_ms": pl.Int64, "end_ms": pl.Int64, "speaker": pl.String, "channel": pl.Int16}


def audio(seconds: float, *quiet_ms: tuple[int, int]) -> Audio:
    made = np.random.default_rng(0).standard_normal(round(seconds * 16_000)).astype(np.float32)
    for start, end in quiet_ms:
        made[16 * start : 16 * end] *= 0.01
    return Audio([made, np.zeros_like(made)])


def regions(*rows: tuple[int, int, str, int | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_a_short_region_is_one_piece() -> None:
    assert cut(audio(5), regions((100, 4_000, "A", 0)), 10_000) == [Piece(100, 4_000, "A", 0)]


def test_a_long_region_is_cut_in_its_pauses() -> None:
    made = cut(audio(30, (7_000, 7_400), (15_000, 15_400)), regions((0, 24_000, "A", 0)), 10_000)
    bounds = [piece.start_ms for piece in made[1:]]
    assert 7_000 < bounds[0] < 7_400
    assert 15_000 < bounds[1] < 15_400
    assert all(piece.length_ms <= 10_000 for piece in made)
    assert (made[0].start_ms, made[-1].end_ms) == (0, 24_000)
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(made))


def test_what_lies_past_the_end_is_left_out() -> None:
    made = cut(audio(5), regions((4_000, 9_000, "A", 0), (6_000, 9_000, "B", 1)), 10_000)
    assert made == [Piece(4_000, 5_000, "A", 0)]


def test_samples_of_a_channel_and_of_the_mix() -> None:
    made = audio(1)
    one, mixed = samples(made, 0, 100, 200), samples(made, None, 100, 200)
    assert len(one) == len(mixed) == 1_600
    assert mixed == pytest.approx(one / 2)


def test_levels_are_root_mean_squares() -> None:
    wave = np.sqrt(2) * 0.1 * np.sin(np.arange(1_600) * 2 * np.pi * 100 / 16_000)
    assert levels_dbfs(wave.astype(np.float32)) == pytest.approx(np.full(10, -20.0), abs=0.01)
    assert levels_dbfs(np.zeros(161, dtype=np.float32)).tolist() == [-200.0, -200.0]
    assert levels_dbfs(np.zeros(0, dtype=np.float32)).size == 0


def test_the_quietest_place_of_a_moment_is_in_it() -> None:
    assert quietest(np.ones(160, dtype=np.float32)) == 0
