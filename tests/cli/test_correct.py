"""`tether correct` changes what was meant, or says why it does not; `tether sessions` beside it."""

import html
import shlex
import sys
from pathlib import Path

import pytest
from put_back import PutBack

from pipeline.cli import main, progress
from pipeline.cli.commands import correct, report, run, sessions
from pipeline.config import load
from pipeline.core.errors import ConfigError, StoreError
from pipeline.evaluation.material.batch_results import results_of
from pipeline.session import batch
from pipeline.session.workbench import Workbench

VTT = """WEBVTT

00:01.000 --> 00:03.000
<v A>How are you today?

00:04.000 --> 00:06.000
<v B>I am fine, thanks.
"""


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> PutBack:
    """A transcript without audio and the workspace of its session."""
    made = PutBack(tmp_path_factory.mktemp("correct"))
    (made.folder / "talk.vtt").write_text(VTT, encoding="utf-8")
    bench = Workbench(load(), made.folder / "workspace")
    done = results_of([made.folder / "talk.vtt"], bench)
    bench.catalogue.close()
    assert [result.status for result in done] == ["done"]
    return made.keep()


@pytest.fixture
def processed(once: PutBack) -> Path:
    """The workspace, beside the transcript."""
    return once.back() / "workspace"


def path(workspace: Path) -> str:
    return str(workspace.parent / "talk.vtt")


def test_a_speaker_that_is_not_there_is_refused(processed: Path) -> None:
    with pytest.raises(ConfigError, match="no such speaker in this session"):
        correct.set_roles(path(processed), {"a": "therapist"}, processed, "default")
    bench = Workbench(load(), processed)
    assert bench.catalogue.corrections(bench.catalogue.find(path(processed)).recording_id) == {}


def test_other_settings_than_those_of_the_run_are_refused(processed: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: default\nrules: [withdrawal]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"other settings .*differ in rules; .*--anew"):
        correct.set_roles(path(processed), {"A": "therapist"}, processed, str(mine))
    correct.set_roles(path(processed), {"A": "therapist"}, processed, str(mine), anew=True)
    # Those are the settings of the last walk from now on.
    with pytest.raises(ConfigError, match="differ in rules"):
        correct.set_roles(path(processed), {"A": "client"}, processed, "default")


def test_a_file_that_only_has_another_name_is_no_other_settings(
    processed: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text("engines: {threads: 1}\n", encoding="utf-8")
    correct.set_roles(path(processed), {"A": "therapist"}, processed, str(tmp_path / "mine.yaml"))


def test_other_settings_under_the_same_name_are_told(processed: Path, tmp_path: Path) -> None:
    file = tmp_path / "default.yaml"
    file.write_text("baseline: {min_n: 7}\nrules: []\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="differ in baseline, rules"):
        correct.set_roles(path(processed), {"A": "therapist"}, processed, str(file))


def test_the_command_of_a_report_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "talk.vtt").write_text(VTT.replace("<v B>", "<v B's $x>"), encoding="utf-8")
    mine = tmp_path / "my settings.yaml"
    mine.write_text("rules: []\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    place = ["--workspace", "other place", "--config", str(mine)]
    assert tether(monkeypatch, "run", "talk.vtt", *place, "--names") == 0
    (report,) = tmp_path.glob("other place/sessions/*/report.html")
    pasted = [line.strip() for line in capsys.readouterr().out.splitlines()]
    commands = [line for line in pasted if line.startswith("tether correct ")]
    assert len(commands) == 2
    found = html.unescape(report.read_text(encoding="utf-8"))
    assert tether(monkeypatch, *shlex.split(commands[1])[1:]) == 0
    assert "speaker 2: therapist (corrected)" in capsys.readouterr().out
    (labelled,) = [line for line in found.splitlines() if "$x=therapist" in line][:1]
    assert shlex.join(["tether", "correct", commands[1].split()[2], "B's $x=therapist"]) in labelled
    assert tether(monkeypatch, "run", "talk.vtt", *place) == 0
    assert "tether correct" not in capsys.readouterr().out


def tether(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["tether", *arguments])
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def test_a_correction_is_obeyed(processed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    correct.set_roles(path(processed), {"A": "therapist"}, processed, "default")
    assert "speaker 1: therapist (corrected)" in capsys.readouterr().out


def test_labels_are_for_terminals(
    processed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    correct.set_roles(path(processed), {"speaker 1": "therapist"}, processed, "default")
    assert "A: therapist (corrected)" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="no speaker 'C' in this session; expected: known: A, B"):
        correct.set_roles(path(processed), {"C": "therapist"}, processed, "default")


def test_a_damaged_session_does_not_hide_the_list(
    processed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (damaged,) = processed.glob("sessions/*/artifacts/moments-*/manifest.json")
    damaged.write_bytes(b"")
    sessions.show(processed, as_json=False)
    assert "not finished" in capsys.readouterr().out


def test_no_names_means_none_on_a_terminal_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Anna.vtt").write_text(VTT, encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    none: dict[str, str | None] = {}
    code = run.run(
        [tmp_path / "Anna.vtt"],
        tmp_path / "workspace",
        "default",
        engines=none,
        sidecar={},
        refresh=False,
        as_json=False,
        names=False,
    )
    assert code == 0
    told = capsys.readouterr()
    assert "Anna" not in told.out + told.err


def test_a_damaged_note_is_no_bug_and_the_next_run_mends_it(processed: Path) -> None:
    (note,) = processed.glob("sessions/*/walk.json")
    note.write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="damaged"):
        report.renew(path(processed), processed)
    sessions.show(processed, as_json=False)
    batch.run(
        [Path(path(processed))],
        Workbench(load(), processed),
        progress.Log(),
        options={},
        refresh=False,
    )
    report.renew(path(processed), processed)


def test_to_correct_makes_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no workspace"):
        correct.set_roles("abcdef", {"A": "therapist"}, tmp_path / "none", "default")
    assert not (tmp_path / "none").exists()
