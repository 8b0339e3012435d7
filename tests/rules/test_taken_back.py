"""Guards that no other test and no acted dialogue puts to the test, each in its own scene."""

import polars as pl
import pytest
from strategies import (
    Session,
    Utterance,
    book,
    english,
    flagged,
    script,
    tables_of,
    taken_back_by,
)

from pipeline.core.tables import MEASURES

Lines = list[tuple[str, float, str]]

TALK = ("C", 0.3, "I went to the market and bought some apples and some bread for the week.")
MORE = ("T", 0.4, "So it goes on from there.")
OPENS = "So what was it like for you to come home to all of that on Sunday?"
INSISTS = "You really need to stop this, it is very bad for your heart."
GUIDES = "Let your shoulders drop, and feel your feet on the floor."
LONG = "We went to the coast by train and the whole trip took nearly four hours with the changes. "


def taken_back(session: Session, rule: str) -> set[str]:
    """The guards by which all hits of a rule were taken back; at least one was there."""
    hits = session["hits"].filter(pl.col("rule") == rule)
    assert not hits.is_empty(), "the rule does not come into question"
    assert hits["suppressed_by"].null_count() == 0, "it is flagged all the same"
    return taken_back_by(session, rule)


def once(asks: str, says: str, gap_s: float = 0.4) -> Lines:
    return [TALK, ("T", 0.3, asks), ("C", gap_s, says), MORE, TALK]


def twice(asks: str, says: str, gap_s: float = 2.5) -> Lines:
    return [TALK, *[("T", 0.3, asks), ("C", gap_s, says)] * 2, MORE, TALK, MORE, TALK]


def thrice(asks: str, says: str) -> Lines:
    return [TALK, *[("T", 0.3, asks), ("C", 0.4, says)] * 3, *[MORE, TALK] * 3]


@pytest.mark.parametrize(
    ("rule", "guard", "lines"),
    [
        (
            "silence-between-therapist-turns",
            "exercise-goes-on",
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
            "exercise",
            [
                TALK,
                ("T", 0.3, GUIDES + " What is the first thing you hear?"),
                ("T", 5.5, "It is there."),
                ("C", 0.4, "Yes."),
            ],
        ),
        (
            "silence-after-question",
            "exercise-goes-on",
            [
                TALK,
                ("T", 0.3, "Shall we do the one with the lake?"),
                ("T", 5.5, GUIDES),
                ("C", 0.4, "Yes."),
            ],
        ),
        ("minimal-response", "exercise", twice(f"{GUIDES} {OPENS}", "Fine.")),
        (
            "minimal-response",
            "closing",
            twice(f"We have to stop there for today. {OPENS}", "Fine."),
        ),
        ("minimal-response", "joke", twice(OPENS, "Ha ha, fine.")),
        ("curt-answers", "closed-question", twice(f"{OPENS} Did you sleep?", "Not really.")),
        (
            "curt-answers",
            "opening-or-closing",
            twice(f"How have you been since last week? {OPENS}", "Not much."),
        ),
        ("curt-answers", "exercise", twice(f"{GUIDES} {OPENS}", "Not much.")),
        (
            "dismissal",
            "lexicon-exception",
            once("So he came home.", "Never mind, I understood everything concerning yesterday."),
        ),
        ("dismissal", "joke", once("So he came home.", "Yeah, whatever, just kidding.")),
        (
            "way-out",
            "opening",
            once("How have you been since last week?", "I'd rather not say."),
        ),
        (
            "way-out",
            "goodbye",
            once("All right then, you take care.", "Thanks for the advice."),
        ),
        ("way-out", "joke", once("So he came home.", "Ha ha, I'd rather not say.")),
        (
            "deferring",
            "advice-accepted",
            once("You could try to walk for an hour a day.", "Okay, okay."),
        ),
        (
            "deferring",
            "question-answered",
            once(f"{INSISTS} Did it start on Monday?", "Yeah, yeah, okay."),
        ),
        (
            "objects-to-advice",
            "question-answered",
            once(
                f"{INSISTS} Did you eat something bad? Fish, for example.",
                "Yeah, so I had fish on Sunday, but other than that I ate as usual.",
            ),
        ),
        (
            "topic-leap",
            "opening-or-closing",
            once("How have you been, were you lonely since we last met?", "Anyway, it rained."),
        ),
        ("denial", "joke", once("So he came home.", "It's really not a big deal, ha ha.")),
        ("denial", "closed-question", once("Is Tuesday all right for you?", "It's fine.")),
        ("bare-assent", "closed-question", thrice(f"{INSISTS} Do you see?", "Yes.")),
        (
            "bare-assent",
            "opening-or-closing",
            thrice(f"We have to stop there for today. {INSISTS}", "Okay."),
        ),
        ("bare-assent", "exercise", thrice(f"{GUIDES} {INSISTS}", "Okay.")),
        ("short-answer", "exercise", once(f"{GUIDES} {OPENS}", "Not much.")),
        (
            "hopeless-here",
            "confrontation",
            once("So you did the sheet.", "What's the point in coming here. It's a waste of time."),
        ),
        (
            "hopeless-here",
            "joke",
            once("So you did the sheet.", "What's the point in coming here, ha ha."),
        ),
        (
            "flat-refusal",
            "taken-up",
            once(INSISTS, "I don't want your advice. But that's true, it makes sense."),
        ),
        (
            "defends-unurged",
            "taken-up",
            once("So he came home.", "It wasn't my fault. But that's true, it makes sense."),
        ),
        ("defends-unurged", "long-story", once("So he came home.", f"It's normal. {LONG * 5}")),
        (
            "therapist-slow-to-answer",
            "exercise",
            [*[("C", 0.3, LONG * 4), ("T", 4.0, GUIDES)] * 3, TALK],
        ),
        (
            "therapist-few-words",
            "exercise",
            [("C", 0.3, LONG * 2), ("T", 0.4, "Breathe in slowly.")] * 5,
        ),
    ],
)
def test_a_guard_takes_a_hit_back(rule: str, guard: str, lines: Lines) -> None:
    assert guard in taken_back(flagged(script(*lines)), rule)


@pytest.mark.parametrize(
    ("rule", "usual", "asks", "says"),
    [
        ("curt-answers", "Not really.", OPENS, "Not really."),
        ("bare-assent", "Tuesday.", INSISTS, "Okay."),
    ],
)
def test_terse_clients_are_known_by_their_turns(
    rule: str, usual: str, asks: str, says: str
) -> None:
    lines = [("T", 0.4, "Was it on Monday?"), ("C", 0.3, usual)] * 34
    # A baseline needs more than the first three minutes.
    lines += [("T", 0.4, "Good. " * 400), ("C", 0.3, usual)]
    lines += [("T", 0.4, asks), ("C", 0.4, says)] * 3
    assert "terse-client" in taken_back(flagged(script(*lines, MORE)), rule)


def measured(said: list[Utterance], item: str, role: str, values: dict[str, float]) -> Session:
    """A scene whose last turn of `role`, or whose windows, have these values, each at z 2.5."""
    tables = tables_of(said)
    own = tables["measures"].filter(pl.col("item") == item, pl.col("speaker") == role)
    last = tables["turns"].filter(pl.col("role") == role)["turn_id"].max()
    ids = [last] if item == "turn" else own["item_id"].unique().to_list() or [0]
    rows = MEASURES.frame(
        {
            "item": item,
            "item_id": item_id,
            "speaker": role,
            "feature": feature,
            "value": value,
            "z": 2.5,
            "pct": 0.9,
            "n_baseline": 40,
        }
        for item_id in ids
        for feature, value in values.items()
    )
    kept = tables["measures"].join(rows, on=rows.columns[:4], how="anti")
    tables["measures"] = pl.concat([kept, rows])
    return tables | {"hits": book().hits(tables, english())}


def test_a_joke_in_a_loud_voice() -> None:
    said = script(TALK, ("T", 0.3, INSISTS), ("C", 0.4, "Ha ha, you are a good one."))
    assert "joke" in taken_back(
        measured(said, "turn", "client", {"level_db": 5}), "louder-in-reply"
    )


def test_general_words_of_oneself() -> None:
    said = script(TALK, MORE, ("C", 0.4, LONG * 5))
    values = {"generic_person_excess": 3.0, "feeling_excess": -2.0, "first_person_excess": 3.0}
    guards = taken_back(measured(said, "turn", "client", values), "abstract-talk")
    assert "speaks-of-self" in guards


def test_a_long_story_as_news() -> None:
    said = script(TALK, ("T", 0.4, "How have you been since last week?"), ("C", 0.4, LONG * 20))
    values = {"third_person_excess": 3.0, "feeling_excess": -2.0, "first_person_excess": -2.0}
    guards = taken_back(measured(said, "turn", "client", values), "storytelling")
    assert "news-asked-for" in guards


def coming_in(says: str) -> Session:
    lines = [
        ("T", 0.4, "And how did that go?"),
        ("C", 0.4, "And on the way home in the evening she told me that the"),
        ("T", -1.5, f"{says} Let us look at the other thing then and at the rest of it."),
        ("C", 0.4, "All right we can do that then."),
    ]
    return flagged(script(*lines * 4))


def test_coming_in_at_the_end_of_a_session() -> None:
    guards = taken_back(coming_in("We have to stop there for today."), "therapist-comes-in")
    assert "closing" in guards
    free = coming_in("It rained on Sunday.")["hits"].filter(pl.col("rule") == "therapist-comes-in")
    assert free["suppressed_by"].null_count() == free.height > 0


@pytest.mark.parametrize(("per_min", "is_flagged"), [(0.8, True), (0.5, False)])
def test_a_therapist_who_takes_the_floor_often(per_min: float, is_flagged: bool) -> None:
    said = script(*[("C", 0.4, LONG), MORE] * 60)
    session = measured(said, "window_300s", "therapist", {"floor_takings_per_min": per_min})
    hits = session["hits"].filter(pl.col("rule") == "therapist-takes-the-floor-often")
    assert (not hits.is_empty()) == is_flagged
    assert not hits["primary"].any()
