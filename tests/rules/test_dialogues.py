"""The acted dialogues: what the rules of today find in them, miss, and flag wrongly."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from strategies import Session, taken_back_by

from pipeline.core import yaml
from pipeline.evaluation.material import acted_dialogues
from pipeline.evaluation.material.acted_dialogues import Dialogue, Judged, Planted, Rehearsal

NAMES = acted_dialogues.names()
CAN_GO = "is met now: the mark can go"


@pytest.fixture(scope="module")
def tables_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Session]]:
    """All tables of a dialogue, by its name; each is processed once."""
    with Rehearsal(tmp_path_factory.mktemp("dialogues")) as rehearsal:
        yield cache(lambda name: dict(rehearsal.process(acted_dialogues.read(name))))


def problems(planted: Planted, dialogue: Dialogue, found: list[dict[str, Any]]) -> list[str]:
    """In what a planted moment differs from what the file expects of today's rules."""
    seen = dialogue.file.today.moments[planted.id]
    if seen.missed:
        return [f"`missed` {CAN_GO}"] if found else []
    if not found:
        return ["no moment of its kind there"]
    rules = {rule for moment in found for rule in moment["rules"]}
    told = [f"not flagged by {rule}" for rule in seen.by if rule not in rules]
    own = any(planted.marker in moment["markers"] for moment in found)
    response = any(moment["response"] == planted.response for moment in found)
    codes = {code for moment in found for code in moment["response_codes"]}
    move = planted.kind == "therapist_move"
    for holds, reason, what in (
        (own, seen.marker_missed, "marker"),
        (response or move, seen.response_missed, "response"),
        (set(planted.codes) <= codes, seen.codes_missed, "codes"),
    ):
        if holds and reason:
            told.append(f"`{what}_missed` {CAN_GO}")
        if not holds and not reason:
            told.append(
                f"{what}: {[(m['marker'], m['response'], m['response_codes']) for m in found]}"
            )
    return told


@pytest.mark.parametrize("name", NAMES)
def test_a_dialogue_is_read_as_its_file_says(
    tables_of: Callable[[str], Session], name: str
) -> None:
    dialogue = acted_dialogues.read(name)
    tables = tables_of(name)
    judged = acted_dialogues.judge(dialogue, tables)
    told = {
        planted.id: differs
        for planted in dialogue.file.moments
        if (differs := problems(planted, dialogue, judged.moments[planted.id]))
    }
    assert told == {}
    assert wrong(dialogue, judged) == []
    assert quiet(dialogue, tables) == []


def wrong(dialogue: Dialogue, judged: Judged) -> list[str]:
    """Moments that neither the file nor its list of false ones knows."""
    told = []
    left = list(judged.false)
    for known in dialogue.file.today.unplanted:
        (line,) = [line for line in dialogue.lines if line.label == known.at]
        there = [
            moment
            for moment in left
            if known.rule in moment["rules"]
            and moment["start_ms"] < line.end_ms
            and moment["end_ms"] > line.start_ms
        ]
        if there:
            left.remove(there[0])
        else:
            told.append(f"{known.at}: no false moment any more; the mark can go")
    told += [f"false: {moment['marker']} by {', '.join(moment['rules'])}" for moment in left]
    return told


def quiet(dialogue: Dialogue, tables: Session) -> list[str]:
    """Guards that do not take back what the file says they do."""
    spans = {each.id: dialogue.span_ms(each) for each in dialogue.file.lookalikes}
    return [
        f"{place}: {guard.rule} not taken back by {guard.guard}"
        for place, guards in dialogue.file.today.guards.items()
        for guard in guards
        if guard.guard not in taken_back_by(tables, guard.rule, spans[place])
    ]


@pytest.mark.parametrize("name", NAMES)
def test_rules_and_guards_are_seen_at_work_where_it_is_said(
    tables_of: Callable[[str], Session], name: str
) -> None:
    """As ``exercised.yaml`` names the dialogue."""
    text = Path(__file__).with_name("exercised.yaml").read_text(encoding="utf-8")
    tables, here = tables_of(name), {"dialogue": name}
    counting = tables["hits"].filter(pl.col("suppressed_by").is_null())["rule"].to_list()
    for rule, told in yaml.parse(text, "").data.items():
        assert told["flags"] != here or rule in counting, f"{rule} flags nothing"
        guards = {guard for guard, where in told.get("guards", {}).items() if where == here}
        assert not guards or guards <= taken_back_by(tables, rule), f"{rule}: a guard is quiet"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_speaks_of_what_it_holds(name: str) -> None:
    dialogue = acted_dialogues.read(name)
    file = dialogue.file
    for stretch in (*file.moments, *file.lookalikes):
        start_ms, end_ms = dialogue.span_ms(stretch)
        assert start_ms < end_ms
    planted = {planted.id for planted in file.moments}
    assert set(file.today.moments) == planted
    assert set(file.today.guards) <= {each.id for each in file.lookalikes}
    assert 18 <= len(dialogue.lines) <= 60
    texts = {line.role for line in dialogue.lines}
    assert texts == {"therapist", "client"}


def test_the_dialogues_plant_every_marker_state_and_strategy() -> None:
    files = [acted_dialogues.read(name).file for name in NAMES]
    planted = [moment for file in files for moment in file.moments]
    markers = {moment.marker for moment in planted}
    assert markers == set(acted_dialogues.MARKERS)
    ruptures = [moment for moment in planted if moment.kind != "therapist_move"]
    states = {moment.response for moment in ruptures}
    assert states == {"none_found", "redirected", "addressed", "possibly_repaired", None}
    assert {code for moment in planted for code in moment.codes} == {f"R{n}" for n in range(1, 11)}
