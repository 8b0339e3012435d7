"""Every rule, guard, marker, state and strategy is put to the test somewhere, and it is told where.

A new rule or guard makes this fail until ``exercised.yaml`` names the dialogue or test that shows
it at work.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from strategies import book, english

from pipeline.core import yaml
from pipeline.evaluation.material import acted_dialogues
from pipeline.rules.language.compiler import Compiled

HERE = Path(__file__).resolve().parent
RULES = {compiled.rule.id: compiled for compiled in book().rules}

STATES = {
    "none_found": "test_nothing_is_found",
    "redirected": "test_going_back_to_the_topic_is_no_answer",
    "addressed": "test_each_strategy_addresses",
    "possibly_repaired": "test_long_turns_afterwards_may_be_a_repair",
    None: "test_null_where_the_recording_ends_sooner",
}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    text = (HERE / "exercised.yaml").read_text(encoding="utf-8")
    return dict(yaml.parse(text, "").data)


def test_no_rule_is_left_out(told: dict[str, Any]) -> None:
    assert set(told) == set(RULES)


@pytest.mark.parametrize("compiled", RULES.values(), ids=RULES.keys())
def test_a_rule_and_its_guards_are_put_to_the_test(
    told: dict[str, Any], compiled: Compiled
) -> None:
    own = told.get(compiled.rule.id, {"flags": {}})
    guards = {guard.id for guard in compiled.rule.unless}
    assert set(own.get("guards", {})) == guards, "guards of the rule, and those told of"
    for where in (own["flags"], *own.get("guards", {}).values()):
        ((way, name),) = where.items()
        assert stands(way, name), where


def stands(way: str, name: str) -> bool:
    """Whether a named dialogue or test exists; a reason why there is none must be one."""
    if way == "dialogue":
        return name in acted_dialogues.names()
    if way == "test":
        file, _, test = name.partition("::")
        return f"\ndef {test}(" in (HERE / file).read_text(encoding="utf-8")
    return way == "never" and len(name.split()) > 3


def test_every_marker_has_a_rule_that_is_seen_to_flag(told: dict[str, Any]) -> None:
    shown = {
        RULES[rule].rule.marker for rule, own in told.items() if "never" not in own.get("flags", {})
    }
    assert shown == set(acted_dialogues.MARKERS)


def test_every_state_and_strategy_is_put_to_the_test() -> None:
    text = (HERE / "test_response.py").read_text(encoding="utf-8")
    assert all(stands("test", f"test_response.py::{test}") for test in STATES.values())
    codes = set(english().response_codes().values())
    assert codes == {f"R{number}" for number in range(1, 11)}
    assert codes <= set(re.findall(r'"(R\d+)"', text))
