"""Overlaps: the decision table, case by case."""

import pytest
from talk_scenes import Speech, brief, build, say

FACTS = ("holder", "other", "kind", "form", "into_ms", "went_on", "cut_off")
WHOLE = "so this is the long story of mine."
BROKEN = "so this is the long story of the"
PLAIN = "so this is the long story of mine"


def test_taking_the_floor() -> None:
    got = build(
        say("A", 1, 5, "so this is a long story of mine"),
        say("B", 3, 7, "no I have to stop you there"),
        say("A", 7.5, 9, "all right go on"),
    )
    assert brief(got["turns"], "speaker", "start_ms", "latency_ms") == [
        ("A", 1000, None),
        ("B", 3000, -2000),
        ("A", 7500, 500),
    ]
    assert brief(got["overlaps"], "start_ms", "end_ms", "holder", "kind") == [
        (3000, 5000, "A", "floor_taking")
    ]


def test_overlap_near_the_end_is_cooperative() -> None:
    for start_s, kind in ((4.5, "cooperative"), (4.49, "floor_taking")):
        got = build(say("A", 1, 5, "a long story"), say("B", start_s, 7, "no I have to stop you"))
        assert got["overlaps"]["kind"].to_list() == [kind]


def test_who_starts_at_the_same_time_and_says_more_has_the_floor() -> None:
    got = build(say("A", 1, 5, "a long story of mine"), say("B", 1, 2, "no wait please"))
    assert brief(got["overlaps"], "holder", "other") == [("A", "B")]


def test_without_words_a_short_overlap_is_left_open() -> None:
    got = build(
        say("A", 1, 9),
        *(say("B", 2, 2.5), say("B", 2.9, 3.5)),  # two short sounds, one turn: still not told
        *(say("B", 5.1, 6.5), say("B", 8.2, 11)),
        engine="none",
    )
    for column in ("is_backchannel", "text", "n_words"):
        assert got["turns"][column].null_count() == got["turns"].height
    assert brief(got["overlaps"], "start_ms", "kind") == [
        (2000, None),
        (5100, "failed_attempt"),
        (8200, "floor_taking"),
    ]


def test_a_diarizer_that_knows_no_overlap_gives_none() -> None:
    got = build(say("A", 1, 9, "a long story"), say("B", 3, 4.5, "stop it"), knows_overlap=False)
    assert got["overlaps"].is_empty()


@pytest.mark.parametrize(
    ("speech", "facts"),
    [
        pytest.param(
            [say("A", 1, 5, WHOLE), say("B", 3, 3.4, "mm-hm")],
            ("A", "B", "backchannel", None, 2000, "holder", False),
            id="an acknowledgement while the holder goes on",
        ),
        pytest.param(
            [say("A", 1, 5, WHOLE), say("B", 2, 3.4, "yeah yeah okay right")],
            ("A", "B", "cooperative", "continuer", 1000, "holder", False),
            id="more acknowledgement than a backchannel is",
        ),
        pytest.param(
            [say("A", 1, 5, WHOLE), say("B", 4.6, 6, "yeah yeah okay right yeah")],
            ("A", "B", "cooperative", "terminal", 3600, "other", False),
            id="acknowledgement at the end",
        ),
        pytest.param(
            [say("A", 1, 5, WHOLE), say("B", 4.7, 7, "and what did she say.")],
            ("A", "B", "cooperative", "terminal", 3700, "other", False),
            id="an answer that saw the end coming",
        ),
        pytest.param(
            [say("A", 1, 5, BROKEN), say("B", 4.7, 7, "no I do not want to hear it.")],
            ("A", "B", "floor_taking", None, 3700, "other", True),
            id="a short overlap in which the holder breaks off",
        ),
        pytest.param(
            [say("A", 1, 5, "so this is the long sto-"), say("B", 4.7, 7, "no I do not want it.")],
            ("A", "B", "floor_taking", None, 3700, "other", True),
            id="the holder breaks off within a word",
        ),
        pytest.param(
            [say("A", 1, 5, BROKEN + "."), say("B", 4.7, 7, "no I do not want to hear it.")],
            ("A", "B", "floor_taking", None, 3700, "other", True),
            id="the recogniser's full stop behind an article",
        ),
        pytest.param(
            [say("A", 1, 5, PLAIN + "..."), say("B", 4.7, 7, "no I do not want to hear it.")],
            ("A", "B", "cooperative", "terminal", 3700, "other", False),
            id="the holder trails off",
        ),
        pytest.param(
            [say("A", 1, 5, PLAIN), say("B", 4.7, 7, "no I do not want to hear it")],
            ("A", "B", "cooperative", "terminal", 3700, "other", None),
            id="no punctuation anywhere: nothing tells",
        ),
        pytest.param(
            [say("A", 1, 5, PLAIN), say("B", 4.7, 7, "no I do not want to hear it.")],
            ("A", "B", "floor_taking", None, 3700, "other", True),
            id="no full stop where there are others",
        ),
        pytest.param(
            [say("A", 1, 5, WHOLE), say("B", 2.5, 8, "no I have to stop you right there now.")],
            ("A", "B", "floor_taking", None, 1500, "other", False),
            id="comes in early and goes on; the holder finishes",
        ),
        pytest.param(
            [say("A", 1, 5, BROKEN), say("B", 2.5, 8, "no I have to stop you right there now.")],
            ("A", "B", "floor_taking", None, 1500, "other", True),
            id="comes in early and goes on; the holder breaks off",
        ),
        pytest.param(
            [say("A", 1, 7, WHOLE), say("B", 3, 4.5, "can I just say something")],
            ("A", "B", "failed_attempt", None, 2000, "holder", False),
            id="comes in early and gives up",
        ),
        pytest.param(
            [say("A", 1, 7, WHOLE), say("B", 3, 3.4, "Tuesday")],
            ("A", "B", "failed_attempt", None, 2000, "holder", False),
            id="one word of content in the midst",
        ),
        pytest.param(
            [say("A", 1, 5, WHOLE), say("B", 4.6, 4.95, "Tuesday")],
            ("A", "B", "cooperative", "terminal", 3600, "neither", False),
            id="one word of content at the end",
        ),
        pytest.param(
            [
                say("A", 1, 5, "and then she gave it to the"),
                say("B", 4.8, 5.5, "to the dentist"),
                say("A", 5.8, 8, "yeah the dentist of all people."),
            ],
            ("A", "B", "cooperative", "completion", 3800, "other", True),
            id="the end of the holder's sentence, accepted",
        ),
        pytest.param(
            [
                say("A", 1, 5, "and then she gave it to the"),
                say("B", 4.8, 5.5, "to the dentist"),
                say("A", 5.8, 8, "to the dentist of all people."),
            ],
            ("A", "B", "cooperative", "completion", 3800, "other", True),
            id="the end of the holder's sentence, repeated",
        ),
        pytest.param(
            [
                say("A", 1, 5, "and then she gave it to the"),
                say("B", 4.8, 5.5, "to the dentist"),
                say("A", 5.8, 8, "no you never listen to me."),
            ],
            ("A", "B", "floor_taking", None, 3800, "other", True),
            id="the end of the holder's sentence, refused",
        ),
        pytest.param(
            [
                say("A", 1, 5, "and in the end we all went home"),
                say("B", 3.857, 5, "we all went home"),
            ],
            ("A", "B", "cooperative", "choral", 2857, "neither", None),
            id="the same words at the same time",
        ),
        pytest.param(
            [
                say("A", 1, 5, "we all went home in the end I think"),
                say("B", 3.5, 4.3, "we all went home"),
            ],
            ("A", "B", "failed_attempt", None, 2500, "holder", False),
            id="the same words, but two seconds later",
        ),
        pytest.param(
            [say("A", 1, 7, WHOLE), say("B", 3, 4.5)],
            ("A", "B", None, None, 2000, "holder", False),
            id="laughter, or words that nobody recognised",
        ),
        pytest.param(
            [say("A", 1, 5), say("B", 3, 7, "no I have to stop you there.")],
            ("A", "B", "floor_taking", None, 2000, "other", None),
            id="the holder's words were not recognised",
        ),
        pytest.param(
            [say("A", 1, 7, WHOLE), say("B", 1.1, 2, "well I just")],
            ("A", "B", "failed_attempt", None, 100, "holder", False),
            id="both begin at once: who goes on holds the floor",
        ),
        pytest.param(
            [say("A", 1.1, 7, WHOLE), say("B", 1, 2, "well I just")],
            ("A", "B", "failed_attempt", None, 0, "holder", False),
            id="both begin at once, the other way round",
        ),
    ],
)
def test_the_decision_table(speech: list[Speech], facts: tuple[object, ...]) -> None:
    assert brief(build(*speech)["overlaps"], *FACTS) == [facts]


def test_an_overlap_names_its_two_turns() -> None:
    got = build(
        say("B", 0.1, 0.9, "go on."), say("A", 1, 5, WHOLE), say("B", 3, 7, "no I stop you there.")
    )
    assert brief(got["overlaps"], "holder_turn", "other_turn", "into_ms") == [(1, 2, 2000)]


def test_one_coming_in_is_one_overlap_though_both_take_breath() -> None:
    got = build(
        say("A", 1, 4, "so this is the long story"),
        say("A", 4.4, 6, "of my whole life."),
        say("B", 3, 5, "no I have to stop you there"),
        say("B", 5.3, 8, "because I have heard it before."),
    )
    assert brief(got["overlaps"], "start_ms", "end_ms", *FACTS) == [
        (3000, 6000, "A", "B", "floor_taking", None, 2000, "other", False)
    ]


def test_each_coming_in_is_an_overlap() -> None:
    got = build(say("A", 1, 9, WHOLE), say("B", 3, 3.6, "can I"), say("B", 6, 7, "let me speak"))
    assert got["overlaps"]["start_ms"].to_list() == [3000, 6000]


def test_the_other_stops_in_the_holders_breath() -> None:
    got = build(
        say("A", 1, 5, "so this is the long story"),
        say("B", 4.2, 5.3, "can I just say"),
        say("A", 5.4, 8, "of my whole life."),
    )
    assert brief(got["overlaps"], *FACTS) == [
        ("A", "B", "failed_attempt", None, 3200, "both", False)
    ]


def test_two_listeners_who_murmur_at_once_are_no_overlap() -> None:
    got = build(
        say("A", 1, 9, WHOLE), say("B", 3, 3.5, "mm-hm"), say("C", 3.1, 3.6, "yeah"),
    )  # fmt: skip
    assert brief(got["overlaps"], "holder", "other", "kind") == [
        ("A", "B", "backchannel"),
        ("A", "C", "backchannel"),
    ]


def test_an_overlap_of_an_overlap_is_with_whoever_has_the_floor() -> None:
    got = build(
        say("A", 1, 9, WHOLE), say("B", 3, 6, "can I just say that"), say("C", 4, 5, "be quiet")
    )
    assert brief(got["overlaps"], "holder", "other", "kind") == [
        ("A", "B", "failed_attempt"),
        ("A", "C", "failed_attempt"),
    ]


def test_who_talks_over_the_new_holder_comes_in_on_the_new_holder() -> None:
    got = build(
        say("A", 1, 5, WHOLE),
        say("B", 3, 9, "no I have to stop you there because it is enough."),
        say("C", 4, 7, "let him speak will you"),
    )
    assert brief(got["overlaps"], "holder", "other", "kind") == [
        ("A", "B", "floor_taking"),
        ("A", "C", "floor_taking"),
        ("B", "C", "failed_attempt"),
    ]


def test_the_interrupted_who_comes_back_comes_in_on_the_interrupter() -> None:
    got = build(
        say("A", 1, 5, BROKEN),
        say("B", 3, 9, "no I have to stop you there because it is enough."),
        say("A", 6.5, 7.5, "I was still talking."),
    )
    assert brief(got["overlaps"], "holder", "other", "kind", "cut_off") == [
        ("A", "B", "floor_taking", True),
        ("B", "A", "failed_attempt", False),
    ]


def test_without_words_time_tells_the_kind_and_neither_form_nor_cut_off() -> None:
    got = build(say("A", 1, 5), say("B", 4.6, 8), say("A", 10, 15), say("B", 12, 18), engine="none")
    assert brief(got["overlaps"], "kind", "form", "cut_off") == [
        ("cooperative", None, None),
        ("floor_taking", None, None),
    ]
