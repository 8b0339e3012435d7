import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.commands.rules import clock_ms
from pipeline.cli.main import cli
from pipeline.core.errors import ConfigError, InputError

TALK = """role,start_ms,end_ms,text
therapist,0,4000,"How has your week been since we met here the last time?"
client,4200,6000,"You don't listen to me."
therapist,6500,9000,"I'm sorry. What was it like for you when I said that?"
client,9400,14000,"It was all right I suppose and then I went home to my sister."
"""
RULE = """
- id: long-silence
  kind: withdrawal
  marker: W2
  says: A long silence.
  on: silence
  needs: [timing]
  params:
    min_ms: {value: 3000, source: some study}
  where:
    - {if: "lenght_ms >= {min_ms}", because: "for {length_ms:s}"}
  role: prmary
  weight: 0.5
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ruling")
    (folder / "a.csv").write_text(TALK, encoding="utf-8")
    (folder / "a.csv.yaml").write_text("language: en\n", encoding="utf-8")
    wrong = RULE.replace("role: prmary", "role: primary")
    (folder / "wrong.yaml").write_text(wrong, encoding="utf-8")
    (folder / "worse.yaml").write_text(RULE, encoding="utf-8")
    (folder / "right.yaml").write_text(wrong.replace("lenght", "length"), encoding="utf-8")
    ran = CliRunner().invoke(cli, ["run", str(folder / "a.csv"), "--workspace", str(folder / "ws")])
    assert ran.exit_code == 0, ran.output
    return folder


def ruled(*words: str) -> str:
    got = CliRunner().invoke(cli, ["rules", *words], catch_exceptions=False)
    assert got.exit_code == 0, got.output
    return got.output


def traced(folder: Path, *words: str) -> str:
    return ruled("trace", str(folder / "a.csv"), "--workspace", str(folder / "ws"), *words)


def test_check_tells_all_mistakes_of_all_files_at_once(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        ruled("check", str(folder / "wrong.yaml"), str(folder / "worse.yaml"))
    first, second = caught.value.found.splitlines()
    told = {line.rsplit("/", 1)[1].split(":")[0]: line for line in (first, second)}
    assert "wrong.yaml:11:" in told["wrong.yaml"]
    assert "did you mean 'length_ms'?" in told["wrong.yaml"]
    assert "worse.yaml:12:" in told["worse.yaml"]
    command = ["rules", "check", str(folder / "wrong.yaml"), "--json"]
    got = CliRunner().invoke(cli, command, standalone_mode=False)
    assert len(json.loads(got.output)["problems"]) == 1


def test_check_of_what_is_right(folder: Path) -> None:
    assert ruled("check", str(folder / "right.yaml")) == "1 rule, no errors\n"
    assert json.loads(ruled("check", "--json"))["problems"] == []


def test_list_and_explain() -> None:
    assert "silence-after-question" in ruled("list")
    listed = json.loads(ruled("list", "--json"))
    assert {"id", "kind", "marker", "role", "weight", "needs", "says"} == set(listed[0])
    text = ruled("explain", "silence-after-question", "--config", "strict")
    assert "min_ms = 7000: set in strict; the rule's file has 5000" in " ".join(text.split())
    assert "the therapist was guiding an exercise" in text
    told = json.loads(ruled("explain", "silence-after-question", "--json"))
    assert all(told["columns"].values())


def test_explain_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'silence-after-question'"):
        ruled("explain", "silence-after-qestion")


def test_trace_says_why_and_why_not(folder: Path) -> None:
    text = traced(folder, "--at", "0:05", "--within", "2")
    assert "confrontation C1" in text
    assert "complaint-about-therapist" in text
    assert "part of a hit" in text
    told = json.loads(traced(folder, "--at", "5", "--json"))
    (moment,) = told["moments"]
    assert moment["marker"] == "C1"
    rules = {each["rule"]: each for each in told["rules"]}
    complaint = rules["complaint-about-therapist"]["items"][0]
    assert (complaint["outcome"], complaint["clauses"][0]["state"]) == ("hit", "held")
    minimal = rules["minimal-response"]["items"]
    failed = [each for item in minimal for each in item["clauses"] if each["state"] == "failed"]
    assert any("n_words" in each["observed"] for each in failed)


def test_trace_of_one_rule_of_a_time_and_of_what_is_not_there(folder: Path) -> None:
    one = traced(folder, "--at", "5", "--rule", "minimal-response", "--all")
    assert "complaint-about-therapist (" not in one
    assert "does not hold" in one
    with pytest.raises(InputError, match="after the end"):
        traced(folder, "--at", "59:00")
    with pytest.raises(ConfigError, match="no rule"):
        traced(folder, "--at", "5", "--rule", "none")


@pytest.mark.parametrize("text", ["", "a:b", "-5", "1e999"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a time"):
        clock_ms(text)


def test_schema_is_printed_or_written(tmp_path: Path) -> None:
    assert json.loads(ruled("schema"))["type"] == "array"
    ruled("schema", "settings", "--output", str(tmp_path / "settings.schema.json"))
    made = json.loads((tmp_path / "settings.schema.json").read_text(encoding="utf-8"))
    assert "params" in made["properties"]
