"""Backchannels: acknowledgements that leave the floor where it is."""

import pytest
from talk_scenes import brief, build, say


def test_a_backchannel_leaves_the_turn_and_the_latency_alone() -> None:
    got = build(
        say("A", 1, 5, "I was at home and then the phone rang and"),
        say("B", 3, 3.4, "mm-hm"),
        say("A", 5.3, 8, "it was my mother of all people"),
        say("B", 8.5, 10, "what did she want"),
    )
    assert brief(got["turns"], "speaker", "start_ms", "is_backchannel", "latency_ms") == [
        ("A", 1000, False, None),
        ("B", 3000, True, None),
        ("B", 8500, False, 500),
    ]
    assert brief(got["overlaps"], "holder", "other", "kind") == [("A", "B", "backchannel")]


def test_a_backchannel_in_the_pause_of_the_other() -> None:
    got = build(
        say("A", 1, 3, "it was late already"),
        say("B", 3.2, 3.6, "yeah"),
        say("A", 4, 6, "and so I left"),
    )
    assert brief(got["turns"], "speaker", "is_backchannel") == [("A", False), ("B", True)]
    assert got["turns"]["text"][0] == "it was late already and so I left"


def test_after_a_question_the_same_word_is_an_answer() -> None:
    got = build(
        say("A", 1, 3, "did you sleep?"), say("B", 3.2, 3.6, "yeah"), say("A", 4, 6, "good to hear")
    )
    assert brief(got["turns"], "speaker", "is_backchannel", "latency_ms") == [
        ("A", False, None),
        ("B", False, 200),
        ("A", False, 400),
    ]


def test_a_quoted_question_is_one_too() -> None:
    got = build(
        say("A", 1, 3, "she said “did you sleep?”"),
        say("B", 3.2, 3.6, "yeah"),
        say("A", 4, 6, "that is what she said"),
    )
    assert not got["turns"]["is_backchannel"].any()


def test_a_late_acknowledgement_is_an_answer() -> None:
    got = build(
        say("A", 1, 3, "tell me about it"), say("B", 4.1, 4.5, "okay"), say("A", 5, 6, "whenever")
    )
    assert not got["turns"]["is_backchannel"].any()
    assert got["turns"]["latency_ms"].to_list() == [None, 1100, 500]


def test_an_acknowledgement_before_the_other_stays_silent_is_an_answer() -> None:
    got = build(
        say("A", 1, 3, "let us stop here"), say("B", 3.2, 3.6, "okay"), say("A", 7, 8, "bye then")
    )
    assert not got["turns"]["is_backchannel"].any()


def test_too_long_or_too_many_words_is_no_backchannel() -> None:
    holder = say("A", 1, 9, "so this is a long story of mine that goes on")
    assert build(holder, say("B", 3, 3.9, "yeah okay right"))["turns"]["is_backchannel"][1]
    assert not build(holder, say("B", 3, 4.1, "yeah okay right"))["turns"]["is_backchannel"][1]
    assert not build(holder, say("B", 3, 3.9, "yeah okay right yes"))["turns"]["is_backchannel"][1]
    assert not build(holder, say("B", 3, 3.9, "yeah but no"))["turns"]["is_backchannel"][1]


def test_an_acknowledgement_after_ones_own_failed_attempt() -> None:
    """The floor is with A all the while, though B spoke last but one."""
    got = build(
        say("A", 1, 9, "so this is a long story of mine that goes on"),
        say("B", 3, 4.5, "can I just say"),
        say("B", 6, 6.4, "mm-hm"),
    )
    assert got["turns"]["is_backchannel"].to_list() == [False, False, True]


def test_an_acknowledgement_after_ones_own_speech_is_none() -> None:
    got = build(
        say("A", 1, 2, "and you"),
        say("B", 2.2, 5, "I went to see her"),
        say("B", 5.4, 5.8, "yeah"),
        say("A", 6, 7, "and then"),
    )
    assert not got["turns"]["is_backchannel"].any()
    assert got["turns"]["text"][1] == "I went to see her yeah"


def test_nobody_takes_the_floor_from_a_backchannel() -> None:
    got = build(
        say("A", 1, 3, "it was late"),
        say("B", 3.05, 3.95, "mm-hm"),
        say("A", 3.2, 6, "and so I left"),
    )
    assert got["turns"]["is_backchannel"].to_list() == [False, True]
    assert brief(got["overlaps"], "holder", "other", "kind") == [("A", "B", "backchannel")]


def test_without_a_lexicon_nothing_is_called_a_backchannel() -> None:
    got = build(say("A", 1, 9, "eine lange Geschichte"), say("B", 3, 3.5, "mm"), acknowledges=None)
    assert got["turns"]["is_backchannel"].null_count() == 2
    assert got["overlaps"]["kind"].to_list() == [None]


@pytest.mark.parametrize(
    ("begins_s", "ends_s", "next_up", "expected"),
    [
        (4.0, 4.4, "A", True),  # the holder is heard to go on
        (4.6, 4.95, "A", True),  # stops with it, and takes it up again
        (4.6, 4.95, "B", False),  # stops with it: the begin of an answer
        (4.9, 5.3, "A", True),
        (4.9, 5.3, "B", False),
    ],
)
def test_a_backchannel_at_the_end_needs_the_holder_to_go_on(
    begins_s: float, ends_s: float, next_up: str, *, expected: bool
) -> None:
    got = build(
        say("A", 1, 5, "I was at home and then the phone rang"),
        say("B", begins_s, ends_s, "yeah"),
        say(next_up, 5.5, 8, "and it was her on the line"),
    )
    row = got["turns"].row(1, named=True)
    assert (row["speaker"], bool(row["is_backchannel"])) == ("B", expected)


def test_an_answer_may_begin_over_the_end_of_the_question() -> None:
    got = build(
        say("A", 1, 3, "did you sleep?"), say("B", 2.9, 3.3, "yeah"), say("A", 3.8, 5, "good")
    )
    assert got["turns"]["is_backchannel"].to_list() == [False, False, False]
    assert got["turns"]["transition"].to_list() == [None, "latch", "gap"]


def test_a_question_without_a_mark_is_told_by_its_words_where_there_are_no_marks() -> None:
    said = [say("A", 1, 3, "did you sleep"), say("B", 3.2, 3.6, "yeah"), say("A", 4, 6, "good")]
    asked = [said[0], said[1], say("A", 4, 6, "good.")]

    def asks(text: str) -> bool:
        return text.startswith("did you")

    assert build(*said)["turns"]["is_backchannel"][1]
    assert not build(*said, asks=asks)["turns"]["is_backchannel"][1]
    assert build(*asked, asks=asks)["turns"]["is_backchannel"][1]
