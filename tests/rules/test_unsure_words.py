"""Main signs in words that were hardly recognised are weak ones."""

import json
from functools import cache

import polars as pl
import pytest
from strategies import Session, book, english, named, script, settings, tables_of

from pipeline.rules.detection.hit import Hit
from pipeline.rules.detection.unsure_words import weakened

LEAST = settings().moments.min_word_confidence


@cache
def told_off() -> Session:
    """The client criticises the therapist, which is a main sign of words alone."""
    return tables_of(
        script(
            ("T", 0.0, "What came up for you this week?"),
            ("C", 0.4, "This is a waste of time. You are not listening to me."),
            ("T", 0.4, "Tell me more about that."),
        ),
        features=named(),
    )


def with_confidence(confidence: float | None) -> Session:
    tables = told_off()
    sure = pl.lit(confidence, pl.Float32).alias("confidence")
    return {**tables, "words": tables["words"].with_columns(sure)}


def flagged(confidence: float | None, *, explained: bool = True) -> dict[str, pl.DataFrame]:
    tables = with_confidence(confidence)
    return book().flag_all([tables], english(), settings(), explained=explained)[0]


@pytest.mark.parametrize("confidence", [None, LEAST, 1.0])
def test_words_that_were_recognised_flag(confidence: float | None) -> None:
    found = flagged(confidence)
    assert found["moments"].height == 1
    assert found["hits"].equals(flagged(None)["hits"])


@pytest.mark.parametrize("explained", [True, False])
def test_words_that_were_hardly_recognised_are_weak_signs(*, explained: bool) -> None:
    sure, unsure = (flagged(confidence, explained=explained) for confidence in (1.0, LEAST - 0.01))
    assert unsure["moments"].is_empty()
    assert sure["hits"]["primary"].any()
    assert not unsure["hits"]["primary"].any()
    same = [name for name in sure["hits"].columns if name not in {"primary", "clauses"}]
    assert unsure["hits"].select(same).equals(sure["hits"].select(same))
    weak = unsure["hits"].filter(sure["hits"]["primary"])
    for clauses in weak["clauses"].to_list():
        if explained:
            assert clauses[-1]["text"].startswith("The words were recognised with a confidence of")
            assert json.loads(clauses[-1]["observed"]) == {
                "word_confidence": pytest.approx(LEAST - 0.01, abs=0.001)
            }
        else:
            assert clauses == []


def hit(**other: object) -> Hit:
    told = {"hit_id": 0, "rule": "a", "kind": "withdrawal", "marker": "W2", "primary": True}
    told |= {"weight": 0.6, "item": "turn", "item_ids": [1], "start_ms": 0, "end_ms": 9_000}
    told |= {"clauses": [], "params": "{}", "suppressed_by": None, "small_baseline": False}
    return Hit(**{**told, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "still"),
    [
        (hit(), False),
        (hit(item_ids=[0, 1]), False),  # one of its turns is enough: without it there is no hit
        (hit(item_ids=[0]), True),
        (hit(rule="of-timing"), True),
        (hit(item="silence"), True),  # that it was silent, no word says
    ],
)
def test_what_rests_on_other_turns_or_other_measures_stays(one: Hit, *, still: bool) -> None:
    tables = told_off()
    client = tables["turns"].filter(pl.col("turn_id") == 1)["speaker"].item()
    sure = pl.when(pl.col("speaker") == client).then(0.1).otherwise(0.9).cast(pl.Float32)
    words = tables["words"].with_columns(confidence=sure)
    (found,) = weakened([one], {**tables, "words": words}, {"a"}, LEAST)
    assert found.primary is still
