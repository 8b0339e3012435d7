"""What is no file of people's, or too large to be one, is refused at once and costs no night."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import config
from pipeline.core.errors import InputError
from pipeline.session import intake
from pipeline.session.intake import Named, Source, discover


def read(path: Path, limits: config.Intake | None = None) -> Source:
    return intake.read(Named(path, path.parent), consent=False, limits=limits)


def recording(folder: Path) -> Path:
    path = folder / "a.wav"
    path.write_bytes(b"RIFF")
    return path


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def kernels(path: Path) -> None:
    path.symlink_to("/proc/self/environ")


NO_FILES = (pipe, listening, device, kernels, Path.mkdir)


@pytest.mark.parametrize("make", NO_FILES)
@pytest.mark.parametrize(
    "sidecar",
    [
        "transcript: odd.vtt\n",
        "diarization: {Ann: odd.vtt}\n",
        "parts: {client: odd.vtt, therapist: a.wav}\n",
    ],
)
def test_a_sidecar_names_files_alone(
    tmp_path: Path, make: Callable[[Path], None], sidecar: str
) -> None:
    make(tmp_path / "odd.vtt")
    file = recording(tmp_path)
    (tmp_path / "a.wav.yaml").write_text(sidecar)
    with pytest.raises(InputError, match="pipe, device or folder"):
        read(file)


@pytest.mark.parametrize("make", NO_FILES)
@pytest.mark.parametrize("name", ["a.wav.yaml", "tether.yaml", "b.wav", "b.vtt", "b.yaml"])
def test_what_tether_looks_for_itself_is_a_file(
    tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    """It is not passed over: a person put it there to say something."""
    file = recording(tmp_path)
    make(tmp_path / name)
    with pytest.raises(InputError, match="pipe, device or folder"):
        read(tmp_path / name if name.startswith("b") else file)


def test_a_pipe_in_a_folder_is_a_recording_that_failed(tmp_path: Path) -> None:
    recording(tmp_path)
    os.mkfifo(tmp_path / "b.wav")
    first, second = discover([tmp_path])
    assert (first.error, second.path.name) == (None, "b.wav")
    with pytest.raises(InputError, match="pipe"):
        intake.read(second, consent=False)


def test_a_pipe_that_takes_a_files_place_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a file when it was looked at, and is a pipe when it is opened."""
    looked_like = recording(tmp_path).stat()
    os.mkfifo(tmp_path / "b.wav")
    monkeypatch.setattr(Path, "stat", lambda _path: looked_like)
    with pytest.raises(InputError, match="pipe"):
        read(tmp_path / "b.wav")


def test_links_to_files_are_followed_and_dangling_ones_reported(tmp_path: Path) -> None:
    file = recording(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "x").write_text("client: C-3\n")
    (tmp_path / "a.wav.yaml").symlink_to(tmp_path / "own" / "x")
    assert read(file).metadata.client == "C-3"
    (tmp_path / "own" / "x").unlink()
    with pytest.raises(InputError, match="no such file"):
        read(file)


def test_a_file_that_is_large_without_need(tmp_path: Path) -> None:
    limits = config.Intake(rest_s=0, sidecar_bytes=40, attachment_bytes=100)
    file, sidecar = recording(tmp_path), tmp_path / "a.wav.yaml"
    for name in ("one.rttm", "two.rttm"):
        (tmp_path / name).write_bytes(b";" * 60)
    sidecar.write_text("transcript: one.rttm\n")
    assert len(read(file, limits).transcript) == 1
    sidecar.write_text("transcript: {A: one.rttm, B: two.rttm}\n")
    with pytest.raises(InputError, match=r"intake\.attachment_bytes.*at most 40 bytes"):
        read(file, limits)
    sidecar.write_text("#" * 41)
    with pytest.raises(
        InputError, match=r"^session notes file: .*intake\.sidecar_bytes.*at most 40 bytes"
    ):
        read(file, limits)
    (tmp_path / "b.vtt").write_bytes(b"W" * 101)
    with pytest.raises(InputError, match="attachment_bytes"):
        read(tmp_path / "b.vtt", limits)


def test_the_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    file = recording(tmp_path)
    most = config.load().intake.sidecar_bytes
    (tmp_path / "a.wav.yaml").write_text("#" * (most + 1))
    with pytest.raises(InputError, match="sidecar_bytes"):
        read(file)
    assert read(file, config.Intake(rest_s=0, sidecar_bytes=most + 1, attachment_bytes=1))


@pytest.mark.parametrize(
    "text",
    [
        "session_number: 0x" + "f" * 5000,
        "session_number: " + "9" * 5000,
        "session_number: 9223372036854775808",
        "session_number: 1e999999999",
        "date: 99999-01-01",
        "date: .nan",
        "channels: {.inf: client}",
        'client: "\\ud800"',
        'transcript: "a\\0b"',
        "roles:\n" + "".join(f"  s{number}: patient\n" for number in range(3000)),
        "".join(f"key{number}: x\n" for number in range(3000)),
        "x" * 90_000 + ": x",
        '"\\e[2J": x',
    ],
)
def test_odd_sidecars_are_refused_in_few_plain_words(tmp_path: Path, text: str) -> None:
    file = recording(tmp_path)
    (tmp_path / "a.wav.yaml").write_text(text)
    with pytest.raises(InputError, match=r"^session notes file:1?") as caught:
        read(file)
    message = str(caught.value)
    assert len(message) <= 2000
    assert len(message.splitlines()) <= 20
    assert message.replace("\n", "").isprintable()
