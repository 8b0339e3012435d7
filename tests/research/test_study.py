"""From a workspace and tables of codes to an evaluation."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipeline import config
from pipeline.core.errors import ConfigError, InputError
from pipeline.evaluation.material.batch_results import results_of
from pipeline.formats import codes
from pipeline.formats.annotation import coded_tiers, eaf
from pipeline.research import Annotations, Tolerance, compare, evaluate, plots, text_report
from pipeline.research.sessions import cases
from pipeline.session.workbench import Workbench
from pipeline.workspace.verdicts import Verdict

TALK = """role,start_ms,end_ms,text,utterance_id
therapist,0,4000,"How has your week been since we met here the last time?",u1
client,4200,6000,"You don't listen to me.",u2
therapist,6500,9000,"I'm sorry. What was it like for you when I said that?",u3
client,9400,14000,"It was all right I suppose and then I went home to my sister.",u4
therapist,14200,18000,"Could you say a bit more about your sister and the house?",u5
client,18200,22000,"She is well and the children are well and the garden is green.",u6
therapist,60000,64000,"And what would you like to talk about today?",u7
client,64200,66000,"I don't see how this is supposed to help.",u8
"""
CALM = """role,start_ms,end_ms,text
therapist,0,4000,"How has your week been since we met here the last time?"
client,4200,9000,"It was a good week and the children came over on Sunday."
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace `ws` of three sessions: two coded S-1 and S-2, one without a code."""
    folder = tmp_path_factory.mktemp("study")
    for name, content, code in (("a", TALK, "S-1"), ("b", CALM, "S-2"), ("c", CALM + "\n", "")):
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
        sidecar = f"language: en\ncode: {code}\n" if code else "language: en\n"
        (folder / f"{name}.csv.yaml").write_text(sidecar, encoding="utf-8")
    bench = Workbench(config.load(), folder / "ws")
    files = [folder / f"{name}.csv" for name in "abc"]
    results = results_of(files, bench)
    bench.catalogue.close()
    assert [result.error for result in results] == [None] * 3
    return folder


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, content: str) -> Path:
        file = tmp_path / name
        file.write_text(content, encoding="utf-8")
        return file

    return write


Write = Callable[[str, str], Path]


def test_codes_by_time_and_by_utterance_say_the_same(folder: Path, written: Write) -> None:
    by_id = Annotations.read(
        [written("i.csv", "session,utterance_id,marker\nS-1,u2,C1\nS-1,u8,C3\n")]
    )
    by_time = Annotations.read(
        [written("t.csv", "session,start,marker\nS-1,0:04.5,C1\nS-1,1:05,C3\n")]
    )
    for said in (by_id, by_time):
        for tolerance in (Tolerance(0, "utterances"), Tolerance(0, "ms")):
            got = evaluate(folder / "ws", said, tolerance=tolerance).evaluation
            confrontation = got.tally("confrontation")
            assert (confrontation.events, confrontation.found) == (2, 2)
            assert confrontation.false_alarms == 0
            assert [score.name for score in got.scores] == ["S-1"]
            assert got.markers["C1"].same == 1


def test_sessions_that_are_named_count_as_coded(folder: Path, written: Write) -> None:
    said = Annotations.read([written("c.csv", "session,start_ms,marker\nS-1,4500,C1\nS-9,1,W1\n")])
    some = evaluate(folder / "ws", said)
    assert len(some.evaluation.scores) == 1
    assert some.study.unmatched_sessions == ("S-9",)
    assert [line.partition(" ")[0] for line in some.remarks] == ["1", "2"]
    files = [str(folder / f"{name}.csv") for name in "ab"]
    both = evaluate(folder / "ws", said, files)
    assert [score.name for score in both.evaluation.scores] == ["S-1", "S-2"]
    hours = [each.evaluation.tally().duration_ms for each in (some, both)]
    assert hours[0] < hours[1]


def test_a_session_answers_to_its_id(folder: Path, written: Write) -> None:
    entry = cases.entries(folder / "ws", [str(folder / "c.csv")])[0]
    short = entry.recording_id[:8]
    said = Annotations.read([written("c.csv", f"session,start_ms,kind\n{short},,none\n")])
    got = evaluate(folder / "ws", said).evaluation
    assert [score.name for score in got.scores] == [entry.recording_id[:12]]
    assert got.tally().recall is None


def test_sheets_count_in_segments_only(folder: Path, written: Write) -> None:
    said = Annotations.read(
        [written("s.csv", "session,segment,marker,check\nS-1,1,C1,2\nS-2,1,W2,0\n")]
    )
    got = evaluate(folder / "ws", said).evaluation
    whole = got.tally("confrontation")
    assert (whole.sessions, whole.events, whole.moments) == (0, 0, 0)
    assert (whole.segments.both, whole.segments.neither) == (1, 1)
    assert got.moments.is_empty()


def test_elan_files_are_codes(folder: Path, tmp_path: Path) -> None:
    frame = codes.read("session,start_ms,end_ms,marker\nS-1,4300,6000,C1\n").codes
    intervals = eaf.ANNOTATIONS.frame([{"start_ms": 64300, "end_ms": 65000, "text": ""}])
    tiers = [*coded_tiers.to_tiers(frame), eaf.Tier("uncertain", intervals)]
    file = tmp_path / "S-1.eaf"
    file.write_text(eaf.write(tiers), encoding="utf-8")
    whole = evaluate(folder / "ws", Annotations.read([file])).evaluation.tally()
    assert (whole.events, whole.found, whole.uncertain) == (1, 1, 1)


def test_an_elan_file_of_another_name_belongs_to_the_only_session(
    folder: Path, tmp_path: Path
) -> None:
    frame = codes.read("session,start_ms,end_ms,marker\nS,4300,6000,C1\n").codes
    file = tmp_path / "coded by ann.eaf"
    file.write_text(eaf.write(coded_tiers.to_tiers(frame)), encoding="utf-8")
    only = [str(folder / "a.csv")]
    got = evaluate(folder / "ws", Annotations.read([file]), only)
    assert got.evaluation.tally().found == 1
    assert got.remarks == ("ELAN files without a session's name, assigned to the only session: 1.",)
    with pytest.raises(InputError, match="for an ELAN file, as its name"):
        evaluate(folder / "ws", Annotations.read([file]))
    other = tmp_path / "coded by bo.eaf"
    other.write_bytes(file.read_bytes())
    both = evaluate(folder / "ws", Annotations.read([file, other]), only)
    assert both.study.unmatched_sessions == ("coded by ann", "coded by bo")


def test_what_was_left_out_of_the_codes_is_said(folder: Path, written: Write) -> None:
    table = "session,utterance_id,start_ms,marker\nS-1,u2,,C1\nS-1,zz,,C3\nS-1,,soon,C3\n"
    said = Annotations.read([written("c.csv", table)])
    by_utterance = "Codes with an utterance_id that the transcript does not have, left out: 1."
    expected = ("Rows of codes that cannot be placed in time, left out: 1.", by_utterance)
    got = evaluate(folder / "ws", said)
    assert got.evaluation.tally().events == 1
    assert got.remarks[-2:] == expected
    comparison = compare(folder / "ws", None, None, said)
    assert comparison.remarks == expected
    assert by_utterance in text_report.changes(comparison)
    assert text_report.changes_machine(comparison)["remarks"] == expected


def test_decisions_that_contradict_themselves_are_left_out(folder: Path) -> None:
    entry = cases.entries(folder / "ws", [str(folder / "a.csv")])[0]

    def decided(number: int, start_ms: int, **other: object) -> Verdict:
        made = Verdict(
            entry.recording_id, start_ms, start_ms + 1800, "confirm", "AK",
            dt.datetime(2026, 11, 28, tzinfo=dt.UTC), "confrontation", "C1",
            kind="confrontation", marker="C1", verdict_id=number,
        )  # fmt: skip
        vars(made).update(other)  # as the ledger keeps it; today's desk refuses some of these
        return made

    good, wrong = decided(1, 4200), decided(2, 64_200, marker="W2")
    odd = decided(3, 20_000, marker="X", kind="anger", decision="reject")
    unmade = decided(4, 4200, marker="W2", replaces=1)
    some = evaluate(folder / "ws", Annotations.of_verdicts([good, wrong, odd]))
    assert (some.evaluation.tally().events, some.evaluation.tally().found) == (1, 1)
    contradict = "Decisions whose kind and marker contradict each other, left out:"
    assert some.remarks[-1] == f"{contradict} 2."
    # The later entry stands, unusable as it is: the earlier one does not come back.
    later = evaluate(folder / "ws", Annotations.of_verdicts([good, unmade, decided(5, 64_200)]))
    assert later.evaluation.tally().events == 1
    assert later.remarks[-1] == f"{contradict} 1."


def test_the_transcript_has_moved(folder: Path, written: Write, tmp_path: Path) -> None:
    moved = (folder / "a.csv").rename(tmp_path / "elsewhere.csv")
    try:
        by_id = Annotations.read([written("i.csv", "session,utterance_id,marker\nS-1,u2,C1\n")])
        with pytest.raises(InputError, match="lines 2: an utterance_id, and no transcript"):
            evaluate(folder / "ws", by_id)
        by_time = Annotations.read([written("t.csv", "session,start_ms,marker\nS-1,4500,C1\n")])
        got = evaluate(folder / "ws", by_time, tolerance=Tolerance(1, "utterances"))
        assert got.evaluation.tally().found == 1  # utterances are the turns then
    finally:
        moved.rename(folder / "a.csv")


def test_what_cannot_be_evaluated_is_told(folder: Path, written: Write, tmp_path: Path) -> None:
    said = Annotations.read([written("c.csv", "session,start_ms,marker\nS-9,1,W1\n")])
    with pytest.raises(InputError, match="the codes name no session of this workspace"):
        evaluate(folder / "ws", said)
    with pytest.raises(ConfigError, match="there is no workspace"):
        evaluate(tmp_path / "none", said)
    with pytest.raises(InputError, match="codes: cannot be read: no such file"):
        Annotations.read([tmp_path / "none.csv"])
    some = written("c.csv", "session,start_ms,marker\nS-1,1,W1\n")
    good = written("g.csv", "session,start_ms\nS-1,4\n")
    bad = written("b.csv", "session,start_ms\n,4\n")
    with pytest.raises(InputError, match=r"benign, file 2: .*\nline 2: no session"):
        Annotations.read([some], benign=[good, bad])


def test_nothing_in_the_workspace_changes(folder: Path, written: Write) -> None:
    def state() -> dict[str, int]:
        files = (file for file in (folder / "ws").rglob("*") if file.is_file())
        return {
            str(file): file.stat().st_mtime_ns
            for file in files
            if not file.name.startswith("tether.db")
        }

    before = state()
    said = Annotations.read([written("c.csv", "session,start_ms,marker\nS-1,4500,C1\n")])
    fresh = written("mine.yaml", "params: {complaint-about-therapist: {weight: 0.1}}\n")
    as_walked = evaluate(folder / "ws", said).evaluation.moments
    again = evaluate(folder / "ws", said, settings=config.load(str(fresh))).evaluation.moments
    assert again["score"].max() < as_walked["score"].max()  # type: ignore[operator]
    same = evaluate(folder / "ws", said, settings=config.load()).evaluation.moments
    assert same.equals(as_walked)
    assert state() == before


def test_it_is_printed_and_drawn(folder: Path, written: Write) -> None:
    said = Annotations.read(
        [written("c.csv", "session,utterance_id,marker\nS-1,u2,C1\nS-1,u6,W4\n")],
        benign=[written("b.csv", "session,utterance_id\nS-1,u8\n")],
    )
    got = evaluate(folder / "ws", said, tolerance=Tolerance(0, "utterances")).evaluation
    text = text_report.text(got)
    assert "1 sessions" not in text
    for part in ("benign flagged", "1 of 1", "complaint about the therapist", "complaint-about"):
        assert part in text
    told = text_report.machine(got)
    assert told["groups"]["confrontation"]["found"] == 1
    assert told["groups"]["all"]["intervals"]["f1"] is None
    assert "S-1" not in str(told)
    page = plots.page({"all <sessions>": got})
    assert "all &lt;sessions&gt;" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_parts_add_up_to_the_whole(folder: Path, written: Write) -> None:
    table = "session,start_ms,marker,kind\nS-1,4500,C1,\nS-2,,,none\n"
    got = evaluate(folder / "ws", Annotations.read([written("c.csv", table)])).evaluation
    tuned, held = got.split("1")
    assert len(tuned.scores) == len(held.scores) == 1
    assert (tuned.tally() + held.tally()).found == got.tally().found
    assert pl.concat([tuned.events, held.events]).height == got.events.height


def test_codes_of_one_rater(folder: Path, written: Write) -> None:
    table = "session,start_ms,marker,rater\nS-1,4500,C1,AK\nS-1,30000,W4,BL\nS-2,1,W1,BL\n"
    said = Annotations.read([written("c.csv", table)])
    got = evaluate(folder / "ws", said.of_raters(["AK"])).evaluation
    assert (got.tally().events, got.tally().found) == (1, 1)
    # Who codes in a study has looked at all its sessions, unless another table says otherwise.
    assert [score.name for score in got.scores] == ["S-1", "S-2"]
    with pytest.raises(InputError, match="1 of the raters named coded nothing"):
        said.of_raters(["AK", "CM"])
