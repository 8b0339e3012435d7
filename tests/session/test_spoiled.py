"""Quality of a real call made bad on purpose: each fault is found, told, and disables its rules."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import ndimage, signal

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.core.tables import DIARIZATION, DROPOUTS, MEDIA, WORDS, Metadata, Recording, Tables
from pipeline.engines.diarization.channels import ChannelsDiarizer
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.errors.timing import call
from pipeline.speech import activity, quality

SETTINGS = config.load()
SECONDS = 60
Channels = list[Samples]


@pytest.fixture(scope="module")
def good(shared_data: Path) -> Channels:
    """The first minute of the call."""
    whole = call(shared_data / "calls").audio
    return [channel[: SECONDS * 16_000] for channel in whole.channels]


def _heard(channels: Channels) -> tuple[Audio, Tables]:
    """Tables of all that quality rests on, as a run makes them."""
    audio = Audio([np.asarray(np.clip(channel, -1, 1), np.float32) for channel in channels])
    heard = activity.hear(audio, Silero(SETTINGS), SETTINGS.activity)
    zeros: list[dict[str, object]] = []
    for number, channel in enumerate(audio.channels):
        silent = np.abs(channel).reshape(-1, 160).max(axis=1) == 0
        zeros += [
            {"start_ms": int(a) * 10, "end_ms": int(b) * 10, "channel": number}
            for a, b in zip(*activity.edges(np.asarray(silent)), strict=True)
            if (b - a) * 10 >= SETTINGS.audio.dropout_ms
        ]
    dropouts = DROPOUTS.frame(zeros)
    recording = Recording("0" * 64, audio.duration_ms, 8000, len(channels), Metadata())
    found = ChannelsDiarizer(SETTINGS).diarize(audio, heard.activity, recording)
    media: dict[str, object] = {
        "duration_ms": audio.duration_ms,
        "sample_rate_hz": 8000,
        "channels": len(channels),
        "damaged_packets": 0,
        "gap_ms": 0,
    }
    row: dict[str, object] = {"engine": "channels", "speakers": 2, "knows_overlap": True}
    return audio, {
        "media": MEDIA.frame([media]),
        "dropouts": dropouts,
        "activity": heard.activity,
        "doubts": heard.doubts,
        "losses": activity.lost(audio, dropouts, heard.activity, SETTINGS.activity),
        "spans": found.spans,
        "diarization": DIARIZATION.frame([row | {"margin": found.margin}]),
        "words": WORDS.empty(),
    }


def _assess(channels: Channels) -> pl.DataFrame:
    audio, tables = _heard(channels)
    return quality.assess(audio, tables, SETTINGS.quality)


def _disabled(found: pl.DataFrame) -> Mapping[str, set[str]]:
    rows = found.filter(pl.col("disables").list.len() > 0)
    assert rows["because"].null_count() == 0
    return {
        str(measure): set(families)
        for measure, families in rows.select("measure", "disables").rows()
    }


def _noise(channels: Channels, dbfs: float) -> Channels:
    random = np.random.default_rng(0)
    return [
        channel + (random.standard_normal(len(channel)) * 10 ** (dbfs / 20)).astype(np.float32)
        for channel in channels
    ]


def _muffled(channels: Channels) -> Channels:
    filters = signal.butter(8, 1500, fs=16_000, output="sos")
    return [signal.sosfilt(filters, channel).astype(np.float32) for channel in channels]


def _gated(channels: Channels) -> Channels:
    """Zeros where for 200 ms before and after nothing is louder than -45 dBFS."""
    made = []
    for channel in channels:
        loud = ndimage.maximum_filter1d(np.abs(channel), 400) > 10 ** (-42 / 20)
        made.append(np.where(ndimage.maximum_filter1d(loud, 6401), channel, np.float32(0)))
    return made


def _holes(channels: Channels) -> Channels:
    made = [channel.copy() for channel in channels]
    for channel in made:
        for start in range(0, len(channel), 5 * 16_000):
            channel[start : start + 16_000] = 0
    return made


FAULTS: dict[str, tuple[Callable[[Channels], Channels], str, set[str]]] = {
    "noise": (lambda c: _noise(c, -24), "snr_db", {"voice"}),
    "loud noise": (lambda c: _noise(c, -17), "snr_db", {"voice", "timing"}),
    "clipped": (lambda c: [x * np.float32(20) for x in c], "clipped_share", {"voice"}),
    "clipped, then turned down": (
        lambda c: [np.clip(x * np.float32(20), -1, 1) * np.float32(0.3) for x in c],
        "clipped_share",
        {"voice"},
    ),
    "muffled": (_muffled, "bandwidth_hz", {"words"}),
    "crosstalk": (
        lambda c: [c[0] + np.float32(0.7) * c[1], c[1] + np.float32(0.7) * c[0]],
        "crosstalk_db",
        {"voice"},
    ),
    "off centre": (
        lambda c: [x * np.float32(0.5) + np.float32(0.1) for x in c],
        "dc_offset",
        {"voice"},
    ),
    "holes": (_holes, "lost_share", {"timing"}),
}


def test_the_call_itself_disables_nothing(good: Channels) -> None:
    found = _assess(good)
    assert _disabled(found) == {}
    bandwidth = found.filter(pl.col("measure") == "bandwidth_hz")["value"]
    assert bandwidth.max() <= 4000  # type: ignore[operator]
    assert bandwidth.min() > 3000  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_told(good: Channels, fault: str) -> None:
    spoil, measure, families = FAULTS[fault]
    disabled = _disabled(_assess(spoil(good)))
    assert disabled[measure] == families


def test_a_gated_recording_has_lost_nothing(good: Channels) -> None:
    found = _assess(_gated(good))
    largest = found.group_by("measure").agg(pl.col("value").max())
    values = {str(measure): float(value or 0) for measure, value in largest.rows()}
    assert values["gated_share"] > 0.2
    assert values["dropout_share"] < 0.05
    assert "lost_share" not in _disabled(found)


def test_a_voice_that_is_hardly_heard_puts_timing_in_doubt(good: Channels) -> None:
    """One microphone far from the caller: 35 dB down, with noise 2 dB over the voice."""
    mono = good[0] + good[1] * np.float32(10 ** (-35 / 20))
    found = _assess(_noise([mono], -56))
    assert _disabled(found)["doubt_share"] == {"timing"}
