import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.main import cli
from pipeline.core.errors import ConfigError

TALK = """role,start_ms,end_ms,text,utterance_id
therapist,0,4000,"How has your week been since we met here the last time?",u1
client,4200,6000,"You don't listen to me.",u2
therapist,6500,9000,"I'm sorry. What was it like for you when I said that?",u3
client,9400,14000,"It was all right I suppose and then I went home to my sister.",u4
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("researching")
    (folder / "a.csv").write_text(TALK, encoding="utf-8")
    (folder / "a.csv.yaml").write_text("language: en\ncode: S-1\n", encoding="utf-8")
    (folder / "codes.csv").write_text("session,utterance_id,marker\nS-1,u2,C1\n", encoding="utf-8")
    (folder / "mine.yaml").write_text("rules: [withdrawal]\n", encoding="utf-8")
    ran = CliRunner().invoke(cli, ["run", str(folder / "a.csv"), "--workspace", str(folder / "ws")])
    assert ran.exit_code == 0, ran.output
    return folder


def evaluated(folder: Path, *options: str) -> str:
    command = ["evaluate", "--codes", str(folder / "codes.csv"), "--workspace", str(folder / "ws")]
    got = CliRunner().invoke(cli, [*command, *options], catch_exceptions=False)
    assert got.exit_code == 0, got.output
    return got.output


def test_evaluate_prints_a_table(folder: Path) -> None:
    text = evaluated(folder, "--tolerance-utterances", "0")
    assert "1 session, 0.0 h. Within 0 utterances" in text
    assert "complaint-about-therapist" in text


def test_evaluate_runs_rules_again_with_other_settings(folder: Path) -> None:
    as_walked = json.loads(evaluated(folder, "--json"))["all sessions"]
    assert as_walked["groups"]["confrontation"]["found"] == 1
    options = ("--json", "--config", str(folder / "mine.yaml"))
    again = json.loads(evaluated(folder, *options))["all sessions"]
    assert again["groups"]["confrontation"]["found"] == 0
    assert again["groups"]["confrontation"]["misses"] == 1


def test_evaluate_holds_out_and_draws(folder: Path) -> None:
    plot = folder / "plot.html"
    text = evaluated(folder, "--hold-out", "1", "--plot", str(plot))
    assert "== sessions held out ==" in text
    assert text.index("0 sessions") < text.index("1 session,")
    assert plot.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_evaluate_takes_one_tolerance(folder: Path) -> None:
    with pytest.raises(ConfigError, match="one of the two"):
        evaluated(folder, "--tolerance-ms", "1", "--tolerance-utterances", "1")


def test_compare_tells_what_vanishes(folder: Path) -> None:
    command = ["compare", "walked", str(folder / "mine.yaml"), "--workspace", str(folder / "ws")]
    got = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert got.exit_code == 0, got.output
    assert "vanished" in got.output
    assert "complaint-about-therapist" in got.output
    scored = [*command, "--codes", str(folder / "codes.csv"), "--json"]
    told = json.loads(CliRunner().invoke(cli, scored, catch_exceptions=False).output)
    assert told["counts"]["confrontation"]["vanished"] == 1
    assert told["moments"][0]["outcome_a"] == "right"
    assert (told["before"]["all"]["recall"], told["after"]["all"]["recall"]) == (1, 0)


def test_tune_writes_settings_and_a_report(folder: Path) -> None:
    other = folder / "b.csv"
    other.write_text(TALK.replace("sister", "brother"), encoding="utf-8")
    (folder / "b.csv.yaml").write_text("language: en\ncode: S-2\n", encoding="utf-8")
    both = ["run", str(other), "--workspace", str(folder / "both")]
    runner = CliRunner()
    assert runner.invoke(cli, both).exit_code == 0
    assert runner.invoke(cli, [*both[:1], str(folder / "a.csv"), *both[2:]]).exit_code == 0
    codes = "session,utterance_id,marker\nS-1,u2,C1\nS-2,u2,C1\n"
    (folder / "both.csv").write_text(codes, encoding="utf-8")
    sweep = folder / "sweep.yaml"
    sweep.write_text(
        "codes: both.csv\ngroup: confrontation\ngoal: f1\nfolds: 2\n"
        # One parameter of the rules' stage, one that makes roles again.
        "parameters:\n  roles.min_turns: [5, 6]\n  moments.min_score: [0.0, 0.5]\n",
        encoding="utf-8",
    )
    got = runner.invoke(
        cli, ["tune", str(sweep), "--workspace", str(folder / "both")], catch_exceptions=False
    )
    assert got.exit_code == 0, got.output
    assert "4 points tried on 2 sessions in 2 folds" in got.output
    assert "2 of 2 folds would have chosen the same" in got.output
    tuned = (folder / "sweep-tuned.yaml").read_text(encoding="utf-8")
    assert "min_score: 0.0" in tuned
    assert "tried on 2 sessions" in (folder / "sweep-tuned.txt").read_text(encoding="utf-8")
