import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from pipeline import config
from pipeline.audio.samples import Audio
from pipeline.core.tables import (
    ACTIVITY,
    DIARIZATION,
    DOUBTS,
    DROPOUTS,
    LOSSES,
    MEDIA,
    QUALITY,
    SPANS,
    WORDS,
    Tables,
)
from pipeline.formats import rttm
from pipeline.speech import quality

SETTINGS = config.load().quality
SECONDS = 20
SPEECH = [(0, 2_000, 8_000), (1, 9_000, 14_000), (0, 15_000, 18_000)]

Wave = NDArray[np.float64]


def _tables(
    speech: list[tuple[int | None, int, int]],
    *,
    margin: float | None = None,
    confidence: float | None = None,
    dropouts: list[tuple[int, int, int]] | None = None,
) -> Tables:
    spans: list[dict[str, object]] = [
        {
            "start_ms": start,
            "end_ms": end,
            "speaker": f"s{channel}",
            "channel": channel,
            "exclusive": True,
            "regular": True,
        }
        for channel, start, end in speech
    ]
    active: list[dict[str, object]] = [
        {"start_ms": start, "end_ms": end, "channel": channel or 0, "speech_probability": 1.0}
        for channel, start, end in speech
    ]
    words: list[dict[str, object]] = [
        {
            "word_id": 0,
            "start_ms": 2_000,
            "end_ms": 2_500,
            "speaker": "s0",
            "text": "hello",
            "confidence": confidence,
            "timing": "aligned",
        }
    ]
    lost: list[dict[str, object]] = [
        {"channel": c, "start_ms": a, "end_ms": e} for c, a, e in dropouts or []
    ]
    return {
        "spans": SPANS.frame(spans),
        "activity": ACTIVITY.frame(active),
        "diarization": DIARIZATION.frame(
            [{"engine": "x", "speakers": 2, "margin": margin, "knows_overlap": True}]
        ),
        "words": WORDS.frame(words),
        "dropouts": DROPOUTS.frame(lost),
        "losses": LOSSES.frame(lost),
        "doubts": DOUBTS.empty(),
        "media": MEDIA.empty(),
    }


def _noise(level: float, seed: int = 0) -> Wave:
    return np.random.default_rng(seed).normal(0, level, SECONDS * 16000)


def _muffled(edge_hz: float) -> Wave:
    """Noise with nothing above `edge_hz`."""
    spectrum = np.fft.rfft(_noise(0.2))
    spectrum[round(edge_hz * SECONDS) :] = 0
    return np.fft.irfft(spectrum, SECONDS * 16000)


def _channel(number: int, speech: Wave, noise: Wave) -> Wave:
    """`noise`, and `speech` where the channel's speaker speaks."""
    wave = noise.copy()
    for channel, start, end in SPEECH:
        if channel == number:
            wave[16 * start : 16 * end] += speech[16 * start : 16 * end]
    return wave


def _stereo(speech: Wave, noise: float) -> list[Wave]:
    return [_channel(0, speech, _noise(noise, 1)), _channel(1, speech, _noise(noise, 2))]


def _assess(channels: list[Wave], tables: Tables | None = None) -> pl.DataFrame:
    audio = Audio([np.asarray(np.clip(wave, -1, 1), np.float32) for wave in channels])
    found = quality.assess(audio, tables or _tables([*SPEECH]), SETTINGS)
    assert QUALITY.conform(found).equals(found)
    return found


def _row(found: pl.DataFrame, measure: str, channel: int | None = None) -> dict[str, object]:
    rows = found.filter(
        pl.col("measure") == measure, pl.col("channel").eq_missing(pl.lit(channel, pl.Int16))
    )
    assert rows.height == 1
    return rows.row(0, named=True)


@pytest.mark.parametrize("snr_db", [30.0, 12.0, 6.0, 0.0])
def test_signal_to_noise_ratio_is_that_of_the_mixture(snr_db: float) -> None:
    noise = 0.1 * 10 ** (-snr_db / 20)
    row = _row(_assess(_stereo(_noise(0.1), noise)), "snr_db", 0)
    assert row["value"] == pytest.approx(snr_db, abs=0.3)
    families = [] if snr_db >= 10 else ["voice"] if snr_db >= 3 else ["timing", "voice"]
    assert row["disables"] == families
    assert (row["because"] is None) == (not families)


def test_the_reason_is_a_sentence_with_the_number() -> None:
    row = _row(_assess(_stereo(_noise(0.1), 0.05)), "snr_db", 1)
    assert row["because"] == (
        "The recording is so noisy on channel 2 (signal-to-noise ratio 6 dB) that pitch and "
        "loudness are not used."
    )


def test_digital_zeros_are_no_noise() -> None:
    row = _row(_assess(_stereo(_noise(0.1), 0.0)), "snr_db", 0)
    assert row["value"] is None
    assert row["disables"] == []
    # Half of the rest is zeros, the other half noise: the noise counts alone.
    channels = _stereo(_noise(0.1), 0.01)
    channels[0][16 * 8_200 : 16 * 11_500] = 0
    assert _row(_assess(channels), "snr_db", 0)["value"] == pytest.approx(20, abs=0.3)


@pytest.mark.parametrize("run", [1, 2, 3, 8])
def test_clipping_counts_runs_at_full_scale(run: int) -> None:
    speech = np.full(SECONDS * 16000, 0.1)
    for offset in range(run):
        speech[offset::100] = 1.0
    row = _row(_assess(_stereo(speech, 1e-4)), "clipped_share", 0)
    share = run / 100 if run >= 3 else 0.0
    assert row["value"] == pytest.approx(share, abs=0.001)
    assert row["disables"] == (["voice"] if share else [])


def test_clipping_across_blocks_is_counted_once() -> None:
    speech = np.full(SECONDS * 16000 * 3, 0.1)
    edge = quality._BLOCK_SAMPLES
    speech[edge - 2 : edge + 2] = 1.0
    audio = Audio([speech.astype(np.float32)])
    tables = _tables([(0, 0, 60_000)])
    row = _row(quality.assess(audio, tables, SETTINGS), "clipped_share", 0)
    assert row["value"] == pytest.approx(4 / 960_000)


@pytest.mark.parametrize("edge_hz", [1_500, 3_400, 6_000])
def test_bandwidth_is_where_speech_ends(edge_hz: int) -> None:
    speech = _muffled(edge_hz)
    row = _row(_assess(_stereo(speech, 1e-3)), "bandwidth_hz", 0)
    assert row["value"] == pytest.approx(edge_hz, rel=0.05)
    assert row["disables"] == (["words"] if edge_hz < 2_500 else [])


def test_a_whistle_of_the_line_is_no_bandwidth() -> None:
    speech = _muffled(3_400)
    whistle = 0.05 * np.sin(2 * np.pi * 7_000 * np.arange(SECONDS * 16000) / 16000)
    channels = [wave + whistle for wave in _stereo(speech, 1e-3)]
    assert _row(_assess(channels), "bandwidth_hz", 0)["value"] == pytest.approx(3_400, rel=0.05)


@pytest.mark.parametrize("down_db", [3, 12, 30])
def test_crosstalk_is_the_level_of_the_echo(down_db: int) -> None:
    one, two = _stereo(_noise(0.1), 1e-4)
    leak = 10 ** (-down_db / 20)
    row = _row(_assess([one + leak * two, two + leak * one]), "crosstalk_db")
    assert row["value"] == pytest.approx(down_db, abs=0.2)
    assert row["disables"] == (["voice"] if down_db < 6 else [])


def test_noise_on_the_other_channel_is_no_crosstalk() -> None:
    one = _channel(0, _noise(0.1), _noise(1e-4, 1))
    two = _channel(1, _noise(0.1), _noise(0.08, 2))
    value = _row(_assess([one, two]), "crosstalk_db")["value"]
    assert value is None or (isinstance(value, float) and value > 12)


def test_shares_of_speech_and_lost_signal() -> None:
    tables = _tables([*SPEECH], dropouts=[(0, 0, 5_000), (1, 0, 10_000)])
    found = _assess(_stereo(_noise(0.1), 1e-3), tables)
    assert _row(found, "speech_share", 0)["value"] == pytest.approx(9 / 20)
    assert _row(found, "dropout_share", 1)["value"] == pytest.approx(0.5)
    assert _row(found, "lost_share")["value"] == pytest.approx(0.25)
    tables = _tables([*SPEECH], dropouts=[(0, 0, 15_000), (1, 0, 15_000)])
    assert _row(_assess(_stereo(_noise(0.1), 1e-3), tables), "lost_share")["disables"] == ["timing"]


def test_margin_confidence_and_speakers() -> None:
    tables = _tables([*SPEECH], margin=0.01, confidence=0.2)
    found = _assess(_stereo(_noise(0.1), 1e-3), tables)
    assert _row(found, "diarization_margin")["disables"] == ["timing", "voice", "words"]
    assert _row(found, "word_confidence")["disables"] == ["words"]
    assert _row(found, "speakers")["value"] == 2
    assert _row(found, "speakers")["disables"] == []
    unknown = _assess(_stereo(_noise(0.1), 1e-3))
    for measure in ("diarization_margin", "word_confidence"):
        assert _row(unknown, measure)["value"] is None
        assert _row(unknown, measure)["disables"] == []


def test_one_voice_or_none_disables_all() -> None:
    wave = [_noise(0.1)]
    one = _row(_assess(wave, _tables([(0, 0, 5_000)])), "speakers")
    none = _row(_assess(wave, _tables([])), "speakers")
    assert one["disables"] == none["disables"] == ["timing", "voice", "words"]
    assert str(one["because"]).startswith("Only one voice")
    assert str(none["because"]).startswith("No speech")


def test_one_microphone_is_measured_on_its_speech_activity() -> None:
    tables = _tables([(None, 2_000, 8_000), (None, 9_000, 14_000)])
    found = _assess([_noise(0.01) + np.pad(_noise(0.1)[: 16 * 12_000], (32_000, 96_000))], tables)
    assert _row(found, "speech_share", 0)["value"] == pytest.approx(11 / 20)
    assert _row(found, "crosstalk_db")["value"] is None


def test_a_transcript_alone_has_no_voice_and_says_so() -> None:
    found = quality.assess(None, _tables([*SPEECH], confidence=0.9), SETTINGS)
    row = _row(found, "audio_channels")
    assert row["disables"] == ["voice"]
    assert "transcript" in str(row["because"])
    assert found["channel"].null_count() == found.height


def test_a_real_call_disables_nothing_and_is_fast(shared_data: Path) -> None:
    import av  # noqa: PLC0415  (the data are absent on most machines)

    with av.open(shared_data / "calls" / "call_a.flac") as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    flat = np.concatenate([block.reshape(-1) for block in blocks]).reshape(-1, 2) / 2**15
    channels = [np.repeat(flat[:, c], 2).astype(np.float32) for c in (0, 1)]
    turns = rttm.read((shared_data / "calls" / "call_a.rttm").read_text())
    spans = turns.with_columns(
        pl.when(pl.col("speaker") == "agent").then(0).otherwise(1).alias("channel")
    )
    speech = list(spans.select("channel", "start_ms", "end_ms").iter_rows())
    began = time.process_time()
    found = quality.assess(Audio(channels), _tables(speech), SETTINGS)
    seconds = time.process_time() - began
    assert len(channels[0]) / 16000 / seconds > 200
    assert found.filter(pl.col("disables").list.len() > 0).is_empty()
    assert _row(found, "crosstalk_db")["value"] == pytest.approx(35, abs=3)
