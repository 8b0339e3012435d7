"""Turns and latencies: who holds the floor, and how it passes on."""

import pytest
from talk_scenes import Speech, brief, build, say


def test_turns_join_over_pauses_and_end_in_lapses() -> None:
    got = build(say("A", 1, 2, "so how"), say("A", 3, 4, "was it"), say("A", 6, 7, "hello"))
    assert brief(got["turns"], "start_ms", "end_ms", "text", "n_words", "latency_ms") == [
        (1000, 4000, "so how was it", 4, None),
        (6000, 7000, "hello", 1, None),
    ]
    assert brief(got["silences"], "start_ms", "end_ms", "kind", "before_speaker") == [
        (0, 1000, "edge", None),
        (2000, 3000, "pause", "A"),
        (4000, 6000, "lapse", "A"),
        (7000, 60_000, "edge", "A"),
    ]


def test_latency_is_the_gap_and_negative_in_overlap() -> None:
    got = build(
        say("A", 1, 3, "what was that like"),
        say("B", 3.4, 6, "it was hard for me"),
        say("A", 5.8, 8, "hard in what way"),
        say("B", 8, 9, "just hard"),
    )
    assert got["turns"]["latency_ms"].to_list() == [None, 400, -200, 0]
    assert brief(got["silences"], "kind", "before_speaker", "after_speaker")[1] == ("gap", "A", "B")


def test_a_failed_attempt_does_not_end_the_holders_turn() -> None:
    got = build(
        say("A", 1, 9, "so this is a long story of mine that goes on"),
        say("B", 3, 4.5, "can I just say"),
        say("A", 9.5, 11, "and on and on"),
    )
    assert brief(got["turns"], "speaker", "start_ms", "end_ms") == [
        ("A", 1000, 11_000),
        ("B", 3000, 4500),
    ]
    assert brief(got["overlaps"], "start_ms", "end_ms", "holder", "kind") == [
        (3000, 4500, "A", "failed_attempt")
    ]


def test_of_three_people_each_keeps_their_words() -> None:
    got = build(
        say("A", 1, 3, "how are you both"),
        say("B", 3.2, 5, "we are well"),
        say("C", 4.8, 6, "speak for yourself"),
        say("A", 6.5, 8, "I see"),
    )
    assert got["turns"]["speaker"].to_list() == ["A", "B", "C", "A"]
    assert got["turns"]["latency_ms"].to_list() == [None, 200, -200, 500]


HOLDER = say("A", 1, 5, "so this is a long story of mine")


@pytest.mark.parametrize(
    ("other", "resumes_s", "turns"),
    [
        # Came and went within the holder's unit: the turn goes on.
        (say("B", 3, 4.5, "can I just say"), 5.4, [(1.0, 8.0), (3.0, 4.5)]),
        # In the holder's silence: a turn between two turns.
        (say("B", 5.2, 5.6, "nonsense"), 5.9, [(1.0, 5.0), (5.2, 5.6), (5.9, 8.0)]),
        # Seen coming, and over in the silence: likewise.
        (say("B", 4.6, 5.6, "nonsense"), 5.9, [(1.0, 5.0), (4.6, 5.6), (5.9, 8.0)]),
        # Came in early and tried into the holder's breath, in vain.
        (say("B", 4.4, 5.4, "can I just say"), 5.6, [(1.0, 8.0), (4.4, 5.4)]),
        # The same, but alone for longer than a breath.
        (say("B", 4.4, 5.6, "can I just say"), 5.7, [(1.0, 5.0), (4.4, 5.6), (5.7, 8.0)]),
        # Talked over the holder's breath, and longer: one turn of the holder all the same.
        (say("B", 4, 9, "no you have to listen to me"), 5.5, [(1.0, 8.0), (4.0, 9.0)]),
        # Over a silence longer than a breath: the holder comes back into the other's turn.
        (say("B", 4, 9, "no you have to listen to me"), 5.6, [(1.0, 5.0), (4.0, 9.0), (5.6, 8.0)]),
    ],
)
def test_who_goes_on_after_a_pause(
    other: Speech, resumes_s: float, turns: list[tuple[float, float]]
) -> None:
    got = build(HOLDER, other, say("A", resumes_s, 8, "that I have to tell"))
    assert [
        (a / 1000, b / 1000) for a, b in got["turns"].select("start_ms", "end_ms").rows()
    ] == turns
    assert got["turns"]["n_words"].sum() == 13 + len((other.text or "").split())


def test_a_short_content_word_thrown_in_is_a_turn_and_does_not_cut_the_holders() -> None:
    got = build(HOLDER, say("B", 3, 3.3, "Tuesday"), say("A", 5.5, 7, "and so on"))
    assert brief(got["turns"], "speaker", "text", "latency_ms") == [
        ("A", "so this is a long story of mine and so on", None),
        ("B", "Tuesday", None),
    ]
    assert brief(got["units"], "speaker", "turn_id") == [("A", 0), ("B", 1), ("A", 0)]


def test_an_answer_after_ones_own_failed_attempt_has_its_own_latency() -> None:
    got = build(HOLDER, say("B", 3, 4.5, "can I just"), say("B", 5.3, 7, "I was there too"))
    assert brief(got["turns"], "speaker", "start_ms", "latency_ms", "transition") == [
        ("A", 1000, None, None),
        ("B", 3000, None, None),
        ("B", 5300, 300, "gap"),
    ]


def test_an_attempt_that_goes_on_is_one_turn() -> None:
    got = build(HOLDER, say("B", 3, 3.6, "can I"), say("B", 3.9, 7, "I just have to say this"))
    assert brief(got["turns"], "start_ms", "end_ms", "latency_ms") == [
        (1000, 5000, None),
        (3000, 7000, -2000),
    ]


def test_latency_is_not_measured_from_an_attempt_that_failed() -> None:
    got = build(
        HOLDER, say("B", 3, 4.5, "can I just say"), say("A", 5.4, 8, "no"), say("B", 8.6, 9, "well")
    )
    assert got["turns"]["latency_ms"].to_list() == [None, None, 600]


def test_who_resumes_after_nobody_answered_has_no_latency() -> None:
    got = build(HOLDER, say("A", 8, 9, "are you there?"), say("B", 9.4, 10, "I am here"))
    assert got["turns"]["latency_ms"].to_list() == [None, None, 400]


def test_the_asker_who_resumes_into_the_answer_does_not_change_its_latency() -> None:
    got = build(
        say("A", 1, 3, "how was it?"),
        say("B", 3.9, 8, "it was fine on the whole you know"),
        say("A", 4.4, 5, "last week"),
    )
    assert brief(got["turns"], "speaker", "latency_ms") == [("A", None), ("B", 900), ("A", None)]


@pytest.mark.parametrize("b_s", [5.9, 6.0, 6.1])
def test_two_who_begin_at_the_same_time_do_not_answer_each_other(b_s: float) -> None:
    """A goes on just as B begins to answer: who is heard out answers what A said before."""
    again = say("A", 6, 9, "and that is not all")
    got = build(HOLDER, again, say("B", b_s, 7, "I know that"))
    assert brief(got["turns"], "speaker", "end_ms", "latency_ms") == [
        ("A", 9000, None),
        ("B", 7000, None),
    ]
    got = build(HOLDER, again, say("B", b_s, 12, "I know that it is not all of it"))
    assert brief(got["turns"], "speaker", "end_ms", "latency_ms") == [
        ("A", 9000, None),
        ("B", 12_000, round(b_s * 1000) - 5000),
    ]


@pytest.mark.parametrize(
    ("begins_s", "transition", "untold"),
    [
        (5.13, "gap", "gap"),
        (5.12, "latch", None),
        (5.0, "latch", None),
        (4.88, "latch", None),
        (4.87, "overlap", None),
    ],
)
def test_a_latch_is_what_one_hears_as_neither_gap_nor_overlap(
    begins_s: float, transition: str, untold: str | None
) -> None:
    answer = say("B", begins_s, 8, "that is how it was")
    assert build(HOLDER, answer)["turns"]["transition"].to_list() == [None, transition]
    mixed = build(HOLDER, answer, knows_overlap=False)
    assert mixed["turns"]["transition"].to_list() == [None, untold]


def test_of_three_the_third_answers_whoever_spoke_last() -> None:
    got = build(
        HOLDER,
        say("B", 3, 4, "can I just say"),
        say("C", 5.5, 7, "well I think he is right"),
        say("B", 7.2, 8, "thank you"),
    )
    assert brief(got["turns"], "speaker", "latency_ms") == [
        ("A", None),
        ("B", None),
        ("C", 500),
        ("B", 200),
    ]
