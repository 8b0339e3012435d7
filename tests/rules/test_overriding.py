import json
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from strategies import Session, english, everything, script, tables_of

from pipeline import config
from pipeline.core.errors import ConfigError
from pipeline.rules import RuleBook

RULE = "silence-after-question"
SAID = script(
    ("C", 0.3, "I went to the market and bought some apples."),
    ("T", 0.3, "What happened then?"),
    ("T", 4.5, "Well."),
    ("C", 0.4, "Hm."),
)


def settings(folder: Path, text: str, name: str = "mine") -> config.Settings:
    path = folder / f"{name}.yaml"
    path.write_text(f"extends: default\n{text}", encoding="utf-8")
    return config.load(str(path))


def book(chosen: config.Settings) -> RuleBook:
    return RuleBook.read(chosen, everything(), english())


@cache
def tables() -> Session:
    return tables_of(SAID)


def hits(chosen: config.Settings) -> pl.DataFrame:
    return book(chosen).hits(tables(), english()).filter(pl.col("rule") == RULE)


def test_a_profile_sets_a_parameter_and_evidence_says_so(tmp_path: Path) -> None:
    assert hits(config.load()).is_empty()
    (hit,) = hits(settings(tmp_path, f"params: {{{RULE}: {{min_ms: 4000}}}}")).to_dicts()
    told = json.loads(hit["params"])["min_ms"]
    assert told["value"] == 4000
    assert told["source"].startswith("set in mine; the rule's file has 5000: starting value")
    assert any(clause["condition"] == "length_ms >= 4000" for clause in hit["clauses"])


def test_so_does_an_option() -> None:
    chosen = config.load("default", {f"params.{RULE}.min_ms": 4000})
    assert "set in options" in hits(chosen)["params"][0]


def test_weight_role_and_counts_are_set_the_same_way(tmp_path: Path) -> None:
    text = f"params:\n  {RULE}: {{weight: 0.4, role: supporting, min_ms: 4000}}\n"
    (hit,) = hits(settings(tmp_path, text)).to_dicts()
    assert (hit["weight"], hit["primary"]) == (0.4, False)
    told = json.loads(hit["params"])
    assert told["weight"] == {"value": 0.4, "source": "set in mine; the rule's file has 0.6"}


def test_the_upper_profile_wins_by_name(tmp_path: Path) -> None:
    settings(tmp_path, f"params: {{{RULE}: {{min_ms: 9000, soon_ms: 1000}}}}", "base")
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"extends: base.yaml\nparams: {{{RULE}: {{min_ms: 4000}}}}", encoding="utf-8")
    told = json.loads(hits(config.load(str(mine)))["params"][0])
    assert (told["min_ms"]["value"], told["soon_ms"]["value"]) == (4000, 1000)
    assert "set in base" in told["soon_ms"]["source"]


def test_other_parameters_are_another_address(tmp_path: Path) -> None:
    one = book(settings(tmp_path, f"params: {{{RULE}: {{weight: 0.4}}}}"))
    assert one.canonical() != book(config.load()).canonical()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("params:\n  silence-after-qestion: {min_ms: 1}\n", 3, f"did you mean '{RULE}'"),
        (f"params:\n  {RULE}:\n    mim_ms: 1\n", 4, "did you mean 'min_ms'"),
        (f"params:\n  {RULE}: {{min_ms: long}}\n", 3, "must be int"),
        (f"params:\n  {RULE}: {{weight: -1}}\n", 3, "greater than 0"),
        (f"params:\n  {RULE}: {{role: chief}}\n", 3, "'primary' or 'supporting'"),
        (f"params:\n  {RULE}: {{at_least: 2}}\n", 3, "at_least needs within_ms"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        book(settings(tmp_path, text))
    (told,) = caught.value.found.splitlines()
    assert message in told
    assert f"mine.yaml:{line}:" in told or message == "at_least needs within_ms"


def test_parameters_of_built_in_rules_that_are_not_in_use_are_ignored(tmp_path: Path) -> None:
    text = f"rules: [confrontation]\nparams: {{{RULE}: {{min_ms: 1}}}}\n"
    assert RULE not in {entry.rule for entry in book(settings(tmp_path, text)).entries()}
