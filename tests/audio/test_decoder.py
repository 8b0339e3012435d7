"""Sample index is time, whatever the container; damage is told; nothing is left behind."""

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from pipeline import audio, config
from pipeline.core.errors import InputError, StoreError
from pipeline.workspace.store import Store

SETTINGS = config.load().audio
Signal = NDArray[np.float32]

AT_S = (0.4, 1.5, 2.9)
"""When a chirp begins on the first channel; on channel c it begins c * 110 ms later."""
STEP_S = 0.11
LENGTH_S = 4.0
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1"}


def chirp(rate_hz: int) -> Signal:
    t = np.arange(rate_hz // 10) / rate_hz
    swept = 0.5 * np.sin(2 * np.pi * (400 * t + 10_000 * t**2)) * np.hanning(len(t))
    return np.asarray(swept, np.float32)


def onsets_s(channel: int) -> list[float]:
    return [at + STEP_S * (channel % 8) for at in AT_S]


def chirps(rate_hz: int, channels: int, length_s: float = LENGTH_S) -> Signal:
    samples = np.zeros((channels, round(length_s * rate_hz)), np.float32)
    one = chirp(rate_hz)
    for channel in range(channels):
        for at in onsets_s(channel):
            first = round(at * rate_hz)
            samples[channel, first : first + len(one)] += one
    return samples


def write_av(path: Path, samples: Signal, rate_hz: int, codec: str, *, video: bool = False) -> Path:
    layout = LAYOUTS[len(samples)]
    with av.open(str(path), "w") as out:
        if video:
            picture = out.add_stream("libx264", rate=25)
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        options = {"strict": "experimental"} if codec == "vorbis" else {}
        stream = out.add_stream(codec, rate=rate_hz, layout=layout, options=options)
        assert isinstance(stream, AudioStream)
        form = av.AudioResampler(
            format=stream.codec_context.format.name, layout=layout, rate=rate_hz
        )
        if video:
            for number in range(int(samples.shape[1] / rate_hz * 25)):
                still = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                still.pts = number
                out.mux(picture.encode(still))
            out.mux(picture.encode(None))
        for first in range(0, samples.shape[1], 1024):
            block = np.ascontiguousarray(samples[:, first : first + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate_hz, first
            for ready in form.resample(frame):
                out.mux(stream.encode(ready))
        for ready in form.resample(None):
            out.mux(stream.encode(ready))
        out.mux(stream.encode(None))
    return path


def write_wav(path: Path, samples: Signal, rate_hz: int) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(len(samples))
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes((samples * 32767).astype("<i2").T.tobytes())
    return path


def decode(*paths: Path) -> audio.Decoded:
    return audio.decode(paths, tempfile.TemporaryFile, SETTINGS)


def found_ms(samples: Signal, near_s: float) -> float:
    """Where the chirp near a time begins, relative to it."""
    first = max(0, round((near_s - 0.1) * 16_000))
    some = samples[first : round((near_s + 0.25) * 16_000)]
    best = int(np.argmax(np.correlate(some, chirp(16_000), "valid")))
    return ((first + best) / 16_000 - near_s) * 1000


def deviation_ms(decoded: audio.Decoded) -> list[float]:
    return [
        found_ms(np.asarray(samples), at)
        for channel, samples in enumerate(decoded.audio.channels)
        for at in onsets_s(channel)
    ]


CONTAINERS = [
    ("wav", "pcm_s16le", (8000, 22_050, 44_100), (1, 2, 3, 4, 5, 6)),
    ("wav", "pcm_f32le", (48_000,), (2,)),
    ("wav", "pcm_mulaw", (8000,), (1,)),
    ("aiff", "pcm_s16be", (44_100,), (2,)),
    ("flac", "flac", (8000, 16_000, 44_100), (1, 2, 6)),
    ("mp3", "libmp3lame", (8000, 16_000, 22_050, 44_100, 48_000), (1, 2)),
    ("m4a", "aac", (8000, 16_000, 22_050, 44_100, 48_000), (1, 2, 5)),
    ("ogg", "vorbis", (16_000, 44_100), (2,)),
    ("ogg", "libopus", (16_000,), (1,)),
    ("opus", "libopus", (8000, 16_000, 48_000), (1, 2)),
    ("webm", "libopus", (48_000,), (1, 2, 6)),
    ("mka", "aac", (44_100,), (2,)),
]


@pytest.mark.parametrize(
    ("ending", "codec", "rate_hz", "channels"),
    [(e, c, r, n) for e, c, rates, counts in CONTAINERS for r in rates for n in counts],
)
def test_sample_index_is_time(
    tmp_path: Path, ending: str, codec: str, rate_hz: int, channels: int
) -> None:
    file = write_av(tmp_path / f"s.{ending}", chirps(rate_hz, channels), rate_hz, codec)
    with decode(file) as decoded:
        media = decoded.media.row(0, named=True)
        assert media["channels"] == channels == len(decoded.audio.channels)
        assert media["damaged_packets"] == media["gap_ms"] == 0
        assert abs(media["duration_ms"] - 4000) <= 150  # lossy codecs fill their last frame
        if ending in ("ogg", "opus"):
            assert media["promised_ms"] is None  # the last page is no announcement
        else:
            assert abs(media["promised_ms"] - 4000) <= 150
        assert np.abs(deviation_ms(decoded)).max() <= 1.0


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_video_is_passed_over(tmp_path: Path, ending: str) -> None:
    file = write_av(tmp_path / f"s.{ending}", chirps(48_000, 2), 48_000, "aac", video=True)
    with decode(file) as decoded:
        assert decoded.media["codec"][0] == "aac"
        assert decoded.media["sample_rate_hz"][0] == 48_000
        assert np.abs(deviation_ms(decoded)).max() <= 1.0


def test_raw_aac_tells_no_delay_but_keeps_its_clock(tmp_path: Path) -> None:
    """ADTS names neither its priming (1024 samples and more) nor its length."""
    file = write_av(tmp_path / "s.aac", chirps(44_100, 1), 44_100, "aac")
    with decode(file) as decoded:
        assert decoded.media["promised_ms"][0] is None
        late = deviation_ms(decoded)
        assert np.ptp(late) <= 1.0
        assert 0 <= np.mean(late) <= 60


@pytest.mark.parametrize("channels", [7, 8, 12, 16, 64])
def test_many_channels_of_a_field_recorder(tmp_path: Path, channels: int) -> None:
    """Planar frames of 8 channels and more crash PyAV: a regression here ends the test run."""
    wide = SETTINGS.model_copy(update={"max_channels": channels})
    file = write_wav(tmp_path / "s.wav", chirps(16_000, channels), 16_000)
    with audio.decode([file], tempfile.TemporaryFile, wide) as decoded:
        assert len(decoded.audio.channels) == channels
        assert np.abs(deviation_ms(decoded)).max() <= 1.0


def test_more_channels_than_ffmpeg_knows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        decode(write_wav(tmp_path / "s.wav", np.zeros((65, 16_000), np.float32), 16_000))


def test_not_a_number_becomes_silence(tmp_path: Path) -> None:
    samples = chirps(16_000, 1)
    samples[0, 100:110] = np.nan
    samples[0, 200], samples[0, 201] = np.inf, -np.inf
    with decode(write_av(tmp_path / "s.wav", samples, 16_000, "pcm_f32le")) as decoded:
        got = np.asarray(decoded.audio.channels[0])
        assert np.isfinite(got).all()
        assert not got[100:110].any()
        assert np.abs(got).max() <= 1.0


def packets_of(file: Path) -> list[bytes]:
    with av.open(str(file)) as container:
        return [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]


def remux(source: Path, target: Path, holes: list[tuple[float, float]], shift_s: float) -> Path:
    """Copy packets but those that begin in `holes`; from 1.2 s on they move by `shift_s`."""
    with av.open(str(source)) as read, av.open(str(target), "w") as out:
        stream = read.streams.audio[0]
        copy = out.add_stream_from_template(stream)
        for packet in read.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue
            at = float(packet.pts * packet.time_base)
            if any(first <= at < last for first, last in holes):
                continue
            if at >= 1.2:
                packet.pts += round(shift_s / packet.time_base)
                packet.dts = packet.pts
            packet.stream = copy
            out.mux(packet)
    return target


@pytest.mark.parametrize(
    ("ending", "codec"), [("webm", "libopus"), ("mka", "aac"), ("mka", "libmp3lame")]
)
@pytest.mark.parametrize("lost_s", [0.03, 0.06, 0.25, 0.7])
def test_lost_packets_are_zeros_and_later_sounds_stay_in_place(
    tmp_path: Path, ending: str, codec: str, lost_s: float
) -> None:
    whole = write_av(tmp_path / f"whole.{ending}", chirps(48_000, 1), 48_000, codec)
    holed = remux(whole, tmp_path / f"s.{ending}", [(0.7, 0.7 + lost_s), (2.2, 2.2 + lost_s)], 0)
    with decode(holed) as decoded:
        assert np.abs(deviation_ms(decoded)).max() <= 15.0
        assert abs(decoded.media["gap_ms"][0] - 2 * lost_s * 1000) <= 2 * 25 + 2
        assert abs(decoded.media["duration_ms"][0] - 4000) <= 40


def test_time_that_the_container_skips_is_zeros(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (1, 192_000)).astype(np.float32)
    whole = write_av(tmp_path / "whole.webm", chirps(48_000, 1) + noise, 48_000, "libopus")
    with decode(remux(whole, tmp_path / "s.webm", [], shift_s=5.0)) as decoded:
        samples = np.asarray(decoded.audio.channels[0])
        assert [found_ms(samples, at) for at in (0.4, 6.5, 7.9)] == pytest.approx([0] * 3, abs=2)
        assert decoded.media["gap_ms"][0] == pytest.approx(5000, abs=25)
        gap = decoded.dropouts.row(0, named=True)
        assert gap["start_ms"] == pytest.approx(1200, abs=60)
        assert gap["end_ms"] == pytest.approx(6200, abs=60)
        assert decoded.dropouts.height == 1


def test_a_timestamp_far_beyond_the_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    whole = write_av(tmp_path / "whole.mka", chirps(48_000, 1), 48_000, "libopus")
    damaged = remux(whole, tmp_path / "s.mka", [], shift_s=36_000.0)
    content = bytearray(damaged.read_bytes())
    duration = content.find(b"\x44\x89\x88") + 3  # Matroska: Duration, 8 bytes, a double in ms
    assert struct.unpack_from(">d", content, duration)[0] > 36_000_000
    struct.pack_into(">d", content, duration, 4000.0)
    damaged.write_bytes(content)
    with decode(damaged) as decoded:
        assert decoded.media["promised_ms"][0] == 4000
        assert decoded.media["duration_ms"][0] == pytest.approx(4000, abs=25)
        assert decoded.media["damaged_packets"][0] == 1
        assert np.abs(deviation_ms(decoded)).max() <= 2.0


@pytest.mark.parametrize(("codec", "ending"), [("flac", "flac"), ("aac", "m4a")])
def test_damaged_packets_are_counted_and_time_is_kept(
    tmp_path: Path, codec: str, ending: str
) -> None:
    file = write_av(tmp_path / f"s.{ending}", chirps(16_000, 1), 16_000, codec)
    content = bytearray(file.read_bytes())
    # Random bytes in the middle of a frame in the middle of the file.
    at = len(content) // 2
    if codec == "flac":  # in the chirp at 1.5 s: the rest packs to next to nothing
        loud = max(packets_of(file)[4:8], key=len)
        at = content.find(loud) + len(loud) // 2
    rng = np.random.default_rng(2)
    content[at : at + 60] = rng.integers(0, 256, 60, dtype=np.uint8).tobytes()
    file.write_bytes(content)
    with decode(file) as decoded:
        assert decoded.media["damaged_packets"][0] >= 1
        assert found_ms(np.asarray(decoded.audio.channels[0]), AT_S[-1]) == pytest.approx(0, abs=2)
        assert np.abs(np.asarray(decoded.audio.channels[0])).max() <= 0.6  # no burst of noise


@pytest.mark.parametrize(
    ("ending", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("webm", "libopus")]
)
def test_a_file_cut_off_gives_what_is_there_and_what_was_promised(
    tmp_path: Path, ending: str, codec: str
) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (1, 64_000)).astype(np.float32)
    file = write_av(tmp_path / f"s.{ending}", noise, 16_000, codec)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with decode(file) as decoded:
        assert decoded.media["promised_ms"][0] == pytest.approx(4000, abs=10)
        assert decoded.media["duration_ms"][0] == pytest.approx(2000, abs=300)


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_header_that_does_not_know_its_length_promises_nothing(tmp_path: Path, size: int) -> None:
    file = write_wav(tmp_path / "s.wav", chirps(16_000, 1), 16_000)
    content = bytearray(file.read_bytes())
    struct.pack_into("<I", content, content.find(b"data") + 4, size)
    file.write_bytes(content)
    with decode(file) as decoded:
        assert decoded.media["promised_ms"][0] is None
        assert decoded.media["duration_ms"][0] == 4000


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "the file is empty"),
        (b"x", "not a recording that can be decoded"),
        (b"Dear diary, nothing to hear here.\n" * 100, "not a recording that can be decoded"),
        (b"\0" * 5000, "not a recording that can be decoded"),
        (b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n", "the file contains no audio"),
    ],
)
def test_no_recording(tmp_path: Path, content: bytes, found: str) -> None:
    file = tmp_path / "Anna Muster.wav"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        decode(file)
    assert caught.value.found == found
    assert "wav, flac" in caught.value.expected
    assert "Muster" not in str(caught.value)


def test_a_header_without_samples(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no audio could be decoded"):
        decode(write_wav(tmp_path / "s.wav", np.zeros((1, 0), np.float32), 16_000))


def test_truncated_mp4_without_its_index(tmp_path: Path) -> None:
    file = write_av(tmp_path / "s.m4a", chirps(48_000, 1), 48_000, "aac")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(InputError, match="copy it again"):
        decode(file)


def test_video_without_sound(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "s.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        still = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        out.mux(stream.encode(still))
        out.mux(stream.encode(None))
    with pytest.raises(InputError, match="contains no audio"):
        decode(tmp_path / "s.mp4")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "secret.wav", tmp_path):
        with pytest.raises(InputError, match="cannot be read") as caught:
            decode(path)
        assert str(tmp_path) not in str(caught.value)
        assert "secret" not in str(caught.value)


def test_a_playlist_in_disguise_opens_nothing(tmp_path: Path) -> None:
    write_wav(tmp_path / "real.wav", chirps(16_000, 1), 16_000)
    write_av(tmp_path / "real.ts", chirps(48_000, 1), 48_000, "aac")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/real.ts"
        hls = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:4,\n{}\n#EXT-X-ENDLIST\n"
        concat = "ffconcat version 1.0\nfile '{}'\n"
        for form in (hls, concat):
            for target in (url, "real.ts", "real.wav", tmp_path / "real.ts", tmp_path / "real.wav"):
                disguised = tmp_path / "session.wav"
                disguised.write_text(form.format(target))
                with pytest.raises(InputError):
                    decode(disguised)
        with pytest.raises(TimeoutError):
            server.accept()


def test_parts_are_one_channel_each_and_the_shorter_is_filled(tmp_path: Path) -> None:
    one = write_wav(tmp_path / "a.wav", chirps(16_000, 1, 4.0), 16_000)
    two = write_av(tmp_path / "b.mp3", chirps(44_100, 2, 5.0), 44_100, "libmp3lame")
    with decode(one, two) as decoded:
        assert decoded.media["channels"][0] == 2
        assert [len(channel) for channel in decoded.audio.channels] == [80_000] * 2
        media = decoded.media.row(0, named=True)
        assert media["codec"] == "mp3float+pcm_s16le"
        assert media["sample_rate_hz"] == 16_000
        assert not np.asarray(decoded.audio.channels[0][64_000:]).any()
        one_chirp = chirp(16_000)
        for samples, onsets, share in (
            (decoded.audio.channels[0], onsets_s(0), 1.0),
            (decoded.audio.channels[1], onsets_s(0) + onsets_s(1), 0.5),
        ):
            for at in onsets:
                heard = np.asarray(samples)[round(at * 16_000) :][: len(one_chirp)]
                assert heard @ one_chirp / (one_chirp @ one_chirp) == pytest.approx(share, abs=0.05)


def test_dropouts_are_runs_of_exact_zeros(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, (2, 48_000)).astype(np.float32)
    samples[1, 16_000 : 16_000 + 16 * 250] = 0
    samples[0, 16_000 : 16_000 + 16 * 150] = 0  # shorter than dropout_ms
    with decode(write_wav(tmp_path / "s.wav", samples, 16_000)) as decoded:
        assert decoded.dropouts.rows() == [(1000, 1250, 1)]


def test_changing_format_in_the_middle(tmp_path: Path) -> None:
    """Two MP3 files in one: another rate and channel count from the second on."""
    one = write_av(tmp_path / "a.mp3", chirps(44_100, 2), 44_100, "libmp3lame").read_bytes()
    two = write_av(tmp_path / "b.mp3", chirps(44_100, 1), 44_100, "libmp3lame").read_bytes()
    joined = tmp_path / "s.mp3"
    joined.write_bytes(one + two)
    with decode(joined) as decoded:
        assert len(decoded.audio.channels) == 2
        assert decoded.media["duration_ms"][0] == pytest.approx(8000, abs=200)


def test_full_disk(tmp_path: Path, small_disk: Path) -> None:
    file = write_wav(tmp_path / "s.wav", chirps(16_000, 2, 60.0), 16_000)
    store = Store(small_disk / "workspace")
    with pytest.raises(StoreError, match="disk is full") as caught:
        audio.decode([file], store.scratch, SETTINGS)
    assert "--workspace" in caught.value.hint
    assert [path.name for path in store.workspace.iterdir()] == []
    with audio.decode(  # the room was given back
        [write_wav(tmp_path / "t.wav", chirps(16_000, 1), 16_000)], store.scratch, SETTINGS
    ) as decoded:
        assert decoded.audio.duration_ms == 4000


def test_unreadable_file(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "s.wav", chirps(16_000, 1, 3.2), 16_000)
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("root may read everything; the run as nobody is in test_store")
    with pytest.raises(InputError, match="permission denied"):
        decode(file)


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    """Half an hour of two channels is 230 MB of samples; anonymous memory stays far under."""
    file = tmp_path / "s.flac"
    quiet = np.zeros((2, 8000 * 1800), np.float32)
    write_av(file, quiet, 8000, "flac")
    script = textwrap.dedent(
        """
        import resource, sys, tempfile
        from pathlib import Path
        from pipeline import audio, config
        def anonymous_kb():
            lines = Path("/proc/self/status").read_text().splitlines()
            return int(next(l for l in lines if l.startswith("RssAnon")).split()[1])
        before = anonymous_kb()
        with audio.decode([Path(sys.argv[1])], tempfile.TemporaryFile, config.load().audio) as d:
            assert d.audio.duration_ms == 1_800_000
            assert d.dropouts.height == 2
            print(anonymous_kb() - before)
        """
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, file], check=True, capture_output=True, text=True
    )
    assert int(ran.stdout) < 60_000


def test_killed_in_the_middle_nothing_is_left(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "s.wav", chirps(16_000, 1), 16_000)
    workspace = tmp_path / "workspace"
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from pipeline import audio, config
        from pipeline.workspace.store import Store
        decoded = audio.decode([Path(sys.argv[1])], Store(Path(sys.argv[2])).scratch,
                               config.load().audio)
        print(decoded.audio.duration_ms, flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, file, workspace], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "4000\n"
        assert [path.name for path in workspace.rglob("*")] == []
        process.send_signal(signal.SIGKILL)
    time.sleep(0.05)
    assert [path.name for path in workspace.rglob("*")] == []


def test_scratch_is_freed_on_leaving(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "s.wav", chirps(16_000, 2), 16_000)
    with decode(file) as decoded:
        assert not any(scratch.closed for scratch in decoded.scratch)
    assert all(scratch.closed for scratch in decoded.scratch)


def test_real_telephone_call(shared_data: Path) -> None:
    with decode(shared_data / "calls" / "call_a.flac") as decoded:
        media = decoded.media.row(0, named=True)
        assert media["channels"] == 2
        assert media["sample_rate_hz"] == 8000
        assert media["duration_ms"] == media["promised_ms"]
