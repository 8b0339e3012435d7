"""`tether report`: without sound, and with it in a file of its own."""

import base64
import io
import re
import stat
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from put_back import PutBack

from pipeline.cli import main

VTT = """WEBVTT

00:00:01.000 --> 00:00:05.000
<v Ann>So how have you been since we met last week?

00:00:06.000 --> 00:00:11.000
<v Bob>Well, the week was long and I was mostly at work.

00:00:12.000 --> 00:00:15.000
<v Ann>And how was it with the diary that we spoke of?

00:00:16.000 --> 00:00:21.000
<v Bob>You never listen to me. You don't understand me at all.

00:00:22.000 --> 00:00:26.000
<v Ann>I'm sorry, I think I got that wrong.
"""


def record(folder: Path) -> Path:
    """Half a minute of noise while somebody speaks, with its transcript; one moment is in it."""
    noise = np.random.default_rng(5).normal(0, 0.05, 30 * 16_000)
    second = np.arange(len(noise)) // 16_000
    spoken = np.isin(second, [*range(1, 5), *range(6, 11), *range(12, 15), *range(16, 21)])
    with wave.open(str(folder / "one.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((noise * (0.02 + spoken) * 32767).astype("<i2").tobytes())
    (folder / "one.vtt").write_text(VTT, encoding="utf-8")
    (folder / "one.wav.yaml").write_text(
        "transcript: one.vtt\ndiarization: one.vtt\nlanguage: en\nclient: C-9\n"
        "roles: {Ann: therapist, Bob: client}\n",
        encoding="utf-8",
    )
    return folder / "one.wav"


def tether(folder: Path, *arguments: str) -> int:
    old, sys.argv = sys.argv, ["tether", *arguments, "--workspace", str(folder / "workspace")]
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    finally:
        sys.argv = old
    return 0


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> PutBack:
    """A recording that was run."""
    made = PutBack(tmp_path_factory.mktemp("report"))
    assert tether(made.folder, "run", str(record(made.folder))) == 0
    return made.keep()


@pytest.fixture
def tmp_path(once: PutBack) -> Path:
    """Where it lies, and its workspace."""
    return once.back()


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """The folder of its session."""
    (folder,) = (tmp_path / "workspace" / "sessions").iterdir()
    return folder


def test_clips_stand_in_a_file_of_their_own(
    tmp_path: Path, session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = (session / "report.html").read_bytes()
    assert tether(tmp_path, "report", session.name, "--with-clips") == 0
    assert "It contains voices, in 1 clip." in capsys.readouterr().out
    file = session / "report-with-clips.html"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (session / "report.html").read_bytes() == plain
    html = file.read_text(encoding="utf-8")
    assert "This file contains the voices of therapist and client C-9." in html
    assert "media-src data:;" in html
    (sound,) = re.findall(r'<audio [^>]*src="data:audio/webm;base64,([^"]+)"', html)
    with av.open(io.BytesIO(base64.b64decode(sound)), "r") as container:
        heard = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    time = re.search(r"Listen: 00:(\d\d)\u201300:(\d\d)", html)
    assert time
    begin, end = int(time[1]), int(time[2])
    assert len(heard) / 48_000 == pytest.approx(end - begin, abs=1)
    # On the recording's clock: nobody speaks in the second before the reproach.
    hush = heard[int((15.1 - begin) * 48_000) : int((15.9 - begin) * 48_000)]
    spoken = heard[int((16.1 - begin) * 48_000) : int((16.9 - begin) * 48_000)]
    assert np.std(hush) < 0.1 * np.std(spoken)


def test_the_plain_report_takes_the_voices_away(
    tmp_path: Path, session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = (session / "report.html").read_bytes()
    assert tether(tmp_path, "report", session.name, "--with-clips") == 0
    (session / "report.html").unlink()
    capsys.readouterr()
    assert tether(tmp_path, "report", session.name) == 0
    assert "removed: " in capsys.readouterr().out
    assert (session / "report.html").read_bytes() == plain
    assert b"audio/webm" not in plain
    assert not (session / "report-with-clips.html").exists()


def test_whatever_renews_the_report_takes_the_voices_away(tmp_path: Path, session: Path) -> None:
    assert tether(tmp_path, "report", session.name, "--with-clips") == 0
    assert tether(tmp_path, "correct", session.name, "Ann=client", "Bob=therapist") == 0
    assert not (session / "report-with-clips.html").exists()


def test_purge_takes_the_voices_away(tmp_path: Path, session: Path) -> None:
    assert tether(tmp_path, "report", session.name, "--with-clips") == 0
    assert tether(tmp_path, "purge", session.name) == 0
    assert not session.exists()
    left = [path for path in (tmp_path / "workspace").rglob("*") if path.is_file()]
    assert not [path for path in left if b"audio/webm" in path.read_bytes()]


def test_a_recording_that_is_not_there_is_told(
    tmp_path: Path, session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.wav").rename(tmp_path / "two.wav")
    assert tether(tmp_path, "report", session.name, "--with-clips") == 3
    assert "is no longer where it was" in capsys.readouterr().err
    assert not (session / "report-with-clips.html").exists()
    assert tether(tmp_path, "report", session.name) == 0


def test_a_recording_that_was_changed_is_told(
    tmp_path: Path, session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "one.wav").open("ab") as file:
        file.write(b"\0\0")
    assert tether(tmp_path, "report", session.name, "--with-clips") == 3
    assert "has changed since its last run" in capsys.readouterr().err


def test_a_transcript_alone_has_no_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "alone"
    place.mkdir()
    (place / "one.vtt").write_text(VTT, encoding="utf-8")
    assert tether(place, "run", str(place / "one.vtt")) == 0
    (folder,) = (place / "workspace" / "sessions").iterdir()
    assert tether(place, "report", folder.name, "--with-clips") == 3
    assert "no audio" in capsys.readouterr().err
