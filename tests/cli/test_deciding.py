"""`tether verdicts` lists what was decided, and writes it as codes that the bench scores by."""

import datetime as dt
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from put_back import PutBack

from pipeline import session
from pipeline.cli.main import cli
from pipeline.core.errors import TetherError
from pipeline.workspace.store import Store
from pipeline.workspace.verdicts import Ledger, Verdict

TALK = """role,start_ms,end_ms,text
therapist,0,4000,"How has your week been since we met here the last time?"
client,4200,6000,"You don't listen to me."
therapist,6500,9000,"I'm sorry. What was it like for you when I said that?"
client,9400,14000,"It was all right I suppose and then I went home to my sister."
"""
NOW = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


def tether(*command: str) -> str:
    got = CliRunner().invoke(cli, list(command), catch_exceptions=False)
    assert got.exit_code == 0, got.output
    return got.output


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> PutBack:
    made = PutBack(tmp_path_factory.mktemp("deciding"))
    (made.folder / "a.csv").write_text(TALK, encoding="utf-8")
    (made.folder / "a.csv.yaml").write_text("language: en\n", encoding="utf-8")
    tether("run", str(made.folder / "a.csv"), "--workspace", str(made.folder / "ws"))
    return made.keep()


@pytest.fixture
def workspace(once: PutBack) -> Path:
    return once.back() / "ws"


def decide(workspace: Path) -> Verdict:
    """Confirm the one moment, and reject a place where nothing is flagged."""
    (name,) = Store(workspace).sessions()
    processed = session.reopen(name, Store(workspace))
    (moment,) = processed.tables["moments"].to_dicts()
    verdict = Verdict(
        processed.recording.recording_id,
        moment["start_ms"],
        moment["end_ms"],
        "confirm",
        "=AK",  # a name that a spreadsheet would take for a formula
        NOW,
        moment["kind"],
        moment["marker"],
        kind=moment["kind"],
        marker=moment["marker"],
        note="only the note says so",
    )
    ledger = Ledger(workspace)
    kept = ledger.append(verdict)
    ledger.append(replace(verdict, decision="reject", start_ms=9400, end_ms=14_000, kind=None))
    return kept


def test_verdicts_are_listed_without_their_notes(workspace: Path) -> None:
    assert "tether review" in tether("verdicts", "--workspace", str(workspace))
    kept = decide(workspace)
    listed = tether("verdicts", "--workspace", str(workspace)).splitlines()
    assert len(listed) == 2
    assert kept.recording_id[:12] in listed[0]
    assert "confirm" in listed[0]
    assert "only the note" not in "".join(listed)
    told = json.loads(tether("verdicts", "--json", "--workspace", str(workspace)))
    assert [row["decision"] for row in told] == ["confirm", "reject"]
    assert told[0]["note"] == "only the note says so"


def test_verdicts_serve_as_codes(workspace: Path, tmp_path: Path) -> None:
    decide(workspace)
    folder = tmp_path / "codes"
    folder.mkdir()
    (folder / "uncertain.csv").write_text("of an earlier day", encoding="utf-8")
    said = tether("verdicts", "--codes", str(folder), "--workspace", str(workspace))
    assert "uncertain: none" in said
    lists = {path.stem: path for path in folder.iterdir()}
    assert set(lists) == {"codes", "benign"}
    assert "'=AK" in lists["codes"].read_text(encoding="utf-8"), "inert in a spreadsheet"
    assert (lists["codes"].stat().st_mode & 0o777) == 0o600
    options = [part for name, file in lists.items() for part in (f"--{name}", str(file))]
    told = json.loads(tether("evaluate", *options, "--json", "--workspace", str(workspace)))[
        "all sessions"
    ]
    text = tether("evaluate", *options, "--workspace", str(workspace))
    assert told
    assert "C1" in text


def test_the_bench_reads_verdicts_itself(workspace: Path) -> None:
    nothing = CliRunner().invoke(cli, ["evaluate", "--workspace", str(workspace)])
    assert "--verdicts" in str(nothing.exception)
    decide(workspace)
    told = tether("evaluate", "--verdicts", "--json", "--workspace", str(workspace))
    everything = json.loads(told)["all sessions"]["groups"]["all"]
    assert (everything["events"], everything["found"]) == (1, 1)
    assert (everything["benign"], everything["benign_flagged"]) == (1, 0)
    compared = tether("compare", "walked", "strict", "--verdicts", "--workspace", str(workspace))
    assert "benign share" in compared, "it is scored, too"


def test_a_rejected_moment_does_not_find_what_was_added_beside_it(workspace: Path) -> None:
    kept = decide(workspace)
    ledger = Ledger(workspace)
    ledger.append(
        replace(kept, decision="reject", kind=None, marker=None, replaces=kept.verdict_id)
    )
    added = replace(kept, decision="added", start_ms=0, end_ms=3000)
    ledger.append(replace(added, detected_kind=None, detected_marker=None))
    told = json.loads(tether("evaluate", "--verdicts", "--json", "--workspace", str(workspace)))
    everything = told["all sessions"]["groups"]["all"]
    assert (everything["events"], everything["found"], everything["misses"]) == (1, 0, 1)
    assert (everything["false_alarms"], everything["benign_flagged"]) == (1, 1)
    assert told["remarks"] == []


def test_a_purge_takes_verdicts_along_unless_they_are_to_be_kept(workspace: Path) -> None:
    kept = decide(workspace)
    short = kept.recording_id[:12]
    said = tether("purge", short, "--keep-verdicts", "--may-return", "--workspace", str(workspace))
    assert said == "left: 2 entries of decisions\n"
    assert len(Ledger(workspace).all()) == 2
    tether("run", str(workspace.parent / "a.csv"), "--workspace", str(workspace))
    said = tether("purge", short, "--may-return", "--workspace", str(workspace))
    assert said == "left: nothing\n"
    assert Ledger(workspace).all() == []
    assert not [
        f for f in workspace.rglob("*") if f.is_file() and b"only the note" in f.read_bytes()
    ]


def test_a_sheet_holds_what_was_decided(workspace: Path, tmp_path: Path) -> None:
    recording_id = decide(workspace).recording_id
    place = ("--workspace", str(workspace))
    written = Path(tether("sheet", recording_id[:12], *place).splitlines()[0])
    assert written == Store(workspace).session(recording_id) / "sheet.html"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert "only the note says so" in written.read_text(encoding="utf-8")

    file = tmp_path / "supervisee.md"
    tether("sheet", recording_id[:12], *place, "--output", str(file), "--for-supervisee")
    said = file.read_text(encoding="utf-8")
    assert "You don't listen to me." in said
    assert "only the note" not in said
    nobody = tether("sheet", recording_id[:12], *place, "--reviewer", "BM")
    assert "Nothing was confirmed or added by this reviewer; 1 moment not decided yet" in nobody


def test_a_sheet_of_a_client_has_every_session_in_order(tmp_path: Path) -> None:
    for number in (2, 1):
        (tmp_path / f"{number}.csv").write_text(TALK + "client,20000,21000,x\n" * number, "utf-8")
        notes = f"language: en\nclient: P07\nsession_number: {number}\n"
        (tmp_path / f"{number}.csv.yaml").write_text(notes, encoding="utf-8")
    workspace = tmp_path / "ws"
    for number in (2, 1):
        tether("run", str(tmp_path / f"{number}.csv"), "--workspace", str(workspace))
    place = ("--workspace", str(workspace))
    file = tmp_path / "p07.md"
    tether("sheet", "--client", "P07", *place, "--output", str(file))
    said = file.read_text(encoding="utf-8")
    assert said.index("session 1") < said.index("session 2")
    for wrong in (("--client", "P08", "--output", str(file)), ("--client", "P07"), ()):
        got = CliRunner().invoke(cli, ["sheet", *wrong, *place])
        assert isinstance(got.exception, TetherError)
