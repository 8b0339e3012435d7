"""Each built-in rule and guard against a scripted conversation."""

import json
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
    tables_of,
    taken_back_by,
)

ASKS = "So what was it like for you when you heard all of this from her?"
ASKS_TOO = "And I wonder what comes up for you when you think about it now, in this moment?"
INVITES = "Could you perhaps say a little bit more about how that evening went for you?"
LONG = "I was thinking about it the whole week and I could not sleep and then on Sunday " * 2
TALK = ("C", 0.3, "I went to the market and bought some apples and some bread for the week.")


def rules_of(session: Session, *, suppressed: bool = False) -> list[str]:
    hits = session["hits"].filter(pl.col("suppressed_by").is_not_null() == suppressed)
    return sorted(set(hits["rule"]))


def silences(after: tuple[str, float, str], *, first: str = "It sounds hard.") -> list[Utterance]:
    return script(
        TALK,
        ("T", 0.3, first),
        ("T", 3.5, "I see that it is not easy today."),
        ("T", 4.0, "We have time."),
        after,
        ("T", 0.4, "All right."),
    )


def test_two_silences_between_therapist_turns() -> None:
    session = flagged(silences(("C", 0.4, "Yes.")))
    assert "silence-between-therapist-turns" in rules_of(session)
    (moment,) = session["moments"].to_dicts()
    assert (moment["kind"], moment["marker"]) == ("withdrawal", "W2")


def test_evidence_holds_values_conditions_and_sources() -> None:
    session = flagged(silences(("C", 0.4, "Yes.")))
    hit = (
        session["hits"]
        .filter(pl.col("rule") == "silence-between-therapist-turns")
        .row(0, named=True)
    )
    texts = [clause["text"] for clause in hit["clauses"]]
    assert "after 3.5 s of silence" in texts
    assert "after 4.0 s of silence" in texts
    fixed = next(c for c in hit["clauses"] if c["condition"] == "length_ms >= 3000")
    assert fixed["held"] is True
    assert json.loads(fixed["observed"]) == {"length_ms": 3500}
    assert fixed["params"] == ["min_ms"]
    aside = next(c for c in hit["clauses"] if "length_ms_pct" in c["condition"])
    assert aside["held"] is None
    assert aside["set_aside"].startswith("small baseline")
    n_baseline = json.loads(aside["observed"])["length_ms_n"]
    assert aside["set_aside"].startswith(f"small baseline: {n_baseline} values")
    assert "PICS" in json.loads(hit["params"])["min_ms"]["source"]
    assert (
        hit["item_ids"]
        == session["silences"]
        .filter(pl.col("length_ms") >= 3500, pl.col("kind") == "lapse")["silence_id"]
        .to_list()
    )


def test_one_silence_is_not_enough() -> None:
    said = script(TALK, ("T", 0.3, "It sounds hard."), ("T", 4, "I see."), ("C", 0.4, "Yes."))
    assert rules_of(flagged(said)) == []


def test_silences_far_apart_are_not_enough() -> None:
    said = silences(("C", 0.4, "Yes."))
    late = [
        replace(each, start_ms=each.start_ms + 130_000, end_ms=each.end_ms + 130_000)
        for each in said[3:]
    ]
    between = [
        Utterance("therapist", said[2].end_ms + 500, said[3].start_ms + 129_000, "Well. " * 100)
    ]
    assert "silence-between-therapist-turns" not in rules_of(flagged([*said[:3], *between, *late]))


def test_a_silence_before_the_client_is_no_such_silence() -> None:
    said = script(TALK, ("T", 0.3, "Hm."), ("C", 4, "Well."), ("T", 0.3, "So."), ("C", 4, "No."))
    assert "silence-between-therapist-turns" not in rules_of(flagged(said))


def test_a_guided_exercise_is_no_withdrawal() -> None:
    said = script(
        TALK,
        ("T", 0.3, "Close your eyes, and breathe in slowly."),
        ("T", 4.5, "Notice what your shoulders are doing."),
        ("T", 5.5, "And let your breath go."),
        ("T", 6.0, "When you are ready, open your eyes."),
        ("C", 0.4, "Okay."),
    )
    session = flagged(said)
    assert rules_of(session) == []
    assert taken_back_by(session, "silence-between-therapist-turns") == {"exercise"}
    assert session["moments"].is_empty()


def test_a_productive_silence_is_no_withdrawal() -> None:
    session = flagged(silences(("C", 0.4, LONG)))
    assert rules_of(session) == []
    assert taken_back_by(session, "silence-between-therapist-turns") == {"thinking"}


def test_words_that_answer_a_therapist_who_named_it_are_no_productive_silence() -> None:
    said = script(
        TALK,
        ("T", 0.3, "It sounds hard."),
        ("T", 3.5, "Take your time."),
        ("T", 4.0, "I notice you've gone quiet. Did I say something wrong?"),
        ("C", 0.4, LONG),
    )
    assert "silence-between-therapist-turns" in rules_of(flagged(said))


def test_a_long_silence_after_a_question() -> None:
    said = script(TALK, ("T", 0.3, "What happened then?"), ("T", 5.5, "Well."), ("C", 0.4, "Hm."))
    assert rules_of(flagged(said)) == ["silence-after-question"]
    said[1] = replace(said[1], text="It rained all night.")
    assert rules_of(flagged(said)) == []


@pytest.mark.parametrize("length_s", [4.9, 3.1])
def test_a_shorter_silence_after_a_question(length_s: float) -> None:
    said = script(TALK, ("T", 0.3, "What happened?"), ("T", length_s, "Well."), ("C", 0.4, "Hm."))
    assert rules_of(flagged(said)) == []


def test_a_question_answered_at_length_after_a_silence() -> None:
    said = script(TALK, ("T", 0.3, "What was it?"), ("T", 5.5, "Take your time."), ("C", 1, LONG))
    session = flagged(said)
    assert rules_of(session) == []
    assert taken_back_by(session, "silence-after-question") == {"thinking"}


def replies(first: str, second: str, *, asks: str = ASKS, gap_s: float = 2.5) -> list[Utterance]:
    return script(
        ("C", 0, LONG),
        ("T", 0.2, "Okay, I see what you mean there."),
        ("C", 0.2, LONG),
        ("T", 0.2, asks),
        ("C", gap_s, first),
        ("T", 0.5, asks if asks != ASKS else ASKS_TOO),
        ("C", gap_s, second),
        ("T", 0.5, "Then we leave it for now."),
        ("C", 0.2, LONG),
    )


def test_two_minimal_responses() -> None:
    session = flagged(replies("Fine.", "Don't know."))
    assert "minimal-response" in rules_of(session)
    (hit,) = session["hits"].filter(pl.col("rule") == "minimal-response").to_dicts()
    texts = " ".join(clause["text"] for clause in hit["clauses"])
    assert "after 2.5 s, late for this client" in texts
    assert "so that the therapist had to ask again" in texts
    late = [c for c in hit["clauses"] if "latency_ms" in c["condition"]]
    assert all("fixed threshold" in clause["set_aside"] for clause in late)


def test_invitations_count_as_open_questions() -> None:
    assert "minimal-response" in rules_of(flagged(replies("Fine.", "Not really.", asks=INVITES)))


def test_an_acknowledgement_that_is_the_answer_counts() -> None:
    assert "minimal-response" in rules_of(flagged(replies("Mm.", "Okay.")))


def test_one_minimal_response_is_not_enough() -> None:
    assert "minimal-response" not in rules_of(flagged(replies("Fine.", LONG)))


def test_longer_replies_are_not_minimal() -> None:
    said = replies("It was rather hard.", "I did not know.")
    assert "minimal-response" not in rules_of(flagged(said))


def test_short_questions_ask_for_short_answers() -> None:
    assert "minimal-response" not in rules_of(flagged(replies("Fine.", "No.", asks="How was it?")))


def test_quick_replies_with_no_second_question_are_not_flagged() -> None:
    said = replies("Fine.", "Nothing.", gap_s=0.3)
    assert "minimal-response" not in rules_of(flagged(said))


def test_acknowledgements_of_what_is_told_are_not_minimal_responses() -> None:
    tells = "It is a matter of practice, and most people find that it takes them a few weeks."
    assert "minimal-response" not in rules_of(flagged(replies("Okay.", "Right.", asks=tells)))


def test_yes_and_no_answer_a_closed_question() -> None:
    asks = "I wonder how the nights are, I really do. Did you sleep on Sunday?"
    session = flagged(replies("Yes.", "No.", asks=asks))
    assert "minimal-response" not in rules_of(session)
    assert taken_back_by(session, "minimal-response") == {"closed-question"}


def test_a_client_who_is_always_terse_is_not_flagged() -> None:
    lines = [("T", 0.5, "Was it on Monday?"), ("C", 0.3, "Tuesday.")] * 34
    said = script(*lines, *[("T", 0.5, ASKS), ("C", 3, "Fine."), ("T", 0.5, ASKS), ("C", 3, "Hm.")])
    said += [
        replace(s, start_ms=s.start_ms + said[-1].end_ms, end_ms=s.end_ms + said[-1].end_ms)
        for s in script(("T", 1, "Good. " * 300), ("C", 1, "It was."))
    ]
    session = flagged(said)
    assert "minimal-response" not in rules_of(session)
    assert taken_back_by(session, "minimal-response") == {"terse-client"}


@pytest.mark.parametrize(
    ("text", "rule", "marker"),
    [
        ("Honestly, you never really listen to me.", "complaint-about-therapist", "C1"),
        ("I don't see how these exercises are helping.", "complaint-about-task", "C3"),
        ("I feel like we're just going in circles.", "complaint-about-progress", "C5"),
    ],
)
def test_complaints(text: str, rule: str, marker: str) -> None:
    session = flagged(script(TALK, ("T", 0.3, "How are things?"), ("C", 0.4, text)))
    (moment,) = session["moments"].to_dicts()
    assert (moment["kind"], moment["marker"]) == ("confrontation", marker)
    (hit,) = session["hits"].filter("primary").to_dicts()
    assert hit["rule"] == rule
    assert any("\u201c" in clause["text"] for clause in hit["clauses"])
    assert not any("\u2026" in clause["text"] for clause in hit["clauses"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("My wife keeps saying you never listen to me.", "tells what somebody said"),
        ("When you're a kid you don't understand what it's like.", "a generic you"),
        ("I'm not saying you don't listen.", "denied"),
        ("You're so mean, you never listen to me. Just kidding.", "joke"),
        ("My last therapist was cold, you don't know what it's like.", "another therapist"),
        ("The group therapy was a waste of time.", "another treatment"),
        ("At first I thought this was a waste of time.", "the past"),
    ],
)
def test_guards_of_complaints(text: str, reason: str) -> None:
    session = flagged(script(TALK, ("T", 0.3, "How are things?"), ("C", 0.4, text)))
    hits = session["hits"].filter("primary")
    assert not hits.is_empty()
    assert all(reason in (because or "") for because in hits["suppressed_by"])
    texts = [clause["text"] for clauses in hits["clauses"] for clause in clauses]
    assert not any("\u2026" in each for each in texts), "what was refused is quoted, too"
    assert session["moments"].is_empty()


def test_the_therapist_complains_of_nobody() -> None:
    session = flagged(script(TALK, ("T", 0.3, "You never listen to me."), TALK))
    assert session["hits"].is_empty()


def test_one_real_complaint_among_refused_ones_counts() -> None:
    text = "My wife said you never listen to me. And you don't even care."
    assert rules_of(flagged(script(TALK, ("C", 0.4, text)))) == ["complaint-about-therapist"]


def test_unknown_roles_never_flag() -> None:
    said = silences(("C", 0.4, "You never listen to me."))
    assert not flagged(said)["hits"].is_empty()
    assert flagged(said, known_roles=False)["hits"].is_empty()


def test_rules_that_need_words_abstain_without_them() -> None:
    said = [replace(each, text=None) for each in silences(("C", 0.4, "Yes."))]
    session = flagged(said)
    assert rules_of(session) == ["silence-between-therapist-turns"]
    (moment,) = session["moments"].to_dicts()
    assert moment["response"] is None
    assert any("Exceptions based on words" in caveat for caveat in moment["caveats"])


def test_rules_abstain_where_quality_disabled_what_they_need() -> None:
    said = silences(("C", 0.4, "You never listen to me."))
    session = flagged(said, disabled=["timing"])
    assert rules_of(session) == ["complaint-about-therapist"]
    session = flagged(said, disabled=["timing", "words"])
    assert session["hits"].is_empty()


def test_abstentions_are_listed() -> None:
    tables = tables_of(silences(("C", 0.4, "Yes.")), disabled=["words"])
    told = book().abstentions(tables)
    whole = {each.rule for each in told if not each.guards_only}
    assert "complaint-about-therapist" in whole
    assert "silence-between-therapist-turns" not in whole
    partly = {each.rule for each in told if each.guards_only}
    assert partly == {"silence-between-therapist-turns"}
    assert {each.because for each in told} == {"noise"}


def test_each_match_is_quoted_on_its_own() -> None:
    text = "You never listen to me, my week was fine, and you have no idea what it is like."
    hits = book().hits(tables_of(script(TALK, ("C", 0.4, text))), english())
    complaint = hits.filter(pl.col("rule") == "complaint-about-therapist").row(0, named=True)
    quotes = complaint["clauses"][1]["text"]
    assert quotes.startswith("\u201cYou never listen")
    assert "\u201d, \u201cyou have no idea" in quotes


def test_without_lexicons_nothing_is_quoted() -> None:
    tables = tables_of(script(TALK, ("C", 0.4, "You never listen to me.")))
    quoting, silent = book().hits(tables, english()), book().hits(tables)
    assert quoting["rule"].to_list() == silent["rule"].to_list()
    assert [clause["text"] for clause in silent["clauses"][0]] == [
        "the client said",
        "\u201c\u2026\u201d",
    ]


def early(*gaps_s: float, asks: str = "So I think you were angry.") -> list[Utterance]:
    lines = [TALK]
    for gap_s in gaps_s:
        lines += [("T", 0.4, asks), ("C", gap_s, "No, that is not it at all.")]
    return script(*lines)


def test_a_no_that_comes_early_again_and_again_supports() -> None:
    session = flagged(early(0.1, 0.1))
    assert "early-no" in rules_of(session)
    assert session["moments"].is_empty(), "supporting hits make no moment"
    assert "early-no" in rules_of(flagged(early(-0.3, 0.8, -0.3)))


def test_a_no_that_comes_in_its_time_does_not() -> None:
    assert "early-no" not in rules_of(flagged(early(0.5, 0.5)))
    assert "early-no" not in rules_of(flagged(early(0.1)))


def test_no_answers_a_closed_question() -> None:
    session = flagged(early(0.1, 0.1, asks="Were you angry?"))
    assert rules_of(session) == []
    assert taken_back_by(session, "early-no") == {"no-answers-it"}


def test_late_answers_support() -> None:
    said = script(TALK, *[("T", 0.3, "It rained."), ("C", 2.5, "I went home on foot then.")] * 2)
    session = flagged(said)
    assert rules_of(session) == ["late-answers"]
    assert session["moments"].is_empty()
