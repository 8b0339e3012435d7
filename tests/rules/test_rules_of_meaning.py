"""The rules on meaning, with an encoder that is told what is alike; they are off unless named."""

from functools import cache

import polars as pl
import pytest
from strategies import (
    Session,
    decided,
    english,
    everything,
    named_by,
    script,
    settings,
    tables_of,
)

from pipeline import config
from pipeline.engines.scripted import ScriptedEncoder
from pipeline.measures import meaning
from pipeline.rules import RuleBook

NAMES = {role: role for role in ("therapist", "client", "other")}
ASKS = "So what was it like for you when you heard all of this from her?"
ADVISES = "You should really write it all down every day."
SAYS = "The tram was late and then it rained for most of the afternoon again, as it does."
SETS = ("blaming", "controlling", "defending", "deferring", "denying", "doubting", "refusing")


@cache
def book() -> RuleBook:
    named = config.load("default", {"rules": ["meaning"]})
    return RuleBook.read(named, everything(), english())


def hits(*lines: tuple[str, float, str], alike: tuple[str, ...], compare: bool = True) -> Session:
    """What the rules find where all of `alike` mean the same."""
    tables = tables_of(script(*lines), features=())
    if compare:
        tables["meaning"] = meaning.compare(
            tables["turns"], english().prototypes, ScriptedEncoder([alike]), settings().meaning
        )
    tables = decided(tables, NAMES, features=named_by(book()))
    return tables | book().flag(tables, english(), settings())


def rules(found: Session) -> list[str]:
    own = found["hits"].filter(pl.col("suppressed_by").is_null())
    return sorted(own["rule"])


def test_every_set_has_its_rule_and_every_rule_its_measure() -> None:
    assert sorted(english().prototypes) == sorted(SETS)
    ids = {compiled.rule.id for compiled in book().rules}
    assert ids == {f"means-{name}" for name in SETS} | {"answer-far-from-question"}
    assert "meaning" not in settings().rules


@pytest.mark.parametrize("name", SETS)
def test_what_is_near_to_a_set_is_flagged_by_its_rule_alone(name: str) -> None:
    prototype = english().prototypes[name].like[0]
    lines = [("T", 0.0, ADVISES), ("C", 0.3, SAYS), ("T", 0.3, SAYS)]
    assert rules(hits(*lines, alike=(SAYS, prototype))) == [f"means-{name}"]
    assert rules(hits(*lines, alike=(SAYS,))) == []
    assert rules(hits(*lines, alike=(SAYS, prototype), compare=False)) == []


def test_a_counter_sentence_takes_it_back() -> None:
    chosen = english().prototypes["refusing"]
    lines = [("T", 0.0, ADVISES), ("C", 0.3, SAYS)]
    assert rules(hits(*lines, alike=(SAYS, chosen.like[0], chosen.unlike[0]))) == []


def test_giving_way_is_giving_way_to_something() -> None:
    prototype = english().prototypes["deferring"].like[0]
    lines = [("T", 0.0, "It was a long week for us all."), ("C", 0.3, SAYS)]
    assert rules(hits(*lines, alike=(SAYS, prototype))) == []


def test_an_answer_far_from_an_open_question_is_flagged() -> None:
    found = hits(("T", 0.0, ASKS), ("C", 0.3, SAYS), alike=())
    assert rules(found) == ["answer-far-from-question"]
    (moment,) = found["moments"].to_dicts()
    assert (moment["kind"], moment["marker"]) == ("withdrawal", "W4")


def test_an_answer_near_to_it_is_not() -> None:
    assert rules(hits(("T", 0.0, ASKS), ("C", 0.3, SAYS), alike=(ASKS, SAYS))) == []


@pytest.mark.parametrize(
    "lines",
    [
        [("T", 0.0, ASKS), ("C", 0.3, "The tram was late again.")],  # too short
        [("T", 0.0, "It was a long week for us all."), ("C", 0.3, SAYS)],  # nobody asked
        [("C", 0.0, ASKS), ("T", 0.3, SAYS)],  # the therapist's answer
    ],
)
def test_nor_is_what_answers_no_open_question_at_length(
    lines: list[tuple[str, float, str]],
) -> None:
    assert rules(hits(*lines, alike=())) == []
