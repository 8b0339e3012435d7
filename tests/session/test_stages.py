"""Stages: in an order that their needs give, and no code changes under one without its version."""

import ast
import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import ConfigError
from pipeline.evaluation import stage_code
from pipeline.session import stages
from pipeline.session.stage import Stage
from pipeline.session.stages import downstream, in_order


def stage(name: str, *needs: str, optional: tuple[str, ...] = ()) -> Stage[Any]:
    return Stage(name, 1, needs, lambda _context, _tables: {}, optional=optional)


def test_no_code_changes_under_a_stage_without_its_version() -> None:
    found = list(stage_code.changes())
    assert not found, "\n".join(
        [
            *found,
            "Raise `version` in pipeline/session/stages/<stage>.py where results may differ, then:",
            "  python -m pipeline.evaluation.stage_code --record",
            "Where results were compared and are the same, add --same-results.",
        ]
    )


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("spans", "pipeline.engines.diarization.channels"),
        ("turns", "pipeline.speech.turns.floor"),
        ("words", "pipeline.engines.transcription.hallucination_filter"),
        ("values", "pipeline.measures.features.silences"),
        ("moments", "pipeline.rules.detection.moments"),
        ("frames", "pipeline.engines.pitch.swift_f0"),
        ("activity", "pipeline.speech.activity.signal_loss"),
        ("media", "pipeline.audio.decoder"),
    ],
)
def test_a_stage_is_vouched_for_by_the_code_that_it_runs(name: str, module: str) -> None:
    (found,) = (each for each in stages.STAGES if each.name == name)
    assert module in stage_code.code_of(found)


def test_changed_code_asks_for_a_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record = tmp_path / "code.json"
    monkeypatch.setattr(stage_code, "RECORD", record)
    assert stage_code.record(same_results=False) == []
    assert list(stage_code.changes()) == []
    before = json.loads(record.read_text(encoding="utf-8"))
    before["turns"]["code"]["pipeline.speech.turns.floor"] = "of older code"
    record.write_text(json.dumps(before), encoding="utf-8")
    (told,) = stage_code.changes()
    assert "'turns': pipeline.speech.turns.floor changed" in told
    assert stage_code.record(same_results=False) == ["turns"]
    raised = tuple(
        replace(each, version=99) if each.name == "turns" else each for each in stages.STAGES
    )
    monkeypatch.setattr(stages, "STAGES", raised)
    (told,) = stage_code.changes()
    assert "version 99 is not recorded yet" in told
    assert stage_code.record(same_results=False) == []
    assert list(stage_code.changes()) == []


def test_words_for_people_ask_for_no_version() -> None:
    plain = "def f(a):\n    return a\n"
    told = '"""Of a module."""\n\n# why\ndef f(a):\n    """What."""\n    return (a)\n'
    other = "def f(a):\n    return a + 1\n"
    shapes = [stage_code._shape(ast.parse(text)) for text in (plain, told, other)]
    assert shapes[0] == shapes[1] != shapes[2]


def test_stages_stand_after_what_they_need() -> None:
    order = [each.name for each in stages.STAGES]
    assert order[:3] == ["media", "activity", "spans"]
    assert order[-3:] == ["roles", "measures", "moments"]
    for each in stages.STAGES:
        assert all(
            order.index(need) < order.index(each.name) for need in (*each.needs, *each.optional)
        )


def test_a_new_stage_is_put_in_its_place() -> None:
    made = in_order(
        [stage("c", "b"), stage("d", "a", optional=("c",)), stage("a"), stage("b", "a")]
    )
    assert [each.name for each in made] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ([stage("a", "b"), stage("b", "a")], "a, b, a need each other"),
        ([stage("a", "x")], "'a' needs 'x', which is not a stage"),
    ],
)
def test_an_order_that_cannot_be(made: list[Stage[Any]], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        in_order(made)


def test_what_rests_on_roles_is_decided_again() -> None:
    assert downstream("roles") == {"roles", "measures", "moments"}
    assert downstream("turns") == {"turns", "readings", "values", "roles", "measures", "moments"}


def test_the_desk_names_every_stage_in_order() -> None:
    script = (files("pipeline.desk") / "static" / "recordings.js").read_text(encoding="utf-8")
    listed = script.partition("const STAGES = {")[2].partition("}")[0]
    named = re.findall(r"^ *(\w+):", listed, re.MULTILINE)
    assert named == [*(each.name for each in stages.STAGES), "report"]
