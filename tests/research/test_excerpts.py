"""Excerpts are read as they were coded, and sealed ones stay apart."""

import re

import pytest

from pipeline.core.errors import ConfigError
from pipeline.core.vocabulary import MARKERS
from pipeline.research.reading import excerpts


def test_a_line_keeps_its_words_and_loses_its_codes() -> None:
    told = "C: Sure. [laughs] No, that's a plan. [W5 mild agrees too fast] [W6 clear laughs it off]"
    (turn,) = excerpts.parse(told)
    assert turn.text == "Sure. [laughs] No, that's a plan."
    assert turn.markers == {"W5", "W6"}
    assert not turn.resembles
    assert not turn.uncertain


@pytest.mark.parametrize(
    ("line", "kind", "codes"),
    [
        ("C: She never listens. [benign C1 of her mother]", "resembles", {"C1"}),
        ("C: Maybe. [uncertain W2]", "uncertain", {"W2"}),
        (
            "T: I ran ahead of you. What was it like? [R5 R4 owns it and asks]",
            "moves",
            {"R5", "R4"},
        ),
        ("T: Okay, the second column. [none goes on]", "moves", {"none"}),
        ("T: Let us look at R10. [R10 back to the task]", "moves", {"R10"}),
    ],
)
def test_every_kind_of_code_is_read(line: str, kind: str, codes: set[str]) -> None:
    (turn,) = excerpts.parse(line)
    assert getattr(turn, kind) == codes
    assert "[" not in turn.text


def test_what_is_no_code_stays_in_the_words() -> None:
    (turn,) = excerpts.parse("C: I said [inaudible] and left. [4 s]")
    assert turn.text == "I said [inaudible] and left. [4 s]"


def test_a_line_without_a_speaker_is_named() -> None:
    with pytest.raises(ConfigError, match="line 2"):
        excerpts.parse("T: Hello.\nAnd then\n")


def test_a_reply_comes_with_what_was_said_before() -> None:
    turns = excerpts.parse("T: One.\nC: Two.\nT: Three.\nC: Four. [C2 clear no]")
    exchange = excerpts.Excerpt("x", "t1", turns).exchange(3)
    assert exchange.before == ((False, "One."), (True, "Two."), (False, "Three."))
    assert exchange.reply == "Four."


def test_every_author_belongs_to_one_part_and_some_to_each() -> None:
    parts = {part: set(excerpts.authors(part)) for part in ("training", "development", "sealed")}
    names = {place.name for place in excerpts.FOLDER.iterdir() if place.is_dir()}
    assert set.union(*parts.values()) == names
    assert sum(map(len, parts.values())) == len(names)
    assert all(parts.values())


def test_excerpts_read_and_hold_every_marker_in_each_part() -> None:
    """Codes of sealed excerpts are counted; their words are not printed."""
    for part in ("training", "development", "sealed"):
        shown: set[str] = set()
        for author in excerpts.authors(part):
            for excerpt in excerpts.of(author):
                assert len(excerpt.turns) >= 40, excerpt.name
                shown.update(*(turn.markers for turn in excerpt.turns))
        assert shown == set(MARKERS), part


def test_no_reply_stands_in_two_parts() -> None:
    """Else a reader would be judged on what it learned."""
    seen: dict[str, str] = {}
    for part in ("training", "development", "sealed"):
        for author in excerpts.authors(part):
            for excerpt in excerpts.of(author):
                for turn in (turn for turn in excerpt.turns if turn.client):
                    words = re.sub(r"\W+", " ", turn.text.lower()).strip()
                    if len(words.split()) >= 8:
                        assert seen.setdefault(words, part) == part
