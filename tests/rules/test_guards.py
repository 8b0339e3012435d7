"""Guards that no other test and no acted dialogue puts to the test, each in its own scene."""

from dataclasses import replace

import polars as pl
import pytest
from strategies import Said, Session, book, english, flagged, script, settings, tables_of

Lines = list[tuple[str, float, str]]

TALK = ("C", 0.3, "I went to the market and bought some apples and some bread for the week.")
MORE = ("T", 0.4, "So it goes on from there.")
OPENS = "So what was it like for you to come home to all of that on Sunday?"
INSISTS = "You really need to stop this, it is very bad for your heart."
GUIDES = "Let your shoulders drop, and feel your feet on the floor."
LONG = "We went to the coast by train and the whole trip took nearly four hours with the changes. "


def taken_back(session: Session, rule: str) -> str:
    """The reasons with which all hits of a rule were taken back; at least one was there."""
    hits = session["hits"].filter(pl.col("rule") == rule)
    assert not hits.is_empty(), "the rule does not come into question"
    assert hits["suppressed_by"].null_count() == 0, "it is flagged all the same"
    return "; ".join(hits["suppressed_by"])


def once(asks: str, says: str, gap_s: float = 0.4) -> Lines:
    return [TALK, ("T", 0.3, asks), ("C", gap_s, says), MORE, TALK]


def twice(asks: str, says: str, gap_s: float = 2.5) -> Lines:
    return [TALK, *[("T", 0.3, asks), ("C", gap_s, says)] * 2, MORE, TALK, MORE, TALK]


@pytest.mark.parametrize(
    ("rule", "because", "lines"),
    [
        (
            "silence-between-therapist-turns",
            "went on guiding",
            [
                TALK,
                ("T", 0.3, "Then we do the one with the lake."),
                ("T", 4.0, GUIDES),
                ("T", 5.0, "You are doing well."),
                ("C", 0.4, "Okay."),
            ],
        ),
        (
            "silence-after-question",
            "was guiding",
            [
                TALK,
                ("T", 0.3, GUIDES + " What is the first thing you hear?"),
                ("T", 5.5, "It is there."),
                ("C", 0.4, "Yes."),
            ],
        ),
        (
            "silence-after-question",
            "went on guiding",
            [
                TALK,
                ("T", 0.3, "Shall we do the one with the lake?"),
                ("T", 5.5, GUIDES),
                ("C", 0.4, "Yes."),
            ],
        ),
        ("minimal-response", "guiding an exercise", twice(f"{GUIDES} {OPENS}", "Fine.")),
        (
            "minimal-response",
            "closing the session",
            twice(f"We have to stop there for today. {OPENS}", "Fine."),
        ),
        ("minimal-response", "as a joke", twice(OPENS, "Ha ha, fine.")),
        ("curt-answers", "yes or no", twice(f"{OPENS} Did you sleep?", "Not really.")),
        (
            "curt-answers",
            "beginning or ending",
            twice(f"How have you been since last week? {OPENS}", "Not much."),
        ),
        ("curt-answers", "guiding an exercise", twice(f"{GUIDES} {OPENS}", "Not much.")),
        ("curt-answers", "as a joke", twice(OPENS, "Ha ha, not much.")),
        ("dismissal", "", once("So he came home.", "I told him, yeah, whatever.")),
        ("dismissal", "as a joke", once("So he came home.", "Yeah, whatever, just kidding.")),
        (
            "way-out",
            "only beginning",
            once("How have you been since last week?", "I'd rather not say."),
        ),
        ("way-out", "as a joke", once("So he came home.", "Ha ha, I'd rather not say.")),
        (
            "topic-leap",
            "beginning or ending",
            once("How have you been, were you lonely since we last met?", "Anyway, it rained."),
        ),
        ("denial", "as a joke", once("So he came home.", "It's really not a big deal, ha ha.")),
        ("bare-assent", "yes or no", twice(f"{INSISTS} Do you see?", "Yes.")),
        (
            "bare-assent",
            "beginning or ending",
            twice(f"We have to stop there for today. {INSISTS}", "Okay."),
        ),
        ("bare-assent", "guiding an exercise", twice(f"{GUIDES} {INSISTS}", "Okay.")),
        ("short-answer", "guiding an exercise", once(f"{GUIDES} {OPENS}", "Not much.")),
        ("short-answer", "as a joke", once(OPENS, "Ha ha, not much.")),
        (
            "hopeless-here",
            "as a joke",
            once("So you did the sheet.", "I can't do these exercises, I'm such an idiot, ha ha."),
        ),
        (
            "flat-refusal",
            "takes it up",
            once(INSISTS, "I don't want your advice. But that's true, it makes sense."),
        ),
        (
            "therapist-slow-to-answer",
            "guiding an exercise",
            [*[("C", 0.3, LONG * 4), ("T", 4.0, GUIDES)] * 3, TALK],
        ),
        (
            "therapist-few-words",
            "guiding an exercise",
            [("C", 0.3, LONG * 2), ("T", 0.4, "Breathe in slowly."), *[("C", 0.3, LONG * 2), ("T", 0.4, "Breathe in slowly.")] * 4],
        ),
    ],
)
def test_a_guard_takes_a_hit_back(rule: str, because: str, lines: Lines) -> None:
    assert because in taken_back(flagged(script(*lines)), rule)


def test_terse_clients_are_known_by_their_turns() -> None:
    usual = [("T", 0.4, "Was it on Monday?"), ("C", 0.3, "Not really.")] * 34
    asked = [("T", 0.4, OPENS), ("C", 0.4, "Not really.")] * 2
    session = flagged(script(*usual, *asked, MORE))
    assert "usually as short" in taken_back(session, "curt-answers")
    insisted = [("T", 0.4, INSISTS), ("C", 0.4, "Okay.")] * 2
    usual = [("T", 0.4, "Was it on Monday?"), ("C", 0.3, "Tuesday.")] * 34
    assert "usually as short" in taken_back(flagged(script(*usual, *insisted, MORE)), "bare-assent")
