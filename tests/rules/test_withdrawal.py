"""Withdrawal by words and over stretches of time: each rule found, guarded, and silent on null."""

from dataclasses import replace

import polars as pl
import pytest
from strategies import (
    Session,
    Utterance,
    book,
    english,
    flagged,
    script,
    settings,
    tables_of,
    taken_back_by,
)

TALK = ("C", 0.3, "I went to the market and bought some apples and some bread for the week.")
OPENS = "So what was it like for you to come home to all of that on Sunday?"
INSISTS = "You really need to stop this, it is very bad for your heart."
ADVISES = "Maybe you could talk to your landlord about the heating first."
EXCEPTION = "lexicon-exception"
REFLECTS = "So the flat has been cold for some weeks and nobody came to look at it."


def found(session: Session, kind: str = "withdrawal") -> list[str]:
    hits = session["hits"].filter(pl.col("suppressed_by").is_null(), pl.col("kind") == kind)
    return sorted(set(hits["rule"]))


def markers(session: Session) -> set[str]:
    return set(session["moments"].filter(pl.col("kind") == "withdrawal")["marker"])


def answered(asks: str, says: str) -> Session:
    return flagged(
        script(
            TALK, ("T", 0.3, asks), ("C", 0.4, says), ("T", 0.4, "So it goes on from there."), TALK
        )
    )


@pytest.mark.parametrize(
    ("asks", "says", "rule", "marker"),
    [
        (REFLECTS, "Well, it's really not a big deal.", "denial", "W1"),
        (REFLECTS, "There is nothing to talk about.", "denial", "W1"),
        ("I wonder about the smell of smoke.", "I don't smoke cigarettes.", "denial", "W1"),
        (REFLECTS, "Yeah, whatever.", "dismissal", "W2"),
        (OPENS, "Nothing special.", "short-answer", "W2"),
        (REFLECTS, "I'd rather not say more about him.", "way-out", "W4"),
        (REFLECTS, "Look, I'm in a bit of a hurry today.", "way-out", "W4"),
        ("It sounds as if you felt lonely.", "By the way, we sold the car.", "topic-leap", "W4"),
        (INSISTS, "Well, I'll think about it.", "giving-way", "W5"),
        (INSISTS, "Okay. You're right.", "giving-way", "W5"),
        (ADVISES, "I'm a lost cause, honestly.", "hopeless-here", "W7"),
        (REFLECTS, "I can't do these exercises right, I'm such an idiot.", "hopeless-here", "W7"),
    ],
)
def test_words_of_withdrawal(asks: str, says: str, rule: str, marker: str) -> None:
    session = answered(asks, says)
    assert rule in found(session)
    assert markers(session) == {marker}
    (hit,) = session["hits"].filter(pl.col("rule") == rule).to_dicts()
    assert any("\u201c" in clause["text"] for clause in hit["clauses"])
    assert not any("\u2026" in clause["text"] for clause in hit["clauses"])


@pytest.mark.parametrize(
    ("asks", "says", "rule", "guard"),
    [
        (REFLECTS, "I told him it's really not a big deal.", "denial", EXCEPTION),
        ("So how have you been since last week?", "I'm fine.", "denial", "opening-or-closing"),
        (OPENS + " Did you sleep?", "Not really.", "short-answer", "closed-question"),
        (
            "Is there anything else you wanted to say or ask?",
            "Not really.",
            "short-answer",
            "closed-question",
        ),
        (REFLECTS, "He said whatever.", "dismissal", ""),
        (REFLECTS, "I told my sister I'd rather not say.", "way-out", EXCEPTION),
        ("We have to stop there for today.", "I have to get going.", "way-out", "closing"),
        (
            "It sounds as if you felt lonely.",
            "By the way, I cried when I got home.",
            "topic-leap",
            "stays-with-feelings",
        ),
        ("How do you see it?", "I guess it was a Tuesday.", "giving-way", ""),
        ("You don't have to decide today.", "I'll think about it.", "giving-way", ""),
        ("It sounds like you have to do it all.", "You're right.", "giving-way", ""),
        (REFLECTS, "I'm afraid nothing will help my knee.", "hopeless-here", ""),
        (REFLECTS, "She left, and I'm a failure.", "hopeless-here", ""),
        (REFLECTS, "Mm-hm, okay.", "short-answer", ""),
    ],
)
def test_what_is_no_withdrawal(asks: str, says: str, rule: str, guard: str) -> None:
    session = answered(asks, says)
    assert set(found(session)) <= {"defers-unurged"}, "which only supports"
    assert session["moments"].filter(pl.col("kind") == "withdrawal").is_empty()
    assert taken_back_by(session, rule) == ({guard} if guard else set())


def test_a_second_curt_answer_adds_evidence() -> None:
    said = script(
        TALK,
        ("T", 0.3, OPENS),
        ("C", 0.4, "I don't know."),
        ("T", 0.4, "Could you say a little more about how that evening went?"),
        ("C", 0.4, "Not really."),
        ("T", 0.4, "Then let us leave it there."),
        TALK,
    )
    session = flagged(said)
    assert {"curt-answers", "short-answer"} <= set(found(session))
    (moment,) = session["moments"].to_dicts()
    (alone,) = answered(OPENS, "I don't know.")["moments"].to_dicts()
    assert moment["score"] > alone["score"]


def test_giving_way_needs_advice_or_urging_to_make_a_moment() -> None:
    assert found(answered(ADVISES, "I guess I could.")) == ["deferring"]
    unurged = answered(REFLECTS, "I guess I could.")
    assert found(unurged) == ["defers-unurged"]
    assert unurged["moments"].is_empty()


def test_assent_while_the_therapist_insists_again_and_again() -> None:
    lines = [("T", 0.3, INSISTS), ("C", 0.3, "Okay.")]
    often = script(TALK, *lines * 3, ("T", 0.3, "Good."), *[TALK] * 6)
    assert "bare-assent" in found(flagged(often))
    twice = script(TALK, *lines * 2, ("T", 0.3, "Good."), *[TALK] * 6)
    assert "bare-assent" not in found(flagged(twice))
    lines = [("T", 0.3, REFLECTS), ("C", 0.3, "Okay.")] * 4
    assert found(flagged(script(TALK, *lines, ("T", 0.3, "Good."), TALK))) == []


PEOPLE = "People don't talk about it, people just get on with their work and people are tired. "
SHE = "She took the bus and he drove, and then they met her sister and he paid for all of them. "
MINE = "I was sad about my job, and I felt so lonely that I cried in my kitchen, and I hate it. "


def told(long: str, asks: str = "And then?", times: int = 8, word_ms: int = 300) -> Session:
    said = script(
        *[("C", 0.5, MINE * 3), ("T", 0.4, "I see how it was.")] * times,
        ("T", 0.4, asks),
        ("C", 0.4, long),
        ("T", 0.4, "I see how it was."),
    )
    last = said[-2]
    slow = replace(last, end_ms=last.start_ms + word_ms * len(long.split()))
    after = replace(said[-1], start_ms=slow.end_ms + 400, end_ms=slow.end_ms + 2_000)
    return flagged([*said[:-2], slow, after])


def test_talk_of_people_in_general() -> None:
    session = told(PEOPLE * 5)
    assert found(session) == ["abstract-talk"]
    assert markers(session) == {"W3"}
    assert found(told(PEOPLE * 3)) == [], "fewer than 60 words"
    asked = told(PEOPLE * 5, asks="People often keep such things to themselves.")
    assert found(asked) == []
    assert taken_back_by(asked, "abstract-talk") == {"therapist-spoke-generally"}


@pytest.mark.parametrize(
    ("asks", "says", "flags"),
    [
        ("And how did you feel, when you saw it?", PEOPLE * 5, True),
        ("And what did you do, when you saw it?", PEOPLE * 5, False),
        ("And how did you feel, when you saw it?", "I was sad. " + PEOPLE * 5, False),
        ("And how did you feel, when you saw it?", SHE * 5, False),
    ],
)
def test_general_talk_of_a_client_who_hardly_names_feelings(
    asks: str, says: str, *, flags: bool
) -> None:
    # So little is said that neither feelings nor general words have a usual number.
    session = answered(asks, says)
    assert ("abstract-talk" in found(session)) == flags


def test_long_stories_about_others() -> None:
    session = told(SHE * 16)
    assert found(session) == ["storytelling"]
    assert markers(session) == {"W4"}
    assert found(told(SHE * 14)) == [], "shorter than 90 s"
    asked = told(SHE * 16, asks="What did she do?")
    assert found(asked) == []
    assert taken_back_by(asked, "storytelling") == {"story-asked-for"}


def test_without_words_nothing_of_this_is_said() -> None:
    said = script(TALK, ("T", 0.3, INSISTS), ("C", 0.4, "I'll think about it."), ("T", 1, REFLECTS))
    silent = [replace(each, text=None) for each in said]
    assert found(flagged(silent)) == []
    assert found(flagged(said, disabled=["words"])) == []
    assert found(flagged(said, known_roles=False)) == []
    assert found(flagged(said)) == ["deferring", "giving-way"]


def test_a_quiet_voice_may_lie_in_a_silence() -> None:
    said = script(
        TALK, ("T", 0.3, "What happened then?"), ("T", 5.5, "Well."), ("C", 0.4, "Hm."), TALK
    )
    tables = tables_of(said)
    assert found(tables | book().flag(tables, english(), settings())) == ["silence-after-question"]
    tables["silences"] = tables["silences"].with_columns(missed_speech_risk=pl.lit(value=True))
    session = tables | book().flag(tables, english(), settings())
    assert found(session) == []
    assert taken_back_by(session, "silence-after-question") == {"missed-speech"}


def slow_minutes() -> list[Utterance]:
    lines = [("C", 2.5, TALK[2]), ("T", 0.3, REFLECTS)] * 36
    silent = [("T", 3.5, "It goes on."), ("T", 4.0, "Well, it does."), ("C", 2.5, "Yes it is so.")]
    return script(*lines, *silent, ("T", 0.4, "Let us see."), *lines[:20])


def test_silences_and_late_answers_of_some_minutes_support() -> None:
    session = flagged(slow_minutes())
    hits = session["hits"].filter(pl.col("rule").is_in(["slower-answers"]))
    assert set(hits["primary"]) == {False}
    (moment,) = session["moments"].filter(pl.col("kind") == "withdrawal").to_dicts()
    assert set(hits["hit_id"]) & set(moment["supporting_hits"])


def with_voice(feature: str, usual: float, last: float) -> Session:
    """Forty minutes of the client's speech of which the last sounds otherwise."""
    said = [
        Utterance(role, minute * 60_000 + start, minute * 60_000 + end, text)
        for minute in range(40)
        for role, start, end, text in (
            ("client", 0, 40_000, MINE),
            ("therapist", 41_000, 43_000, "I see how it was."),
        )
    ]
    tables = tables_of(said)
    minutes = tables["measures"].filter(
        pl.col("item") == "window_60s", pl.col("feature") == "pause_share"
    )
    odd = pl.col("item_id") == pl.col("item_id").max()
    value = pl.when(odd).then(last).otherwise(usual)
    z = pl.when(odd).then(4.0 * ((last > usual) - (last < usual))).otherwise(0.0)
    voice = minutes.with_columns(
        feature=pl.lit(feature), value=value, z=z, n_baseline=pl.lit(40, dtype=pl.Int64)
    ).cast(tables["measures"].schema)
    if feature == "articulation_rate":
        paused = voice.with_columns(feature=pl.lit("pause_share"), z=-pl.col("z"))
        voice = pl.concat([voice, paused])
    kept = tables["measures"].join(
        voice.select("item", "feature"), on=["item", "feature"], how="anti"
    )
    tables["measures"] = pl.concat([kept, voice])
    return tables | book().flag(tables, english(), settings())


@pytest.mark.parametrize(
    ("feature", "usual", "last", "rule"),
    [
        ("articulation_rate", 4.5, 2.9, "slower-speech-more-pauses"),
        ("f0_span_st", 5.0, 11.0, "pitch-span-unusual"),
        ("f0_span_st", 5.0, 1.0, "pitch-span-unusual"),
    ],
)
def test_the_voice_only_supports(feature: str, usual: float, last: float, rule: str) -> None:
    session = with_voice(feature, usual, last)
    hits = session["hits"].filter(pl.col("rule") == rule)
    assert hits["primary"].to_list() == [False]
    assert session["moments"].is_empty()
    assert with_voice(feature, usual, usual)["hits"].filter(pl.col("rule") == rule).is_empty()


def test_faster_speech_supports_no_withdrawal() -> None:
    hits = with_voice("articulation_rate", 4.5, 6.0)["hits"]
    assert hits.filter(pl.col("rule") == "slower-speech-more-pauses").is_empty()
