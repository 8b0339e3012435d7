"""What `tether` prints where no person looks: JSON Lines, logs, lists of failures; never a name."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Done
from commands import tether as run

from pipeline.cli import signals
from pipeline.workspace.catalogue import path_hash

TETHER = (sys.executable, "-m", "pipeline.cli")
TALK = """WEBVTT

00:00.500 --> 00:03.000
<v Zquillam Therapeutus>How has your week been?</v>

00:04.000 --> 00:06.000
<v Wobblestein Klientus>You never listen to me.</v>

00:07.000 --> 00:09.000
<v Zquillam Therapeutus>Tell me more about that?</v>
"""
NAMES = (
    "zquillam",
    "therapeutus",
    "wobblestein",
    "klientus",
    "pseudovic",
    "theraspeud",
    "filumena",
)
"""Part of every label, pseudonym and file name that the tests make."""


def piped(folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own, whose output is a pipe."""
    return subprocess.run(
        [*TETHER, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def lines(stdout: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The recordings and the summary of `--json`."""
    *told, last = [json.loads(line) for line in stdout.splitlines()]
    return told, last["summary"]


def talk(path: Path, text: str = TALK) -> Path:
    """A transcript without audio, with a sidecar."""
    path.write_text(text, encoding="utf-8")
    sidecar = path.with_name(f"{path.name}.yaml")
    sidecar.write_text("client: Pseudovic\ntherapist: Theraspeud\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files that end well and badly, all of them named after people."""
    folder = tmp_path_factory.mktemp("night")
    talk(folder / "Filumena one.vtt")
    talk(folder / "Filumena two.vtt", TALK.replace("<v Wobblestein Klientus>", ""))
    talk(folder / "Filumena none.vtt", "WEBVTT\n\nFilumena: no cue at all\n")
    (folder / "Filumena.wav").touch()
    (folder / "Filumena text.wav").write_text("Wobblestein Klientus " * 99, encoding="utf-8")
    sidecars = {
        "roles": "roles: {Zquillam Therapeutus: Klientus}\n",
        "absent": "roles: {Wobblestein: client}\nspeakers: 3\n",
        "broken": "client: [Pseudovic\n",
        "unknown": "Pseudovic: 3\n",
        "attached": "transcript: Filumena nowhere.vtt\n",
        "parts": "parts: {client: Filumena nowhere.wav, Pseudovic: Filumena.wav}\n",
    }
    for name, text in sidecars.items():
        talk(folder / f"Filumena {name}.vtt", TALK.replace("week", name))
        (folder / f"Filumena {name}.vtt.yaml").write_text(text, encoding="utf-8")
    (folder / "Filumena tables.csv").write_text(
        "speaker,start_ms,end_ms,text\nZquillam,x,y,Wobblestein\n", encoding="utf-8"
    )
    (folder / "Filumena.json").write_text(
        '{"segments": [{"speaker": "Zquillam", "start": "Klientus"}]}', encoding="utf-8"
    )
    return folder


def named(night: Path) -> list[Path]:
    return [*sorted(night.glob("*.vtt")), night / "Filumena tables.csv", night / "Filumena.json"]


def leaks(*printed: str) -> set[str]:
    return {name for name in NAMES if any(name in text.lower() for text in printed)}


@pytest.mark.slow
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_name_reaches_a_pipe(night: Path, form: tuple[str, ...], tmp_path: Path) -> None:
    place = ("--workspace", tmp_path / "ws")
    files = (*named(night), night, night / "Filumena nowhere.wav")
    first = piped(night, "run", *files, *place, *form)
    again = run(night, "run", *files, *place, "--json")
    assert first.returncode == again.returncode == 6, first.stderr
    whole = lines(again.stdout)[0]
    done = [line["recording_id"][:12] for line in whole if line["status"] != "failed"]
    assert len(done) >= 3
    assert sum(line["status"] == "failed" for line in whole) >= 7
    told: list[Done | subprocess.CompletedProcess[str]] = [first, again]
    for short in done[:2]:
        told += [
            run(night, "correct", short, "Wobblestein=client", *place),
            run(night, "correct", short, "Zquillam Therapeutus=Wobblestein", *place),
            run(night, "correct", short, "Zquillam Therapeutus", *place),
            run(night, "correct", short, "Zquillam Therapeutus=therapist", *place),
            run(night, "report", short, *place),
        ]
        assert told[-2].returncode == told[-1].returncode == 0, told[-2].stderr
    told += [
        run(night, command, *option, *place, *form)
        for command, option in (
            ("sessions", ()),
            ("sessions", ("--failed",)),
            ("verdicts", ()),
            ("doctor", ()),
        )
    ]
    told.append(run(night, "report", "Filumena nowhere.wav", *place))
    assert not leaks(*(text for one in told for text in (one.stdout, one.stderr)))
    assert not any("internal error" in one.stdout + one.stderr for one in told)


def test_a_line_for_each_recording_and_a_summary(night: Path, tmp_path: Path) -> None:
    place = ("--workspace", tmp_path / "ws")
    good, bad, gone = night / "Filumena one.vtt", night / "Filumena.wav", night / "gone.wav"
    done = run(night, "run", bad, good, gone, "--json", *place)
    (first, second, third), summary = lines(done.stdout)
    assert summary["counts"] == {"done": 1, "kept": 0, "failed": 2, "withheld": 0, "unfinished": 0}
    assert summary["exit_code"] == done.returncode == 6
    assert summary["recordings"] == 3
    assert not summary["interrupted"]
    assert [line["number"] for line in (first, second, third)] == [1, 2, 3]
    assert [line["path_hash"] for line in (first, second, third)] == [
        path_hash(path) for path in (bad, good, gone)
    ]
    assert third["recording_id"] is None
    for line in (first, second, third):
        assert f"recording {line['number']}/3 path {line['path_hash']}" in done.stderr
        assert "path" not in line
    assert second["roles"] == [
        {"speaker": 1, "role": "unknown", "source": "unknown"},
        {"speaker": 2, "role": "unknown", "source": "unknown"},
    ]
    assert "Overlapping speech was not measured" in {n["title"] for n in second["notices"]}
    assert [row["disables"] for row in second["quality"]] == [["voice"]]
    asked, _ = lines(run(night, "run", gone, "--json", "--names", *place).stdout)
    assert asked[0]["path"] == str(gone)
    table = run(night, "run", gone, *place).stdout
    assert path_hash(gone) in table
    assert "gone" not in table


def test_what_was_cut_off_or_flagged_is_in_the_json(tmp_path: Path, repository: Path) -> None:
    content = (repository / "samples" / "rupture.flac").read_bytes()
    (tmp_path / "half.flac").write_bytes(content[: len(content) // 3])
    (tmp_path / "half.flac.yaml").write_text(
        "channels: {1: therapist, 2: client}\nlanguage: en\n", encoding="utf-8"
    )
    (told,), _ = lines(run(tmp_path, "run", "half.flac", "--json", "--transcriber", "none").stdout)
    assert told["media"]["promised_ms"] > told["duration_ms"] + 10_000
    assert "The recording is cut off" in {notice["title"] for notice in told["notices"]}
    assert any(note.startswith("Timing only") for note in told["notes"])
    assert [each["role"] for each in told["roles"]] == ["therapist", "client"]
    for moment in told["moments"]:
        assert any("based on words were not checked" in caveat for caveat in moment["caveats"])
    table = run(tmp_path, "run", "half.flac", "--transcriber", "none").stdout
    assert "timing only, cut off" in table


def test_a_failed_file_is_listed_until_it_succeeds_or_is_dismissed(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    talk(folder / "good.vtt")
    files = [folder / "late.vtt", folder / "never.wav"]
    for _ in range(2):
        run(tmp_path, "run", folder / "good.vtt", *files, "--json")
    listed = json.loads(run(tmp_path, "sessions", "--failed", "--json").stdout)
    assert [(row["path_hash"], row["number"], row["times"]) for row in listed] == [
        (path_hash(path), number, 2) for number, path in enumerate(files, start=2)
    ]
    assert all("no such file" in row["error"] for row in listed)
    assert listed[0]["first_at"] < listed[0]["last_at"]
    shown = run(tmp_path, "sessions", "--failed", "--names").stdout
    assert all(str(path) in shown for path in files)
    talk(files[0], TALK.replace("week", "day"))
    run(tmp_path, "run", files[0])
    (left,) = json.loads(run(tmp_path, "sessions", "--failed", "--json").stdout)
    assert left["path_hash"] == path_hash(files[1])
    wrong = run(tmp_path, "sessions", "--dismiss", "abcdef0")
    assert wrong.returncode == 3
    assert "tether sessions --failed" in wrong.stderr
    assert "1 file dismissed" in run(tmp_path, "sessions", "--dismiss", left["path_hash"]).stdout
    assert json.loads(run(tmp_path, "sessions", "--failed", "--json").stdout) == []


def test_a_folder_that_was_empty_is_struck_off_when_it_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "readme.txt").touch()
    (told,), summary = lines(run(tmp_path, "run", folder, "--json").stdout)
    assert told["path_hash"] == path_hash(folder)
    assert summary["passed_over"] == [
        "Files in folders without a recording's suffix, not processed: 1."
    ]
    sound(folder / "quiet.wav", 3)
    assert run(tmp_path, "run", folder, "--transcriber", "none").returncode == 0
    assert json.loads(run(tmp_path, "sessions", "--failed", "--json").stdout) == []


def sound(path: Path, seconds: int) -> None:
    """Faint noise on one channel."""
    noise = np.random.default_rng(3).normal(0, 8, 16_000 * seconds).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(noise.tobytes())


@pytest.fixture
def heeded() -> Iterator[None]:
    """Signals that a test in the background ignores are not ignored by what it starts."""
    ends = (signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in ends}
    for number, handler in before.items():
        if handler == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_that_end_a_run_do_so_alike(number: signal.Signals, tmp_path: Path) -> None:
    talk(tmp_path / "a.vtt")
    for name in ("b", "c", "d"):
        sound(tmp_path / f"{name}.wav", 600)
    command = [*TETHER, "run", "a.vtt", *(f"{name}.wav" for name in "bcd"), "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        first = process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    told, summary = lines(first + rest)
    assert process.returncode == summary["exit_code"] == 130
    assert summary["interrupted"]
    assert told[0]["status"] == "done"
    assert summary["counts"]["done"] == len(told)
    assert summary["counts"]["unfinished"] == 4 - len(told) > 0
    assert errors.splitlines()[-1] == "interrupted; what was finished is kept"
    assert "Traceback" not in errors


def test_a_signal_that_compiled_code_dropped_is_heeded_at_the_next_stage() -> None:
    with signals.interruptible():
        signals.heed()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signals.heed()
    with signals.interruptible():
        signals.heed()


def test_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    talk(tmp_path / "a.vtt")
    with subprocess.Popen(
        ["nohup", *TETHER, "run", "a.vtt", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        while "begins" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGHUP)
        told, summary = lines(process.communicate(timeout=60)[0])
    assert process.returncode == 0
    assert told[0]["status"] == "done"
    assert summary["counts"]["done"] == 1


def test_after_a_kill_every_line_is_json(tmp_path: Path) -> None:
    talk(tmp_path / "a.vtt")
    sound(tmp_path / "b.wav", 900)
    with subprocess.Popen(
        [*TETHER, "run", "a.vtt", "b.wav", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        process.kill()
        rest = process.communicate(timeout=60)[0]
    assert json.loads(first)["status"] == "done"
    assert rest == ""


def test_a_workspace_that_cannot_be_used_is_in_the_summary(tmp_path: Path) -> None:
    talk(tmp_path / "a.vtt")
    (tmp_path / "file").touch()
    done = run(tmp_path, "run", "a.vtt", "--json", "--workspace", "file/ws")
    told, summary = lines(done.stdout)
    assert told == []
    assert done.returncode == summary["exit_code"] == 5
    assert "cannot be created" in summary["error"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_on_a_full_disk_every_line_is_json(small_disk: Path, night: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(850_000))
    place = ("--workspace", small_disk / "ws")
    done = piped(night, "run", *named(night), "--json", *place)
    told, summary = lines(done.stdout)
    assert {line["exit_code"] for line in told} >= {5}
    assert summary["counts"]["failed"] == len(told) == len(named(night))
    assert done.returncode == summary["exit_code"]
    assert "internal error" not in done.stdout + done.stderr


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_output_that_cannot_be_written_is_said(tmp_path: Path, form: tuple[str, ...]) -> None:
    talk(tmp_path / "a.vtt")
    with Path("/dev/full").open("wb") as full:
        stopped = subprocess.run(
            [*TETHER, "run", "a.vtt", *form],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert stopped.returncode == 5
    assert "standard output cannot be written: no space left" in stopped.stderr
    assert "internal error" not in stopped.stderr
    assert "Traceback" not in stopped.stderr
