"""Outward signs of the therapist's own movement: each found, guarded, and shown apart."""

import polars as pl
import pytest
from strategies import Session, Utterance, flagged, script, taken_back_by

STORY = "We went to the coast by train and the whole trip took nearly four hours with the changes. "
FELT = "I was so sad on that trip that I cried and I felt lonely for the whole of the long way. "
USUAL = [("T", 0.2, "And how did that go then?"), ("C", 0.2, "It went as it goes there.")]


def moves(session: Session) -> list[str]:
    hits = session["hits"].filter(
        pl.col("suppressed_by").is_null(), pl.col("kind") == "therapist_move"
    )
    return sorted(set(hits["rule"]))


def slow(tells: str = STORY, gap_s: float = 4.0) -> Session:
    late = [("C", 0.2, tells * 4), ("T", gap_s, "So that was the trip you took there.")] * 2
    return flagged(script(*USUAL * 3, *late))


def test_slow_answers_to_long_turns() -> None:
    session = slow()
    assert moves(session) == ["therapist-slow-to-answer"]
    (moment,) = session["moments"].to_dicts()
    assert (moment["kind"], moment["marker"]) == ("therapist_move", "T1")
    assert moves(slow(gap_s=1.0)) == []
    assert taken_back_by(slow(FELT), "therapist-slow-to-answer") == {"space-for-feelings"}
    assert moves(slow(FELT)) == []


def short(tells: str = STORY, times: int = 4, says: str = "Right then.") -> Session:
    return flagged(script(*[("C", 0.2, tells * 2), ("T", 1.2, says)] * times))


def test_runs_of_few_words() -> None:
    assert moves(short()) == ["therapist-few-words"]
    assert moves(short(times=3)) == []
    assert moves(short(FELT)) == []
    assert taken_back_by(short(FELT), "therapist-few-words") == {"space-for-feelings"}
    assert moves(short(says="And what then?")) == []


def comes_in(holder: str, *, others: str = "therapist", times: int = 3) -> Session:
    said: list[Utterance] = []
    now_ms = 500
    first, second = ("client", others) if others == "therapist" else ("therapist", others)
    for _ in range(times):
        said.append(Utterance(first, now_ms, now_ms + 6_000, holder))
        said.append(
            Utterance(
                second,
                now_ms + 5_600,
                now_ms + 10_000,
                "Let us look at the other thing now please.",
            )
        )
        said.append(
            Utterance(first, now_ms + 10_500, now_ms + 14_000, "All right we can do that then.")
        )
        now_ms += 15_000
    return flagged(sorted(said, key=lambda each: each.start_ms))


def test_coming_in_while_the_client_has_more_to_say() -> None:
    unfinished = "And on the way home in the evening she told me that the"
    assert "therapist-comes-in" in moves(comes_in(unfinished))
    assert "therapist-comes-in" not in moves(comes_in(unfinished, times=2))
    assert "therapist-comes-in" not in moves(comes_in(unfinished, others="client"))
    risk = comes_in("I have had thoughts of dying and on the way home I thought that the")
    assert "therapist-comes-in" not in moves(risk)
    assert taken_back_by(risk, "therapist-comes-in") == {"risk-check"}


def talks(says: str, minutes: int = 9) -> Session:
    lines = [("T", 0.3, says * 12), ("C", 0.3, "It may be so as you see it.")]
    return flagged(script(*lines * (minutes * 60 // 40)))


def test_talk_with_advice() -> None:
    session = talks("You really should talk to your landlord and then write to the city office. ")
    assert "therapist-talks-and-advises" in moves(session)
    assert (
        moves(talks("The office of the city has three floors and a garden behind it too. ")) == []
    )


def test_fewer_acknowledgements_support() -> None:
    lines: list[Utterance] = []
    for minute in range(6):
        start = minute * 60_000 + 500
        lines.append(Utterance("client", start, start + 55_000, STORY * 10))
        lines.append(
            Utterance("therapist", start + 56_000, start + 58_000, "So it took four hours.")
        )
    hits = flagged(lines)["hits"].filter(pl.col("rule") == "therapist-acknowledges-less")
    assert hits["primary"].to_list() == [False]


@pytest.mark.parametrize("known_roles", [True, False])
def test_moves_are_never_ruptures(known_roles: bool) -> None:
    session = flagged(script(*[("C", 0.2, STORY * 2), ("T", 1.2, "Right.")] * 5))
    kinds = set(session["moments"]["kind"])
    assert kinds <= {"therapist_move"}
    if not known_roles:
        unknown = flagged(
            script(*[("C", 0.2, STORY * 2), ("T", 1.2, "Right.")] * 5), known_roles=False
        )
        assert unknown["hits"].is_empty()
