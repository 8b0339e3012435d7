"""`tether run` as a person runs it: bad files, kills, full disks, no network, privacy."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from commands import tether

from pipeline import config
from pipeline.cli.main import cli
from pipeline.engines import models

Run = Callable[..., "subprocess.CompletedProcess[str]"]
TETHER = (sys.executable, "-m", "pipeline.cli")
STAGES = (
    "media",
    "activity",
    "spans",
    "words",
    "turns",
    "frames",
    "quality",
    "values",
    "roles",
    "measures",
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The first 50 s of an acted sample, stereo, with its sidecar."""
    folder = tmp_path_factory.mktemp("clip")
    path = folder / "Anna Beispiel.flac"
    cut(repository / "samples" / "rupture.flac", path, 50)
    shutil.copy(repository / "samples" / "rupture.flac.yaml", f"{path}.yaml")
    return path


def cut(source: Path, path: Path, seconds: float) -> None:
    """Write the beginning of `source`."""
    with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
        stream = reader.streams.audio[0]
        out = writer.add_stream("flac", rate=stream.rate, layout=stream.layout.name)
        assert isinstance(out, av.AudioStream)
        for frame in reader.decode(stream):
            if frame.time is not None and frame.time >= seconds:
                break
            writer.mux(out.encode(frame))
        writer.mux(out.encode(None))


def environment(home: Path) -> dict[str, str]:
    """A home of its own, with the models of this machine."""
    home.mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "TETHER_MODELS": str(models.folder(config.load())),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A command in a process of its own."""

    def call(*args: object, prefix: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*prefix, *TETHER, *map(str, args)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment(tmp_path / "home"),
            timeout=300,
        )

    return call


def recordings(stdout: str) -> list[dict[str, Any]]:
    """What `--json` printed of each recording; the last line is the summary."""
    *lines, last = [json.loads(line) for line in stdout.splitlines()]
    assert last.keys() == {"summary"}
    return lines


def artifacts(workspace: Path) -> dict[str, bytes]:
    """Content of every finished table, by stage and name."""
    return {
        str(path.relative_to(workspace)): path.read_bytes()
        for path in sorted(workspace.glob("sessions/*/artifacts/[!.]*/*.parquet"))
    }


def test_a_run_leaves_a_report_and_a_second_computes_nothing(
    reference: Path, workspace: Path, run: Run, clip: Path
) -> None:
    told = recordings((reference.parent / "printed").read_text(encoding="utf-8"))[0]
    assert told["status"] == "done"
    assert set(STAGES) <= set(told["computed"])
    assert Path(told["report"]).name == "report.html"
    second = run("run", clip, "--json")
    assert second.returncode == 0, second.stderr
    assert recordings(second.stdout)[0]["computed"] == []
    assert "Nothing to compute" in tether(workspace.parent, "run", clip).stdout


def test_no_name_and_no_word_in_any_log(run: Run, clip: Path, tmp_path: Path) -> None:
    done = run("run", clip, tmp_path / "Berta Muster.wav")
    turns = pl.concat(
        pl.read_parquet(path)
        for path in tmp_path.glob("workspace/sessions/*/artifacts/turns-*/turns.parquet")
    )
    words = {
        w for text in turns["text"].drop_nulls() for w in re.findall(r"[a-z]{7,}", text.lower())
    }
    assert len(words) > 5, "the clip holds words"
    printed = (done.stdout + done.stderr).lower()
    assert "anna" not in printed
    assert "berta" not in printed
    assert str(clip.parent) not in printed
    said = {word for word in words if word in printed}
    assert not said - {"recording"}, "words of the session were printed"
    assert done.returncode == 6


def test_killed_in_every_stage_one_after_the_other_the_rest_is_kept(
    clip: Path, tmp_path: Path, reference: Path, run: Run
) -> None:
    workspace = tmp_path / "workspace"
    command = [*TETHER, "run", str(clip), "--workspace", str(workspace)]
    home = environment(tmp_path / "home")
    kept: dict[str, bytes] = {}
    # Each run goes on where the one before was killed, and is killed a stage later.
    for stage in ("", *STAGES[:-1]):
        # What was finished before the signal came is not told of again.
        there = any(f"/{stage}-" in name for name in kept)
        before = f"stage {stage} done" if stage and not there else "begins"
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=home) as process:
            assert process.stderr
            assert any(before in line for line in process.stderr), f"never told: {before}"
            time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
        now = artifacts(workspace)
        assert kept.items() <= now.items(), f"finished artifacts changed: killed after {before}"
        kept = now
    again = run("run", clip, "--json")
    assert again.returncode == 0, again.stderr
    now = artifacts(workspace)
    assert kept.items() <= now.items(), "finished artifacts changed"
    assert now == artifacts(reference), "the result is another one"
    assert not list(workspace.rglob(".tmp-*"))


@pytest.fixture(scope="module")
def reference(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of an undisturbed run; what it printed lies beside it."""
    folder = tmp_path_factory.mktemp("reference")
    done = subprocess.run(
        [*TETHER, "run", str(clip), "--json"],  # a report names a workspace that has another place
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env=environment(folder / "home"),
    )
    (folder / "printed").write_text(done.stdout, encoding="utf-8")
    return folder / "workspace"


@pytest.fixture
def workspace(reference: Path, tmp_path: Path) -> Path:
    """A copy of it, where `run` looks for one."""
    return Path(shutil.copytree(reference, tmp_path / "workspace"))


def test_bad_files_fail_clearly_and_the_others_go_on(run: Run, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    shutil.copy(clip, folder / "zoë übung.flac")
    shutil.copy(f"{clip}.yaml", folder / "zoë übung.flac.yaml")
    (folder / "empty.wav").touch()
    (folder / "notes.wav").write_text("Dear diary, this is no sound. " * 40)
    (folder / "half.flac").write_bytes(clip.read_bytes()[:200_000])
    silence(folder / "nobody.wav")
    done = run("run", folder, "--json", "--names")
    results = recordings(done.stdout)
    assert done.returncode == 6, done.stderr
    by_error = {result["error"] for result in results if result["error"]}
    assert any("empty" in error for error in by_error)
    assert any("not a recording" in error for error in by_error)
    assert sum(result["status"] == "done" for result in results) == 3, results
    assert all(result["exit_code"] in (0, 3) for result in results)


def silence(path: Path, seconds: int = 20) -> None:
    """A mono recording of faint noise."""
    noise = np.random.default_rng(1).normal(0, 8, 16_000 * seconds).astype(np.int16)
    with av.open(str(path), "w") as writer:
        out = writer.add_stream("pcm_s16le", rate=16_000, layout="mono")
        assert isinstance(out, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(noise.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 16_000
        writer.mux(out.encode(frame))
        writer.mux(out.encode(None))


def test_nobody_speaking_is_an_honest_report(run: Run, tmp_path: Path) -> None:
    silence(tmp_path / "nobody.wav")
    done = run("run", tmp_path / "nobody.wav", "--json")
    assert done.returncode == 0, done.stderr
    report = Path(recordings(done.stdout)[0]["report"])
    assert "No speech was found" in report.read_text(encoding="utf-8")


def test_one_speaker_only_is_never_flagged(run: Run, clip: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.flac"
    with av.open(str(clip)) as reader, av.open(str(alone), "w") as writer:
        out = writer.add_stream("flac", rate=16_000, layout="mono")
        assert isinstance(out, av.AudioStream)
        for frame in reader.decode(audio=0):
            therapist = frame.to_ndarray().reshape(-1, 2)[:, :1].T
            mono = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(therapist, np.int16), format="s16", layout="mono"
            )
            mono.sample_rate = 16_000
            writer.mux(out.encode(mono))
        writer.mux(out.encode(None))
    done = run("run", alone, "--json", "--transcriber", "none")
    assert done.returncode == 0, done.stderr
    told = recordings(done.stdout)[0]
    assert told["moments"] == []
    assert {each["role"] for each in told["roles"]} == {"unknown"}
    report = Path(told["report"]).read_text(encoding="utf-8")
    assert "Only one voice was found" in report or "Who is the therapist?" in report


def test_a_language_without_lexicon_is_transcribed_and_measured_and_words_abstain(
    run: Run, clip: Path
) -> None:
    done = run("run", clip, "--language", "de", "--json")
    assert done.returncode == 0, done.stderr
    told = recordings(done.stdout)[0]
    assert told["engines"]["words"][0] == "faster_whisper"
    report = Path(told["report"]).read_text(encoding="utf-8")
    assert "no lexicon for the language" in report
    assert "Timing only" not in report


def test_without_a_recogniser_there_is_timing_only(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TETHER_MODELS", str(tmp_path / "none"))
    done = run("run", clip, "--language", "de", "--json")
    assert done.returncode == 0, done.stderr
    told = recordings(done.stdout)[0]
    name, because = told["engines"]["words"]
    assert name == "none"
    assert "no model 'faster_whisper' in the models folder" in because
    report = Path(told["report"]).read_text(encoding="utf-8")
    assert "Timing only" in report


@pytest.mark.usefixtures("workspace")
def test_a_correction_turns_the_roles_and_only_rules_run(run: Run, clip: Path) -> None:
    told = recordings(run("run", clip, "--json").stdout)[0]
    short = told["recording_id"][:12]
    done = run("correct", short, "channel 1=client")
    assert done.returncode == 0, done.stderr
    assert "channel 1: client (corrected)" in done.stdout
    assert "channel 2: therapist" in done.stdout
    again = recordings(run("run", clip, "--json").stdout)[0]
    assert [(each["speaker"], each["role"]) for each in again["roles"]] == [
        (1, "client"),
        (2, "therapist"),
    ]
    assert again["computed"] == []


@pytest.mark.usefixtures("workspace")
def test_exports_and_report_need_no_recording(clip: Path, tmp_path: Path) -> None:
    run = partial(tether, tmp_path)
    recording = tmp_path / "gone.flac"
    shutil.copy(clip, recording)
    shutil.copy(f"{clip}.yaml", f"{recording}.yaml")
    told = recordings(run("run", recording, "--json").stdout)[0]
    recording.unlink()
    short = told["recording_id"][:8]
    for fmt, name in (("csv", "turns.csv"), ("parquet", "turns.parquet"), ("rttm", "turns.rttm")):
        done = run("export", short, "--tables", "turns", "--format", fmt, "--output", "out")
        assert done.returncode == 0, done.stderr
        (written,) = (tmp_path / "out").glob(f"*-{name}")
        assert written.name.startswith(short)
        assert written.stat().st_size
    Path(told["report"]).unlink()
    assert run("report", short).returncode == 0
    assert Path(told["report"]).is_file()
    assert "gone.flac" not in run("sessions").stdout
    assert "gone.flac" in run("sessions", "--names").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "nowhere.wav"), 3, "no such file"),
        (("run", "x.wav", "--config", "nowhere.yaml"), 2, "settings file"),
        (("run", "x.wav", "--diarizer", "pyanote"), 2, "pyannote"),
        (("run", "a.wav", "b.wav", "--client", "C-1"), 2, "several"),
        (("export", "abcdef"), 2, "workspace"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_mistakes_have_their_exit_code_and_a_hint(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = tether(tmp_path, *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting and changing user need root")
class TestAsRoot:
    """What only root can set up."""

    def test_a_full_disk_is_told(self, run: Run, clip: Path, small_disk: Path) -> None:
        done = run("run", clip, "--workspace", small_disk / "workspace")
        assert done.returncode == 5
        assert "disk is full" in done.stderr or "no space left" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_read_only_folder_is_told(self, run: Run, clip: Path, small_disk: Path) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        done = run("run", clip, "--workspace", small_disk / "workspace")
        assert done.returncode == 5, done.stderr
        assert "read-only file system" in done.stderr

    def test_without_a_network_all_works(self, run: Run, clip: Path) -> None:
        done = run("run", clip, "--json", prefix=("unshare", "-n"))
        if "unshare failed" in done.stderr:
            pytest.skip("namespaces are not allowed here")
        assert done.returncode == 0, done.stderr

    def test_no_socket_is_opened_and_no_audio_is_left(
        self, run: Run, clip: Path, tmp_path: Path
    ) -> None:
        if not shutil.which("strace"):
            pytest.skip("strace is not installed")
        trace = tmp_path / "trace"
        calls = "trace=connect,bind,sendto,sendmsg,sendmmsg"
        done = run("run", clip, prefix=("strace", "-f", "-qq", "-e", calls, "-o", str(trace)))
        assert done.returncode == 0, done.stderr
        reached = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
        loopback = re.compile(r'inet_addr\("127\.|"::1"')
        assert not [line for line in reached if not loopback.search(line)]
        large = [
            p for p in (tmp_path / "home").rglob("*") if p.is_file() and p.stat().st_size > 2**16
        ]
        assert not [p for p in large if p.suffix not in (".nbc", ".nbi")], "left outside"
        kinds = {path.suffix for path in (tmp_path / "workspace").rglob("*") if path.is_file()}
        assert kinds <= {".parquet", ".json", ".html", ".db", ".db-wal", ".db-shm", ""}


def test_help_and_import_answer_at_once() -> None:
    for command in ([*TETHER, "--help"], [sys.executable, "-c", "import pipeline"]):
        began_s = os.times().children_user
        subprocess.run(command, check=True, capture_output=True)
        assert os.times().children_user - began_s < 2, "a heavy module is imported"
    heavy = "torch|polars|librosa|pyannote|faster_whisper|numpy"
    code = (
        "import sys, pipeline.cli.main, re; "
        f"print([m for m in sys.modules if re.fullmatch('{heavy}', m)])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_what_a_folder_holds_besides_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("empty.wav", "Berta.docx", "photo.jpg"):
        (folder / name).touch()
    options = ["run", str(folder), "--workspace", str(tmp_path / "w")]
    told = CliRunner().invoke(cli, [*options, "--json"])
    result, last = map(json.loads, told.stdout.splitlines())
    assert result["status"] == "failed"
    besides = "Files in folders without a recording's suffix, not processed: 2."
    assert last["summary"]["passed_over"] == [besides]
    assert "Berta" not in told.output
    quiet = CliRunner().invoke(cli, [*options, "--no-names"]).stdout
    assert besides in quiet
    assert "Berta" not in quiet
    assert "Berta.docx" in CliRunner().invoke(cli, [*options, "--names"]).stdout
