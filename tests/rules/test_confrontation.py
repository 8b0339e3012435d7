"""Every rule of confrontation, its guards, and its silence where nothing can be said.

Acted sentences, none of them from a session.
"""

import polars as pl
import pytest
from strategies import Session, book, english, flagged, script, tables_of, taken_back_by

from pipeline.core.tables import MEASURES

TALK = ("C", 0.3, "I went to the market and bought some apples and some bread for the week.")
NEUTRAL = "Mm, and then came the weekend."
ADVICE = "I really think you should call your brother tonight."
WARNING = "You know, that much sugar can ruin your teeth, and I am worried about you."
ASKED = "You should sleep more. When do you go to bed?"


def after(therapist: str, client: str, **options: object) -> Session:
    return flagged(script(TALK, ("T", 0.4, therapist), ("C", 0.5, client)), **options)


def rules_of(session: Session, *, suppressed: bool = False) -> set[str]:
    hits = session["hits"].filter(pl.col("suppressed_by").is_not_null() == suppressed)
    return set(hits.filter(pl.col("kind") == "confrontation")["rule"])


FOUND = [
    # C1
    (NEUTRAL, "You never really listen to what I say.", "complaint-about-therapist", "C1"),
    (NEUTRAL, "Why do you need to know about my marriage?", "complaint-about-therapist", "C1"),
    (NEUTRAL, "How old are you, if I may ask?", "complaint-about-therapist", "C1"),
    # C2
    (ADVICE, "Well, I don't want to call him.", "objects-to-advice", "C2"),
    (ADVICE, "I could, but he'd hang up on me.", "objects-to-advice", "C2"),
    (ADVICE, "Well, he never once asked for me.", "objects-to-advice", "C2"),
    (NEUTRAL, "I'm not going to do that, sorry.", "flat-refusal", "C2"),
    (NEUTRAL, "That's my own decision, thank you very much.", "flat-refusal", "C2"),
    # C3
    (NEUTRAL, "I don't see how the homework is helping.", "complaint-about-task", "C3"),
    (NEUTRAL, "I'm only here because my wife sent me.", "complaint-about-task", "C3"),
    # C4
    (NEUTRAL, "I've been sitting out there for forty minutes.", "complaint-about-parameters", "C4"),
    (NEUTRAL, "Honestly, I can't afford to keep coming.", "complaint-about-parameters", "C4"),
    (NEUTRAL, "I don't want to be recorded.", "complaint-about-parameters", "C4"),
    (NEUTRAL, "This room is so stuffy.", "complaint-about-parameters", "C4"),
    # C5
    (NEUTRAL, "We're just going in circles.", "complaint-about-progress", "C5"),
    (NEUTRAL, "It's simply not good enough.", "complaint-about-progress", "C5"),
    # C6
    (WARNING, "It's only a biscuit with my tea.", "defends-against-therapist", "C6"),
    (WARNING, "They made me do it at the office.", "defends-against-therapist", "C6"),
    (NEUTRAL, "I'm not a gambler or a liar, you see.", "label-denied", "C6"),
    # C7
    (NEUTRAL, "Stop asking me that.", "orders-or-ultimatum", "C7"),
    (NEUTRAL, "If you say that again, I'm leaving.", "orders-or-ultimatum", "C7"),
    (NEUTRAL, "I do not want to hear about the diet.", "orders-or-ultimatum", "C7"),
]

ONE_EACH = list({row[2]: row for row in FOUND}.values())
"""Of each rule its last example."""


@pytest.mark.parametrize(("therapist", "client", "rule", "marker"), FOUND)
def test_found(therapist: str, client: str, rule: str, marker: str) -> None:
    session = after(therapist, client)
    assert rule in rules_of(session)
    (moment,) = session["moments"].to_dicts()
    assert moment["kind"] == "confrontation"
    hit = session["hits"].filter(pl.col("rule") == rule).row(0, named=True)
    assert hit["marker"] == marker
    texts = [clause["text"] for clause in hit["clauses"]]
    assert any("\u201c" in text for text in texts), "the words are quoted"
    assert not any("\u2026" in text for text in texts), "nothing is left out"


@pytest.mark.parametrize(("therapist", "client", "rule", "marker"), ONE_EACH)
def test_the_therapist_may_say_the_same(
    therapist: str, client: str, rule: str, marker: str
) -> None:
    del therapist, rule, marker
    assert not rules_of(flagged(script(TALK, ("T", 0.4, client), TALK)))


@pytest.mark.parametrize(("therapist", "client", "rule", "marker"), ONE_EACH)
def test_silent_where_words_are_disabled(
    therapist: str, client: str, rule: str, marker: str
) -> None:
    del rule, marker
    assert not rules_of(after(therapist, client, disabled=["words"]))


@pytest.mark.parametrize(("therapist", "client", "rule", "marker"), ONE_EACH)
def test_found_without_timing(therapist: str, client: str, rule: str, marker: str) -> None:
    del marker
    assert rule in rules_of(after(therapist, client, disabled=["timing", "voice"]))


@pytest.mark.parametrize(("therapist", "client", "rule", "marker"), ONE_EACH)
def test_silent_where_roles_are_unknown(
    therapist: str, client: str, rule: str, marker: str
) -> None:
    del rule, marker
    assert not rules_of(after(therapist, client, known_roles=False))


@pytest.mark.parametrize(
    ("client", "rule"),
    [
        ("Well, I don't want to call him.", "objects-to-advice"),
        ("I could, but he'd hang up on me.", "objects-to-advice"),
        ("It's only a biscuit with my tea.", "defends-against-therapist"),
    ],
)
def test_nobody_objects_where_nothing_was_urged(client: str, rule: str) -> None:
    assert rule not in rules_of(after(NEUTRAL, client))


STORY = (
    "Well, on Monday I took the early bus to the office and sat beside an old friend of mine from "
    "school, and she told me of her new flat by the river and of the garden that comes with it, "
    "and it wasn't far from the place where the two of us had lived when we were students, so in "
    "the evening we walked there together and had soup and bread in the kitchen, and then it "
    "began to rain and she gave me her umbrella for the way back to the station."
)


@pytest.mark.parametrize(
    ("client", "rule", "says"),
    [
        ("My sister said you never listen.", "complaint-about-therapist", "somebody said"),
        ("When you're old you don't care.", "complaint-about-therapist", "generic you"),
        ("I'm not saying you don't listen.", "complaint-about-therapist", "denied"),
        ("You're so mean. Just kidding.", "complaint-about-therapist", "joke"),
        ("Group therapy was pointless.", "complaint-about-task", "another treatment"),
        ("At first this was a waste of time.", "complaint-about-progress", "the past"),
        ("My old doctor kept me waiting.", "complaint-about-parameters", "another"),
        (
            "At my bank I had to sit and I was waiting for forty minutes.",
            "complaint-about-parameters",
            "another place",
        ),
        ("I told him to leave me alone.", "orders-or-ultimatum", "somebody else"),
        ("Leave me alone, just kidding.", "orders-or-ultimatum", "joke"),
        ("I told her I'm not going to do that.", "flat-refusal", "somebody else"),
        ("She said I'm not a bad mother.", "label-denied", "somebody else"),
    ],
)
def test_exceptions_of_lexicons(client: str, rule: str, says: str) -> None:
    session = after(NEUTRAL, client)
    assert rule not in rules_of(session)
    assert taken_back_by(session, rule) == {"lexicon-exception"}
    hits = session["hits"].filter(pl.col("rule") == rule)
    assert says in "; ".join(hits["suppressed_by"].drop_nulls()), "shown, with its reason"
    assert not session["moments"].filter(pl.col("kind") == "confrontation").height


@pytest.mark.parametrize(
    ("therapist", "client", "rule", "guard"),
    [
        ("Will you do it?", "I'm not going to do that, no.", "flat-refusal", "question-answered"),
        (ADVICE, "Yeah, but that makes sense, I'll do it.", "objects-to-advice", "taken-up"),
        (ASKED, "It isn't before midnight.", "objects-to-advice", "question-answered"),
        (ASKED, "It's just after midnight.", "defends-against-therapist", "question-answered"),
        (ADVICE, STORY, "objects-to-advice", "long-story"),
        (WARNING, "It was just a bit. You're right.", "defends-against-therapist", "taken-up"),
    ],
)
def test_guards(therapist: str, client: str, rule: str, guard: str) -> None:
    session = after(therapist, client)
    assert rule not in rules_of(session)
    assert taken_back_by(session, rule) == {guard}
    assert not session["moments"].filter(pl.col("kind") == "confrontation").height


@pytest.mark.parametrize(
    ("therapist", "client"),
    [
        ("It sounds like you have to do it all alone.", "No, that's not quite it, my son helps."),
        ("So you feel that you should call her more.", "Well, I don't think about her that often."),
        ("Did it hurt?", "No, it didn't."),
        ("You should rest. How would you put it?", "Well, you get on, and nobody ever cares."),
        ("You should be proud of yourself.", "Well, I don't know, it wasn't that much."),
        (NEUTRAL, "I'm not sure what I think of it."),
        (NEUTRAL, "You know, it was fine, thank you."),
        (NEUTRAL, "I didn't want to go home."),
    ],
)
def test_plain_answers_and_corrections_are_none(therapist: str, client: str) -> None:
    session = after(therapist, client)
    assert rules_of(session) <= {"objects-unurged", "defends-unurged"}, "which only support"
    assert session["moments"].filter(pl.col("kind") == "confrontation").is_empty()


def test_objections_without_urging_only_support() -> None:
    session = after("Mm, and then came the weekend.", "Well, that won't work. It's just a bit.")
    hits = session["hits"].filter(pl.col("rule").is_in(["objects-unurged", "defends-unurged"]))
    assert hits["rule"].to_list() == ["defends-unurged", "objects-unurged"]
    assert set(hits["primary"]) == {False}


def test_a_well_before_it_is_no_plain_answer() -> None:
    question = "You should sleep more. Don't you want to?"
    assert "objects-to-advice" in rules_of(after(question, "Well, I don't need more than that."))


def measured(session: Session, item: str, speaker: str, item_id: int, z: float, **values: float
             ) -> Session:  # fmt: skip
    """`session` with other measures of one item, and moments made anew."""
    kept = session["measures"].filter(
        ~((pl.col("item") == item) & (pl.col("item_id") == item_id)
          & (pl.col("speaker") == speaker) & pl.col("feature").is_in(list(values)))
    )  # fmt: skip
    rows = [
        {"item": item, "item_id": item_id, "speaker": speaker, "feature": name, "value": value,
         "z": z, "pct": 0.9, "n_baseline": 40}
        for name, value in values.items()
    ]  # fmt: skip
    tables = {name: table for name, table in session.items() if name not in {"hits", "moments"}}
    tables["measures"] = pl.concat([kept, MEASURES.frame(rows)])
    return tables | {"hits": book().hits(tables, english())}


def calm() -> Session:
    return tables_of(script(TALK, ("T", 0.4, WARNING), ("C", 0.5, "I see. Tell me more of it.")))


def client_turn(session: Session) -> int:
    turns = session["turns"].sort("start_ms")
    return int(turns["turn_id"][-1])


BREAKS_IN = {
    "floor_takings_per_min": 1.4,
    "level_db": 4.0,
    "latency_median_ms": 100.0,
    "cooperative_overlaps_per_min": 0.0,
}


def test_taking_the_floor_louder_supports() -> None:
    session = measured(calm(), "window_180s", "client", 0, 2.5, **BREAKS_IN)
    assert rules_of(session) == {"takes-the-floor"}
    (hit,) = session["hits"].to_dicts()
    assert not hit["primary"]
    assert "1.4 times a minute" in " ".join(clause["text"] for clause in hit["clauses"])


@pytest.mark.parametrize(
    ("change", "z"),
    [
        ({"floor_takings_per_min": 0.6}, 2.5),
        ({}, 1.4),
        ({"latency_median_ms": 900.0}, 2.5),
        ({"cooperative_overlaps_per_min": 2.0}, 2.5),
    ],
)
def test_taking_the_floor_as_usual_or_on_a_slow_line_does_not(
    change: dict[str, float], z: float
) -> None:
    session = measured(calm(), "window_180s", "client", 0, z, **{**BREAKS_IN, **change})
    assert not rules_of(session)


def test_taking_the_floor_says_nothing_without_a_voice() -> None:
    quiet = {name: value for name, value in BREAKS_IN.items() if name != "level_db"}
    assert not rules_of(measured(calm(), "window_180s", "client", 0, 2.5, **quiet))


def test_a_louder_reply_supports() -> None:
    session = calm()
    assert rules_of(measured(session, "turn", "client", client_turn(session), 1.8, level_db=5)) == {
        "louder-in-reply"
    }
    assert not rules_of(measured(session, "turn", "client", client_turn(session), 1.2, level_db=5))


def test_a_louder_reply_to_nothing_urged_does_not() -> None:
    session = tables_of(script(TALK, ("T", 0.4, NEUTRAL), ("C", 0.5, "I see. It was long.")))
    assert not rules_of(measured(session, "turn", "client", client_turn(session), 1.8, level_db=5))


def test_negating_and_addressing_more_than_usual_supports() -> None:
    excess = {"negation_excess": 2.0, "second_person_excess": 2.0}
    session = calm()
    turn = client_turn(session)
    session = measured(session, "turn", "client", turn, 0.0, **excess)
    assert rules_of(session) == {"turns-on-the-therapist"}
    assert "2.0 standard deviations" in session["hits"]["clauses"][0][0]["text"]
    assert not rules_of(
        measured(session, "turn", "client", turn, 0.0, **{**excess, "negation_excess": 1.0})
    )


def test_a_generic_you_does_not_turn_on_the_therapist() -> None:
    said = script(TALK, ("T", 0.4, NEUTRAL), ("C", 0.5, "When you're old you get used to it."))
    session = tables_of(said)
    excess = {"negation_excess": 2.0, "second_person_excess": 2.0}
    session = measured(session, "turn", "client", client_turn(session), 0.0, **excess)
    assert not rules_of(session)
    assert rules_of(session, suppressed=True) == {"turns-on-the-therapist"}


def test_every_marker_of_confrontation_has_a_rule() -> None:
    assert {marker for *_, marker in FOUND} == {f"C{number}" for number in range(1, 8)}
