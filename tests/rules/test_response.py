"""Every state of what the therapist did next, against a scripted conversation."""

import pytest
from strategies import Utterance, flagged, lexicon_free, script, settings

COMPLAINT = ("C", 0.4, "You never listen to me.")
LONG = ("C", 0.4, "I was thinking about it the whole week and then on Sunday I called my brother.")
NEUTRAL = ("T", 0.4, "The weather was nice on Sunday and the garden is green.")
SHORT = ("C", 0.4, "It was.")
OPENING = (LONG, NEUTRAL, LONG, NEUTRAL)


def answer(*after: tuple[str, float, str], duration_ms: int | None = None) -> dict[str, object]:
    session = flagged(script(*OPENING, COMPLAINT, *after), duration_ms=duration_ms)
    found = session["moments"].row(0, named=True)
    texts = dict(session["turns"].select("turn_id", "text").iter_rows())
    return found | {"said": [texts[turn] for turn in found["response_turns"]]}


def test_nothing_is_found() -> None:
    found = answer(NEUTRAL, SHORT, NEUTRAL)
    assert (found["response"], found["response_codes"]) == ("none_found", [])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("What I meant was the other plan.", "R1"),
        ("We could do the walk instead.", "R2"),
        ("The reason I ask is the plan.", "R3"),
        ("How did that land with you?", "R4"),
        ("I'm sorry, I was too fast.", "R5"),
        ("I notice I'm feeling a bit lost.", "R6"),
        ("Maybe that happens between us too.", "R7"),
        ("Does this happen with other people?", "R8"),
        ("It makes sense that you'd hold back.", "R9"),
    ],
)
def test_each_strategy_addresses(text: str, code: str) -> None:
    found = answer(NEUTRAL, SHORT, ("T", 0.4, text), SHORT)
    assert found["response"] == "addressed"
    codes = found["response_codes"]
    assert isinstance(codes, list)
    assert code in codes
    assert found["said"] == [text]


def test_going_back_to_the_topic_is_no_answer() -> None:
    found = answer(("T", 0.4, "Let's come back to the plan."), SHORT)
    assert (found["response"], found["response_codes"]) == ("redirected", ["R10"])


def test_long_turns_afterwards_may_be_a_repair() -> None:
    sorry = ("T", 0.4, "I'm sorry, I went too fast.")
    found = answer(sorry, LONG, NEUTRAL, LONG, NEUTRAL, LONG)
    assert found["response"] == "possibly_repaired"


def test_short_turns_afterwards_are_no_repair() -> None:
    sorry = ("T", 0.4, "I'm sorry, I went too fast.")
    assert answer(sorry, LONG, NEUTRAL, SHORT, NEUTRAL, SHORT)["response"] == "addressed"
    assert answer(sorry, ("C", 0.4, "Okay."), NEUTRAL, LONG)["response"] == "addressed"


def test_one_short_turn_of_three_does_not_decide_and_mere_assent_is_no_turn() -> None:
    sorry = ("T", 0.4, "I'm sorry, I went too fast.")
    found = answer(sorry, SHORT, NEUTRAL, LONG, NEUTRAL, LONG)
    assert found["response"] == "possibly_repaired"
    okay = ("C", 1.5, "Okay.")
    found = answer(sorry, okay, NEUTRAL, okay, NEUTRAL, LONG, NEUTRAL, LONG, NEUTRAL, LONG)
    assert found["response"] == "possibly_repaired"


def test_another_moment_afterwards_is_no_repair() -> None:
    sorry = ("T", 0.4, "I'm sorry, I went too fast.")
    found = answer(sorry, LONG, NEUTRAL, LONG, NEUTRAL, LONG, NEUTRAL, LONG, NEUTRAL, COMPLAINT)
    assert found["response"] == "addressed"


def test_an_answer_to_the_next_moment_is_not_one_to_this() -> None:
    sorry = ("T", 0.4, "I'm sorry, I went too fast.")
    found = answer(NEUTRAL, LONG, NEUTRAL, LONG, NEUTRAL, LONG, COMPLAINT, sorry)
    assert found["response"] == "none_found"


def test_an_answer_to_a_rupture_of_the_other_kind_is_not_one_to_this() -> None:
    sorry = ("T", 0.4, "I'm sorry, I went too fast.")
    away = ("C", 0.4, "I'd rather not talk about it.")
    session = flagged(script(*OPENING, COMPLAINT, NEUTRAL, LONG, NEUTRAL, away, sorry, LONG))
    states = session["moments"].select("kind", "response").rows()
    assert states == [("confrontation", "none_found"), ("withdrawal", "addressed")]


def test_words_of_the_client_are_no_answer() -> None:
    assert answer(NEUTRAL, ("C", 0.4, "I'm sorry."), NEUTRAL)["response"] == "none_found"


def test_an_answer_after_the_window_is_none() -> None:
    window_s = settings().response.window_ms / 1000
    late = ("T", window_s + 1, "I'm sorry, I went too fast.")
    assert answer(late)["response"] == "none_found"


def test_null_where_the_recording_ends_sooner() -> None:
    said = script(*OPENING, COMPLAINT, NEUTRAL)
    end_ms = max(each.end_ms for each in said)
    assert answer(NEUTRAL, duration_ms=end_ms + 1000)["response"] is None
    sorry = ("T", 0.4, "I'm sorry, I went too fast.")
    assert answer(sorry, duration_ms=end_ms + 1000)["response"] == "addressed"


def test_null_without_words_or_lexicon() -> None:
    said = [
        Utterance("therapist", 0, 2000),
        Utterance("therapist", 6000, 7000),
        Utterance("therapist", 11_000, 12_000),
    ]
    (moment,) = flagged(said)["moments"].to_dicts()
    assert moment["response"] is None
    worded = script(("T", 0, "Well."), ("T", 4, "Hm."), ("T", 4, "So."), ("C", 1, "No."))
    (moment,) = lexicon_free(worded)["moments"].to_dicts()
    assert moment["response"] is None
