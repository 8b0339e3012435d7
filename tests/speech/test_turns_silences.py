"""Silences: their kinds, and when a voice may have been missed in them."""

import pytest
from talk_scenes import brief, build, say


@pytest.mark.parametrize(("silence_s", "kind"), [(1.5, "pause"), (1.51, "lapse")])
def test_the_longest_pause_is_still_a_pause(silence_s: float, kind: str) -> None:
    got = build(say("A", 1, 2, "one"), say("A", 2 + silence_s, 5, "two"))
    assert got["silences"]["kind"].to_list() == ["edge", kind, "edge"]
    assert got["turns"].height == (1 if kind == "pause" else 2)


def test_nobody_speaks() -> None:
    got = build(duration_s=5)
    assert got["turns"].is_empty()
    assert brief(got["silences"], "start_ms", "end_ms", "kind", "before_speaker") == [
        (0, 5000, "edge", None)
    ]


def test_lost_signal_in_a_silence_is_told() -> None:
    lost = [(3000, 3500), (10_000, 10_500), (10_600, 10_650)]
    got = build(say("A", 1, 2), say("A", 9, 10), losses=lost, channels=("A",))["silences"]
    assert brief(got, "missed_speech_risk", "dropout_ms") == [(False, 0), (True, 500), (True, 550)]


def test_a_doubtful_stretch_puts_a_silence_at_risk_if_it_is_as_long_as_a_syllable() -> None:
    speech = [say("A", 1, 2), say("A", 4, 5), say("A", 7, 8)]
    doubts = [(1500, 2100), (3000, 3119), (5000, 5120)]
    got = build(*speech, doubts=doubts)["silences"]
    assert brief(got, "start_ms", "missed_speech_risk", "dropout_ms") == [
        (0, False, 0),
        (2000, False, 0),
        (5000, True, 0),
        (8000, False, 0),
    ]


@pytest.mark.parametrize(
    ("channels", "distinct", "lost", "dropout_ms"),
    [
        (("A", "B"), True, [(4000, 5000, 0)], 1000),  # a speaker's own channel
        (("A", "B"), True, [(4000, 5000, 0), (4500, 5500, 1)], 1500),
        (("A", "B"), True, [(0, 60_000, 2)], 0),  # nobody's channel
        ((), False, [(0, 60_000, 1)], 0),  # the mix is heard on the other
        ((), None, [(4000, 5000, 0), (4500, 5500, 1)], 500),
        ((), True, [(4000, 5000, 0)], 1000),  # who was told apart in a mix of different speech
    ],
)
def test_which_channels_lost_signal_counts(
    channels: tuple[str, ...], distinct: bool | None, lost: list[tuple[int, ...]], dropout_ms: int
) -> None:
    got = build(say("A", 1, 3), say("B", 7, 8), channels=channels, distinct=distinct, losses=lost)[
        "silences"
    ]
    assert got["dropout_ms"][1] == dropout_ms
    assert got["missed_speech_risk"][1] == (dropout_ms > 0)


def test_of_two_who_stop_together_the_one_who_began_first_spoke_before() -> None:
    got = build(say("A", 1, 5), say("B", 4, 5), say("B", 6, 8), say("A", 6, 7))["silences"]
    assert brief(got, "before_speaker", "after_speaker", "kind")[1] == ("A", "B", "gap")
