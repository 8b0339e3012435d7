"""Digital zeros: what was lost, and what is only the silence of a gated recording."""

from pathlib import Path

import numpy as np
import polars as pl
from scipy import ndimage

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.core.tables import ACTIVITY, DROPOUTS, LOSSES
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.errors.timing import call
from pipeline.evaluation.material.composed import Stretch
from pipeline.speech import activity

SETTINGS = config.load()
OWN = SETTINGS.activity
SPEECH = [(start, start + 2000) for start in range(1000, 40_000, 4000)]


def recording(zeros: list[Stretch]) -> Samples:
    """Speech, over a little noise; `zeros` are exactly that."""
    random = np.random.default_rng(0)
    wave = random.standard_normal(42_000 * 16).astype(np.float32) * np.float32(1e-4)
    for start, end in SPEECH:
        wave[start * 16 : end * 16] *= np.float32(1000)
    for start, end in zeros:
        wave[start * 16 : end * 16] = 0
    return wave


def lost(zeros: list[Stretch]) -> list[Stretch]:
    rows: list[dict[str, object]] = [{"start_ms": a, "end_ms": b, "channel": 0} for a, b in zeros]
    speech: list[dict[str, object]] = [
        {"start_ms": a, "end_ms": b, "channel": 0, "speech_probability": 0.9, "level_dbfs": -20.0}
        for a, b in SPEECH
    ]
    audio = Audio([recording(zeros)])
    found = activity.lost(audio, DROPOUTS.frame(rows), ACTIVITY.frame(speech), OWN)
    assert LOSSES.conform(found).equals(found)
    return found.select("start_ms", "end_ms").rows()


def gate(hold_ms: int) -> list[Stretch]:
    """Zeros in every pause, from `hold_ms` after speech on."""
    return [(end + hold_ms, end + 2000) for _, end in SPEECH[:-1]]


def test_zeros_here_and_there_are_lost_signal() -> None:
    zeros = [(3500, 3900), (13_800, 14_200), (30_000, 30_300)]
    assert lost(zeros) == zeros
    assert lost([]) == []


def test_zeros_in_every_pause_are_silence() -> None:
    assert lost(gate(100)) == []


def test_what_breaks_off_within_speech_is_lost_in_a_gated_recording_too() -> None:
    broken = (14_000, 14_600)
    assert lost(sorted([*gate(100), broken])) == [broken]


def test_zeros_that_always_break_off_speech_are_no_gate() -> None:
    """A line that drops out after every other word."""
    zeros = [(end - 300, end + 1900) for _, end in SPEECH[:-1]]
    assert lost(zeros) == zeros


def test_a_channel_on_which_nobody_speaks_shows_no_gate() -> None:
    audio = Audio([np.zeros(16_000, np.float32)])
    zeros = DROPOUTS.frame([{"start_ms": 0, "end_ms": 1000, "channel": 0}])
    assert activity.lost(audio, zeros, ACTIVITY.empty(), OWN).height == 1


def _zeros(samples: Samples) -> list[dict[str, object]]:
    heard = samples[: len(samples) // 160 * 160].reshape(-1, 160) != 0
    silent = np.asarray(heard.sum(axis=1) == 0)
    return [
        {"start_ms": int(a) * 10, "end_ms": int(b) * 10, "channel": 0}
        for a, b in zip(*activity.edges(silent), strict=True)
        if (b - a) * 10 >= SETTINGS.audio.dropout_ms
    ]


def test_a_real_call_behind_a_noise_gate(shared_data: Path) -> None:
    """The agent's channel, gated as video software does it, and with three packets lost."""
    wave = call(shared_data / "calls").audio.channels[0].copy()
    level = np.sqrt(np.maximum(ndimage.uniform_filter1d(wave**2, 320), 0))
    open_ = level > 10 ** (-45 / 20)
    held = ndimage.maximum_filter1d(open_, 2 * 3200 + 1)  # 200 ms before and after
    wave[~held] = 0
    heard = activity.hear(Audio([wave]), Silero(SETTINGS), OWN).activity
    gated = DROPOUTS.frame(_zeros(wave))
    assert gated.height >= 10
    assert activity.lost(Audio([wave]), gated, heard, OWN).height <= 0.1 * gated.height
    long = heard.filter(pl.col("end_ms") - pl.col("start_ms") > 2500)
    for start_ms, end_ms in long.select("start_ms", "end_ms").rows()[:3]:
        loudest = start_ms * 16 + int(level[start_ms * 16 : (end_ms - 500) * 16].argmax())
        wave[loudest : loudest + 8000] = 0
    broken = DROPOUTS.frame(_zeros(wave))
    kept = activity.lost(Audio([wave]), broken, heard, OWN)
    assert 3 <= kept.height <= 3 + 0.1 * gated.height
