"""Many nights over the same folder: what is replaced, withheld, listed, and never doubled."""

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pytest

from pipeline import session
from pipeline.cli import main, progress
from pipeline.config import load
from pipeline.core.errors import ConfigError, InputError
from pipeline.evaluation.material.batch_results import results_of
from pipeline.session import batch
from pipeline.session.intake import Source
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.store import Store, _Written
from pipeline.workspace.verdicts import Ledger, Verdict

NOW = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
VTT = """WEBVTT

00:01.000 --> 00:03.000
<v Ada>How are you today?

00:04.000 --> 00:06.000
<v Bo>I am fine, {}.
"""


def write(folder: Path, name: str, says: str) -> Path:
    path = folder / f"{name}.vtt"
    path.write_text(VTT.format(says), encoding="utf-8")
    return path


class Tether(Protocol):
    def __call__(self, *arguments: str) -> tuple[int, str]: ...


@pytest.fixture
def tether(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tether:
    """Exit code and output of a command on the workspace."""

    def run(*arguments: str) -> tuple[int, str]:
        before, sys.argv = sys.argv, ["tether", *arguments, "--workspace", str(tmp_path / "ws")]
        code = 0
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        finally:
            sys.argv = before
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def told_of(said: str) -> list[dict[str, Any]]:
    """The lines of a run in JSON, the summary last, without what was logged."""
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def ids(folder: Path) -> list[str]:
    catalogue = Catalogue(folder / "ws")
    found = [entry.recording_id for entry in catalogue.entries()]
    catalogue.close()
    return found


def test_a_file_with_other_bytes_replaces_its_session(tmp_path: Path, tether: Tether) -> None:
    path = write(tmp_path, "talk", "th")
    assert tether("run", str(path))[0] == 0
    (partial,) = ids(tmp_path)
    write(tmp_path, "talk", "thanks")
    code, said = tether("run", str(path))
    assert code == 0
    assert "its new session replaces an older session" in said
    assert "talk" not in said
    (whole,) = ids(tmp_path)
    assert whole != partial
    assert list(Store(tmp_path / "ws").sessions()) == [whole[:12]]
    assert "replaced" not in tether("run", str(path))[1]
    write(tmp_path, "talk", "very well")
    told = told_of(tether("run", str(path), "--json")[1])
    assert told[0]["replaced"] == [whole]
    assert any("replaces an older" in note for note in told[0]["notes"])


@pytest.mark.parametrize("said", ["verdict", "correction"])
def test_what_a_person_said_is_never_lost(tmp_path: Path, tether: Tether, said: str) -> None:
    path = write(tmp_path, "talk", "th")
    tether("run", str(path))
    (older,) = ids(tmp_path)
    if said == "verdict":
        Ledger(tmp_path / "ws").append(Verdict(older, 0, 9, "confirm", "AK", NOW, "withdrawal"))
    else:
        assert tether("correct", older[:12], "Ada=therapist")[0] == 0
    write(tmp_path, "talk", "thanks")
    assert "kept beside the new one" in tether("run", str(path))[1]
    assert len(ids(tmp_path)) == 2
    listed = tether("sessions", "--names")[1].splitlines()
    assert [("replaced" in line) for line in listed] == [True, False]
    assert tether("report", str(path))[1].split("sessions/")[1][:12] != older[:12]
    assert tether("report", older[:12])[0] == 0
    if said == "verdict":
        assert older[:12] in tether("verdicts")[1]
    else:
        opened = session.reopen(older, Store(tmp_path / "ws"))
        assert "corrected" in opened.tables["roles"]["source"].to_list()


def test_bytes_that_lie_elsewhere_too_keep_their_session(tmp_path: Path, tether: Tether) -> None:
    one, two = write(tmp_path, "one", "thanks"), write(tmp_path, "two", "thanks")
    tether("run", str(one), str(two))
    (first,) = set(ids(tmp_path))
    write(tmp_path, "one", "and you")
    tether("run", str(one))
    assert ids(tmp_path).count(first) == 1
    assert len(ids(tmp_path)) == 2
    assert tether("report", str(two))[0] == 0


def test_an_older_session_stands_until_the_new_one_is_finished(
    tmp_path: Path, tether: Tether
) -> None:
    path = write(tmp_path, "talk", "thanks")
    tether("run", str(path))
    (older,) = ids(tmp_path)
    path.write_text("WEBVTT\n\nnothing that can be used", encoding="utf-8")
    assert tether("run", str(path))[0] == InputError.exit_code
    assert older in ids(tmp_path)
    assert tether("report", older[:12])[0] == 0
    write(tmp_path, "talk", "very well")
    assert tether("run", str(path))[0] == 0
    assert len(ids(tmp_path)) == 1


def test_a_recording_that_grows_while_it_is_processed_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "talk", "thanks")
    bench = Workbench(load(), tmp_path / "ws")
    choose = bench.plan

    def meanwhile(source: Source, heard: object) -> object:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n00:07.000 --> 00:08.000\n<v Ada>More.\n")
        return choose(source, heard)  # type: ignore[arg-type]  # what it is given

    monkeypatch.setattr(bench, "plan", meanwhile)
    (result,) = results_of([path], bench)
    assert result.status == "failed"
    assert "still being written" in str(result.error)
    assert bench.catalogue.entries() == []
    assert list(bench.store.sessions()) == []
    monkeypatch.setattr(bench, "plan", choose)
    (result,) = results_of([path], bench)
    assert result.status == "done"
    monkeypatch.setattr(bench, "plan", meanwhile)  # a finished session is not lost
    batch.run([path], bench, progress.Log(), options={}, refresh=True)
    assert len(list(bench.store.sessions())) == 1
    bench.catalogue.close()


@pytest.mark.parametrize("reason", ["purged", "consent withdrawn"])
def test_a_purged_recording_does_not_come_back(tmp_path: Path, tether: Tether, reason: str) -> None:
    path, other = write(tmp_path, "zwiesel", "thanks"), write(tmp_path, "other", "well")
    tether("run", str(path), str(other))
    gone = ids(tmp_path)[0]
    options = ("--consent-withdrawn",) if reason == "consent withdrawn" else ()
    code, said = tether("purge", gone[:12], *options)
    assert (code, said) == (0, "left: its id, so that the recording is not processed again\n")
    for file in (tmp_path / "ws").rglob("*"):
        assert not file.is_file() or b"zwiesel" not in file.read_bytes()
    moved = path.rename(tmp_path / "moved.vtt")
    code, said = tether("run", str(moved), str(other))
    assert code == 0
    assert f"withheld, {reason}" in said
    assert "1 recording withheld: purged, or consent was withdrawn" in said
    assert gone not in ids(tmp_path)
    assert gone[:12] not in list(Store(tmp_path / "ws").sessions())
    told = told_of(tether("run", str(moved), "--json")[1])
    assert (told[0]["status"], told[0]["withheld"], told[0]["error"]) == ("withheld", reason, None)
    listed = tether("withheld")[1]
    assert gone[:12] in listed
    assert reason in listed
    assert json.loads(tether("withheld", "--json")[1])[0]["recording_id"] == gone
    assert tether("withheld", "--lift", "123456")[0] == InputError.exit_code
    assert tether("withheld", "--lift", gone[:12])[0] == 0
    assert tether("withheld")[1] == "no recording is withheld\n"
    assert "done" in tether("run", str(moved))[1]


def test_a_purge_can_let_a_recording_return(tmp_path: Path, tether: Tether) -> None:
    path = write(tmp_path, "talk", "thanks")
    tether("run", str(path))
    short = ids(tmp_path)[0][:12]
    both = ("--may-return", "--consent-withdrawn")
    assert tether("purge", short, *both)[0] == ConfigError.exit_code
    assert tether("purge", short, "--may-return") == (0, "left: nothing\n")
    assert "done" in tether("run", str(path))[1]


def test_the_list_shows_no_name_off_a_terminal_and_reads_no_table(
    five_processed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read: list[str] = []
    monkeypatch.setattr(_Written, "content", lambda self: read.append(self.name))
    monkeypatch.setattr(pl, "read_parquet", lambda *_: read.append("parquet"))
    monkeypatch.setattr(sys, "argv", ["tether", "sessions", "--workspace", str(five_processed)])
    main_of()
    listed = capsys.readouterr().out
    assert read == []
    assert len(listed.splitlines()) == 5
    assert "moments" in listed
    assert ".csv" not in listed
    sys.argv.append("--json")
    main_of()
    assert "path" not in json.loads(capsys.readouterr().out)[0]
    sys.argv.append("--names")
    main_of()
    assert json.loads(capsys.readouterr().out)[0]["path"].endswith("0.csv")


def main_of() -> None:
    try:
        main()
    except SystemExit as left:
        assert not left.code  # noqa: PT017  # not an error that is expected


def test_the_list_cannot_move_the_cursor(
    tmp_path: Path, tether: Tether, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "talk\x1b[2J\r\u202e", "thanks")
    (path,) = tmp_path.glob("*.vtt")
    tether("run", str(path))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said = tether("sessions")[1]
    assert "talk" in said
    assert not {"\x1b", "\r", "\u202e"} & set(said)


def test_no_workspace_is_made_by_reading(tmp_path: Path, tether: Tether) -> None:
    (tmp_path / "ws").mkdir()
    for command in (("sessions",), ("verdicts",), ("withheld",), ("report", "abcdef")):
        code, said = tether(*command)
        assert code == ConfigError.exit_code
        assert "is not a workspace" in said
    assert list((tmp_path / "ws").iterdir()) == []


def test_strays_are_counted_and_named_on_request_alone(tmp_path: Path, tether: Tether) -> None:
    path = write(tmp_path, "monday", "thanks")
    (tmp_path / "monday.yaml").write_text("client: C\n", encoding="utf-8")
    said = tether("run", str(path))[1]
    assert "Session notes files without a recording, not used: 1." in said
    assert "monday" not in said
    named = tether("run", str(path), "--names")[1]
    assert "monday.yaml\n" in named
    assert "A notes file has the recording's name plus .yaml" in named
