"""Sound as people have it: odd headers, several tracks, inverted, quiet and overdriven channels."""

import io
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from pipeline import audio, config
from pipeline.core.errors import InputError

SETTINGS = config.load().audio
RATE = 16_000
Signal = NDArray[np.float32]


def sound(seconds: float, channels: int = 1, seed: int = 5) -> Signal:
    """Smooth noise, loud and quiet by turns: no two places are alike."""
    rough = np.random.default_rng(seed).standard_normal((channels, round(seconds * RATE) + 8))
    smooth = np.cumsum(rough, axis=1)
    smooth = smooth[:, 8:] - smooth[:, :-8]
    loud = np.where(np.arange(smooth.shape[1]) // RATE % 3 < 2, 1.0, 0.01)
    return np.asarray(0.3 * smooth / np.abs(smooth).max() * loud, np.float32)


def decode(*paths: Path, **changed: Any) -> audio.Decoded:
    settings = SETTINGS.model_copy(update=changed)
    return audio.decode(paths, tempfile.TemporaryFile, settings)


def facts(decoded: audio.Decoded) -> dict[str, Any]:
    return decoded.media.row(0, named=True)


def pcm(samples: Signal) -> bytes:
    return bytes((samples * 32_767).astype("<i2").T.tobytes())


def wav(
    samples: Signal,
    *,
    size: int | None = None,
    byte_rate: int | None = None,
    tail: bytes = b"",
    head: bytes = b"",
) -> bytes:
    """A WAV file whose header says what it is told to say."""
    channels, content = len(samples), pcm(samples)
    rate = 2 * channels * RATE if byte_rate is None else byte_rate
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, RATE, rate, 2 * channels, 16)
    told = len(content) if size is None else size
    body = b"WAVE" + head + form + struct.pack("<4sI", b"data", told) + content + tail
    return (b"RF64" if head else b"RIFF") + struct.pack("<I", len(body) & 0xFFFF_FFFF) + body


def encoded(path: Path, tracks: list[tuple[Signal, str, int]], **options: str) -> Path:
    """A file with one track of sound for each of `tracks`: samples at 16 kHz, codec, rate."""
    own = {"flags": "+qscale", "global_quality": "590"} if options else {}
    with av.open(str(path), "w", options=options) as out:
        streams = []
        for samples, codec, rate in tracks:
            layout = "stereo" if len(samples) == 2 else "mono"
            stream = out.add_stream(codec, rate=rate, layout=layout, options=own)
            assert isinstance(stream, AudioStream)
            streams.append((stream, samples, layout, rate))
        for stream, samples, layout, rate in streams:
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.sample_rate = RATE
            size = stream.frame_size or 1024
            form = av.AudioResampler(stream.format.name, layout, rate, size)
            for given in (frame, None):
                for ready in form.resample(given):
                    out.mux(stream.encode(ready))
            out.mux(stream.encode(None))
    return path


def samples_of(decoded: audio.Decoded) -> Signal:
    return np.stack([np.asarray(channel) for channel in decoded.audio.channels])


def same_second(path: Path, whole: Signal, second: int, factors: Any = None) -> float:
    """How much a second as the desk plays it is that of the whole recording, -1 to 1."""
    block = next(audio.stream([path], second, factors)).samples
    there = whole[:, second * RATE : (second + 1) * RATE]
    return float(np.corrcoef(block.ravel(), there.ravel())[0, 1])


@pytest.mark.parametrize("byte_rate", [0, 32_000, 128_000, 0xFFFF_FFFF])
def test_a_wrong_byte_rate_moves_nothing(tmp_path: Path, byte_rate: int) -> None:
    made = sound(20, 2)
    path = tmp_path / "s.wav"
    path.write_bytes(wav(made, byte_rate=byte_rate))
    with decode(path) as decoded:
        assert facts(decoded)["promised_ms"] == facts(decoded)["duration_ms"] == 20_000
        assert facts(decoded)["repairs"] is None
        for second in (1, 7, 18):
            assert same_second(path, samples_of(decoded), second) > 0.99


@pytest.mark.parametrize("size", [0, 2, 32_000, 300_000])
@pytest.mark.parametrize("long", [False, True])
def test_a_header_that_announces_too_little_is_read_to_the_end(
    tmp_path: Path, size: int, long: bool
) -> None:
    head = struct.pack("<4sIQQQI", b"ds64", 28, 0, size, 0, 0) if long else b""
    path = tmp_path / "s.wav"
    path.write_bytes(wav(sound(10), size=0xFFFF_FFFF if long else size, head=head))
    with decode(path) as decoded:
        row = facts(decoded)
        assert (row["duration_ms"], row["promised_ms"]) == (10_000, None)
        assert row["repairs"] == [
            "Headers that announced less audio than the file contains; all of it was read: 1."
        ]
        assert same_second(path, samples_of(decoded), 8) > 0.99


def test_wave64_that_announces_too_little_is_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s.w64"
    file = io.BytesIO()
    with av.open(file, "w", format="w64") as out:
        stream = out.add_stream("pcm_s16le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.asarray(sound(6) * 32_767, np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = RATE
        out.mux(stream.encode(frame))
    content = bytearray(file.getvalue())
    at = content.find(b"data\xf3\xac\xd3") + 16
    struct.pack_into("<Q", content, at, 24 + 2000)
    path.write_bytes(content)
    with decode(path) as decoded:
        assert facts(decoded)["duration_ms"] == 6000
        assert facts(decoded)["repairs"]


def test_what_follows_the_sound_is_not_heard(tmp_path: Path) -> None:
    path = tmp_path / "s.wav"
    tails = (b"LIST\x04\0\0\0INFO", b"xyz \x02\0\0\0ab", bytes(500), b"odd", b"LIST\xff\0\0\0INFO")
    for tail in tails:
        path.write_bytes(wav(sound(3), tail=tail))
        with decode(path) as decoded:
            assert facts(decoded)["duration_ms"] == 3000
            assert facts(decoded)["repairs"] is None


def test_adpcm_is_played_from_the_second_that_is_asked_for(tmp_path: Path) -> None:
    for codec in ("adpcm_ms", "adpcm_ima_wav"):
        path = encoded(tmp_path / f"{codec}.wav", [(sound(40, 2), codec, RATE)])
        with decode(path) as decoded:
            whole = samples_of(decoded)
            assert abs(facts(decoded)["promised_ms"] - facts(decoded)["duration_ms"]) < 100
        for second in (3, 21, 38):
            assert same_second(path, whole, second) > 0.99


def test_an_estimate_is_no_announcement(tmp_path: Path) -> None:
    made = np.concatenate([sound(20), 0.001 * sound(20)], axis=1)
    bare = encoded(tmp_path / "bare.mp3", [(made, "libmp3lame", RATE)], write_xing="0")
    with av.open(str(bare)) as container:
        assert container.duration
        assert abs(container.duration / av.time_base - 40) > 1, "the estimate is wrong here"
    with decode(bare) as decoded:
        assert facts(decoded)["promised_ms"] is None
        assert abs(facts(decoded)["duration_ms"] - 40_000) < 200
        assert same_second(bare, samples_of(decoded), 31) > 0.99
    told = encoded(tmp_path / "told.mp3", [(made, "libmp3lame", RATE)])
    told.write_bytes(told.read_bytes()[: told.stat().st_size // 2])
    with decode(told) as decoded:
        assert abs(facts(decoded)["promised_ms"] - 40_000) < 200
        assert facts(decoded)["duration_ms"] < 25_000


def test_a_live_matroska_of_pcm_announces_nothing(tmp_path: Path) -> None:
    path = encoded(tmp_path / "live.mkv", [(sound(5), "pcm_s16le", RATE)], live="1")
    with decode(path) as decoded:
        assert facts(decoded)["promised_ms"] is None
        assert facts(decoded)["duration_ms"] == pytest.approx(5000, abs=5)


def test_chained_ogg_is_one_recording(tmp_path: Path) -> None:
    parts = [
        encoded(tmp_path / f"{seed}.ogg", [(sound(12, 1, seed), "libopus", 48_000)]).read_bytes()
        for seed in (1, 2)
    ]
    path = tmp_path / "s.ogg"
    path.write_bytes(b"".join(parts))
    with decode(path) as decoded:
        assert facts(decoded)["promised_ms"] is None
        assert facts(decoded)["duration_ms"] == pytest.approx(24_000, abs=60)
        for second in (4, 15, 20):
            assert same_second(path, samples_of(decoded), second) > 0.99


def test_all_tracks_are_channels_in_order(tmp_path: Path) -> None:
    made = [sound(8, 2, 1), sound(5, 1, 2), sound(8, 1, 3)]
    path = encoded(
        tmp_path / "s.mkv",
        [
            (made[0], "pcm_s16le", RATE),
            (made[1], "pcm_s16le", 48_000),
            (made[2], "pcm_s16le", RATE),
        ],
    )
    with decode(path) as decoded:
        whole = samples_of(decoded)
        row = facts(decoded)
        assert (len(whole), row["channels"]) == (4, 4)
        assert row["sample_rate_hz"] == RATE
        assert row["repairs"] == [
            "The file has 3 audio tracks, used as channels of one recording: 1-2, 3, 4."
        ]
        given = [*made[0], made[1][0], made[2][0]]
        for own, channel in zip(given, whole, strict=True):
            assert np.corrcoef(own[RATE : 4 * RATE], channel[RATE : 4 * RATE])[0, 1] > 0.98
        assert not whole[2, 6 * RATE :].any(), "the shorter one is silent then"
        assert same_second(path, whole, 3) > 0.98


def test_a_track_that_begins_later_keeps_its_place(tmp_path: Path) -> None:
    plain = encoded(
        tmp_path / "p.mka",
        [(sound(6, 1, 1), "pcm_s16le", RATE), (sound(3, 1, 2), "pcm_s16le", RATE)],
    )
    path = tmp_path / "s.mka"
    with av.open(str(plain)) as read, av.open(str(path), "w") as out:
        copies = [out.add_stream_from_template(stream) for stream in read.streams.audio]
        for packet in read.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            number = packet.stream_index
            if number:
                packet.pts += round(2 / packet.time_base)
                packet.dts = packet.pts
            packet.stream = copies[number]
            out.mux(packet)
    with decode(path) as decoded:
        whole = samples_of(decoded)
        assert not whole[1, : 2 * RATE - 300].any()
        late = whole[1, 2 * RATE + 100 : 4 * RATE]
        assert np.corrcoef(late, sound(3, 1, 2)[0, 100 : 2 * RATE])[0, 1] > 0.98
        assert facts(decoded)["gap_ms"] == 0
        assert same_second(path, whole, 3) > 0.98


def test_an_inverted_channel_is_turned_over(tmp_path: Path) -> None:
    made = sound(6)[0]
    noise = 0.002 * np.random.default_rng(0).standard_normal(made.shape)
    path = tmp_path / "s.wav"
    path.write_bytes(wav(np.asarray(np.stack([made, -0.6 * made + noise]), np.float32)))
    with decode(path) as decoded:
        row = facts(decoded)
        assert row["factors"] == [1.0, -1.0]
        assert row["correlation"] > 0.98
        said = "Channel 2 is inverted against channel 1; this was corrected for listening and"
        assert row["repairs"] == [f"{said} measuring."]
        mixed = decoded.audio.mixed(0, decoded.audio.n_samples)
        assert np.corrcoef(mixed, made)[0, 1] > 0.99
        assert np.std(mixed) == pytest.approx(0.8 * np.std(made), rel=0.05)
        assert same_second(path, samples_of(decoded), 2, row["factors"]) > 0.99


def test_an_inverted_file_of_a_participant_is_not_lost(tmp_path: Path) -> None:
    made, other = sound(6)[0], sound(6, 1, 9)
    one, two = tmp_path / "one.wav", tmp_path / "two.wav"
    one.write_bytes(wav(np.stack([made, -made])))
    two.write_bytes(wav(other))
    with decode(one, two) as decoded:
        assert facts(decoded)["factors"] == [1.0, -1.0, 1.0]
        assert facts(decoded)["channels"] == 2
        assert np.corrcoef(decoded.audio.channels[0], made)[0, 1] > 0.99
        block = next(audio.stream([one, two], 1, facts(decoded)["factors"])).samples
        assert np.corrcoef(block[0], made[RATE : 2 * RATE])[0, 1] > 0.99


@pytest.mark.parametrize("opposite", [-0.4, 0.0, 0.4])
def test_microphones_of_one_room_stay_as_they_are(tmp_path: Path, opposite: float) -> None:
    one, two = sound(6, 2)
    path = tmp_path / "s.wav"
    path.write_bytes(wav(np.asarray(np.stack([one, opposite * one + two]), np.float32)))
    with decode(path) as decoded:
        assert facts(decoded)["factors"] is None


@pytest.mark.parametrize("by_db", [-150, -100, -70, 24, 60, 90])
def test_float_samples_of_any_size_are_heard_alike(tmp_path: Path, by_db: int) -> None:
    made = sound(6, 2)
    scale = 10 ** (by_db / 20)
    path = encoded(tmp_path / "s.wav", [(made * np.float32(scale), "pcm_f32le", RATE)])
    with decode(path) as decoded:
        row = facts(decoded)
        whole = samples_of(decoded)
        assert 0.02 < np.abs(whole).max() <= 1
        assert np.corrcoef(whole.ravel(), made.ravel())[0, 1] > 0.999
        assert "turned" in row["repairs"][0]
        assert row["factors"] == [row["factors"][0]] * 2
        block = next(audio.stream([path], 1, row["factors"])).samples
        assert np.abs(block - whole[:, RATE : 2 * RATE]).max() < 0.01


def test_one_damaged_sample_turns_nothing_down(tmp_path: Path) -> None:
    made = sound(20)
    made[0, 5000] = 1e30
    path = encoded(tmp_path / "s.wav", [(made, "pcm_f32le", RATE)])
    with decode(path) as decoded:
        whole = samples_of(decoded)
        assert np.abs(whole).max() <= 1
        assert np.corrcoef(whole[0, RATE:], made[0, RATE:])[0, 1] > 0.999
        assert facts(decoded)["repairs"] == ["Frames of 10 ms clipped at full scale: 1."]


def test_digital_silence_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "s.wav"
    path.write_bytes(wav(np.concatenate([sound(4), np.zeros((1, 4 * RATE), np.float32)])))
    with decode(path) as decoded:
        row = facts(decoded)
        assert (row["factors"], row["correlation"], row["repairs"]) == (None, None, None)


def test_hours_of_nothing_are_refused(tmp_path: Path) -> None:
    plain = encoded(tmp_path / "p.mka", [(sound(4), "pcm_s16le", RATE)])
    path = tmp_path / "s.mka"
    with av.open(str(plain)) as read, av.open(str(path), "w") as out:
        copy = out.add_stream_from_template(read.streams.audio[0])
        for packet in read.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            if packet.pts * packet.time_base > 2:
                packet.pts += round(2 * 3600 / packet.time_base)
                packet.dts = packet.pts
            packet.stream = copy
            out.mux(packet)
    with pytest.raises(InputError, match=r"skips 2:00:00 .*1:00:00 at most.*audio.max_gap_ms"):
        decode(path)


def test_ceilings_of_length_and_channels(tmp_path: Path) -> None:
    path = tmp_path / "s.wav"
    path.write_bytes(wav(sound(4, 2)))
    with pytest.raises(InputError, match=r"audio\.max_length_ms"):
        decode(path, max_length_ms=3000)
    with pytest.raises(InputError, match="2 channels; expected: 1 at most"):
        decode(path, max_channels=1)
    with pytest.raises(InputError, match="4 channels"):
        decode(path, path, max_channels=3)


def test_a_header_of_a_million_chunks_is_left_at_once(tmp_path: Path) -> None:
    path = tmp_path / "s.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE" + b"abcd\0\0\0\0" * 300_000)
    began = time.process_time()
    with pytest.raises(InputError, match="no audio"):
        decode(path)
    assert time.process_time() - began < 1
