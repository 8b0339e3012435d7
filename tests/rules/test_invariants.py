"""What must hold for every conversation."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, find, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from strategies import (
    Session,
    Utterance,
    book,
    conversations,
    english,
    everything,
    flagged,
    named,
    settings,
    shifted,
    tables_of,
)

from pipeline.core.tables import HITS, MOMENTS, SCHEMAS
from pipeline.rules import RuleBook
from pipeline.rules.explanation.caveats import SMALL_BASELINE

QUICK = examples(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FOUND = examples(QUICK, max_examples=200, phases=[Phase.generate])
TIMES = ("start_ms", "end_ms")
rule_tables = partial(tables_of, features=named())


def moved(frame: pl.DataFrame, by_ms: int) -> pl.DataFrame:
    return frame.with_columns(pl.col(name) + by_ms for name in TIMES)


def counting(hits: pl.DataFrame) -> list[tuple[str, set[int]]]:
    free = hits.filter(pl.col("suppressed_by").is_null())
    return [(rule, set(ids)) for rule, ids in free.select("rule", "item_ids").iter_rows()]


@QUICK
@given(conversations(), st.integers(1, 500))
def test_shifting_shifts_hits_and_moments(said: list[Utterance], steps: int) -> None:
    by_ms = steps * 10
    before, after = flagged(said), flagged(shifted(said, by_ms))
    # A silence before the first word is no part of the talk, but it has a number.
    for name, ids in (("hits", "item_ids"), ("moments", "moment_id")):
        expected = moved(before[name], by_ms).drop(ids)
        assert expected.equals(after[name].drop(ids)), name


@QUICK
@given(conversations())
def test_hits_and_moments_depend_on_no_measure_that_no_rule_names(said: list[Utterance]) -> None:
    found, every = flagged(said), tables_of(said)
    every |= book().flag(every, english(), settings())
    assert all(found[name].equals(every[name]) for name in ("hits", "moments", "set_aside"))


@QUICK
@given(conversations())
def test_renaming_speakers_changes_nothing(said: list[Utterance]) -> None:
    names = {"therapist": "zoe", "client": "adam", "other": "other"}
    before, after = flagged(said), flagged(said, names=names)
    assert before["hits"].equals(after["hits"])
    assert before["moments"].equals(after["moments"])


@pytest.fixture(scope="module")
def tightened(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> list[RuleBook]:
    """The withdrawal rules, each time with one threshold set higher or lower."""
    text = (repository / "configs" / "rules" / "withdrawal.yaml").read_text(encoding="utf-8")
    books = []
    for old, new in (
        ("min_ms: {value: 3000", "min_ms: {value: 4000"),
        ("few_words: {value: 3", "few_words: {value: 1"),
        ("many_words: {value: 12", "many_words: {value: 15"),
        ("late_ms:\n      value: 2000", "late_ms:\n      value: 4000"),
    ):
        assert old in text
        path = tmp_path_factory.mktemp("rules") / "tight.yaml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        chosen = settings().model_copy(update={"rules": (str(path),)})
        books.append(RuleBook.read(chosen, everything(), english()))
    return books


@QUICK
@given(said=conversations(min_size=8))
def test_tightening_a_clause_adds_no_hit(tightened: list[RuleBook], said: list[Utterance]) -> None:
    tables = rule_tables(said)
    loose = counting(book().hits(tables, english()))
    for tight in tightened:
        for rule, ids in counting(tight.hits(tables, english())):
            assert any(rule == other and ids <= before for other, before in loose)


@QUICK
@given(conversations(min_size=4))
def test_null_never_flags(said: list[Utterance]) -> None:
    tables = nothing_measured(rule_tables(said))
    assert book().hits(tables, english()).filter(pl.col("suppressed_by").is_null()).is_empty()


def nothing_measured(tables: Session) -> Session:
    """Everything that may be null is null."""
    empty = {
        "turns": ("text", "n_words", "is_backchannel", "latency_ms"),
        "silences": ("before_role", "before_speaker", "after_role", "after_speaker"),
        "measures": ("value", "z", "pct"),
    }
    return tables | {
        name: SCHEMAS[name].conform(
            tables[name].with_columns(pl.lit(None).alias(column) for column in columns)
        )
        for name, columns in empty.items()
    }


@QUICK
@given(conversations(worded=False))
def test_without_words_only_timing_speaks(said: list[Utterance]) -> None:
    session = flagged(said)
    needs = {compiled.rule.id: compiled.rule.needs for compiled in book().rules}
    assert all(needs[rule] == ("timing",) for rule in session["hits"]["rule"])
    assert session["moments"]["response"].null_count() == session["moments"].height


@QUICK
@given(conversations(min_size=0, max_size=6))
def test_tables_conform_whatever_was_said(said: list[Utterance]) -> None:
    if not said:
        return
    session = flagged(said)
    HITS.conform(session["hits"])
    MOMENTS.conform(session["moments"])
    ids = session["hits"]["hit_id"].to_list()
    for moment in session["moments"].iter_rows(named=True):
        assert moment["primary_hits"]
        assert set(moment["primary_hits"] + moment["supporting_hits"]) <= set(ids)
        assert 0 < moment["score"] < 1


def test_the_drawn_conversations_are_not_all_harmless() -> None:
    def moments(said: list[Utterance]) -> bool:
        return set(flagged(said)["moments"]["kind"]) == {"withdrawal", "confrontation"}

    assert find(conversations(min_size=20), moments, settings=FOUND)


@QUICK
@given(
    st.lists(conversations(max_size=15), min_size=1, max_size=4),
    st.sets(st.sampled_from(("timing", "words"))),
    st.booleans(),
)
def test_many_sessions_in_one_go_are_flagged_as_one_by_one(
    several: list[list[Utterance]], lacking: set[str], unknown: bool
) -> None:
    # The first lacks what others have: rules abstain in it, or nobody knows who is who.
    first, *others = several
    sessions = [rule_tables(first, disabled=sorted(lacking), known_roles=not unknown)]
    sessions += [rule_tables(said) for said in others]
    together = book().flag_all(sessions, english(), settings())
    bare = book().flag_all(sessions, english(), settings(), explained=False)
    for tables, found, told in zip(sessions, together, bare, strict=True):
        alone = book().flag(tables, english(), settings())
        assert all(found[name].equals(alone[name]) for name in ("hits", "moments", "set_aside"))
        assert all(found[name].equals(told[name]) for name in ("moments", "set_aside"))
        assert told["hits"]["clauses"].list.len().sum() == 0
        for hits in (found["hits"], told["hits"]):
            hits.replace_column(
                hits.get_column_index("suppressed_by"), hits["suppressed_by"].is_null()
            )
        assert (
            found["hits"].drop("clauses", "params").equals(told["hits"].drop("clauses", "params"))
        )


@QUICK
@given(conversations(min_size=12))
def test_a_small_baseline_is_told_where_a_clause_was_set_aside(said: list[Utterance]) -> None:
    found = flagged(said)
    aside = {
        hit["hit_id"]
        for hit in found["hits"].to_dicts()
        if any(clause["set_aside"] for clause in hit["clauses"])
    }
    for moment in found["moments"].to_dicts():
        own = {*moment["primary_hits"], *moment["supporting_hits"]}
        assert (SMALL_BASELINE in moment["caveats"]) is bool(own & aside)


@QUICK
@given(conversations(min_size=8))
def test_a_value_that_is_missing_adds_no_hit(said: list[Utterance]) -> None:
    # A guard that cannot be asked takes nothing back, and who is next depends on what is known.
    rules = (replace(each, unless=()) for each in book().rules if each.among is None)
    plain = replace(book(), rules=tuple(rules))
    tables = rule_tables(said)
    missing = pl.when(pl.col("item_id") % 2 == 0).then("value").alias("value")
    fewer = {**tables, "measures": tables["measures"].with_columns(missing, z=None, pct=None)}
    before = counting(plain.hits(tables, english()))
    for rule, ids in counting(plain.hits(fewer, english())):
        assert any(rule == other and ids <= own for other, own in before)
