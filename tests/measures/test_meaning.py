"""Meaning beside prototypes and questions: a scripted encoder and a real one."""

from collections.abc import Iterable

import polars as pl
import pytest
from sentence_vectors import encoder
from strategies import Annotations, english, script, settings, tables_of

from pipeline import lexicons, measures
from pipeline.core.tables import MEANING, Tables
from pipeline.engines.scripted import ScriptedEncoder
from pipeline.lexicons import Prototypes
from pipeline.lexicons.entry import Likeness
from pipeline.measures import meaning, wording
from pipeline.measures.feature import Feature

OWN = settings().meaning
ASKS = "What was it like for you at home?"
NO = "I will not do that."
SETS = {
    "refusing": Prototypes(
        id="refusing",
        means="no",
        like=("No, never in my life.", "That is out of the question."),
        unlike=("He will not do that.",),
        examples=Likeness(near=("No.",), far=("Yes.",)),
    )
}


def compared(said: list[Annotations], *groups: tuple[str, ...]) -> pl.DataFrame:
    """Columns speaker, beside and similarity, in order of time."""
    made = meaning.compare(tables_of(said)["turns"], SETS, ScriptedEncoder(groups), OWN)
    assert made.equals(MEANING.conform(made))
    return made


def turns_of(*rows: tuple[str, str, bool]) -> pl.DataFrame:
    """The columns of `turns` that are read: speaker, text, whether it is a backchannel."""
    schema = {"speaker": pl.String, "text": pl.String, "is_backchannel": pl.Boolean}
    start_ms = pl.col("turn_id").cast(pl.Int64) * 3000
    numbered = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("turn_id")
    return numbered.with_columns(start_ms=start_ms, end_ms=start_ms + 2000)


def near(made: pl.DataFrame, beside: str) -> list[float | None]:
    return made.filter(pl.col("beside") == beside).sort("start_ms")["similarity"].to_list()


def test_a_turn_is_as_near_to_a_set_as_its_nearest_sentence() -> None:
    said = script(("T", 0, ASKS), ("C", 0.3, f"We had tea and cake. {NO} It rained a lot."))
    assert near(compared(said, (NO, "That is out of the question.")), "refusing") == [0, 1]


def test_a_sentence_nearer_to_a_counter_sentence_does_not_count() -> None:
    said = script(("T", 0, ASKS), ("C", 0.3, NO))
    everything = (NO, "No, never in my life.", "He will not do that.")
    assert near(compared(said, everything), "refusing") == [0, 0]
    assert near(compared(said, everything[:2]), "refusing") == [0, 1]


def test_too_few_words_are_not_compared() -> None:
    said = script(("T", 0, ASKS), ("C", 0.3, "Never ever."), ("T", 0.3, ASKS))
    made = compared(said, ("Never ever.", "No, never in my life."))
    assert near(made, "refusing") == [0, None, 0]
    assert near(made, meaning.ANSWERED) == [None, None, None]


def test_an_answer_is_compared_with_all_that_the_other_said_last() -> None:
    turns = turns_of(
        ("therapist", "How are you today?", False),
        ("client", "Mm-hm, all right, yes.", True),
        ("therapist", "And your son, how is he?", False),
        ("client", "He is well, thank you.", False),
        ("client", "And he sleeps at last.", False),
    )
    asked = "How are you today? And your son, how is he?"
    alike = ScriptedEncoder([(asked, *turns["text"][1:2], *turns["text"][3:])])
    made = meaning.compare(turns, SETS, alike, OWN)
    assert near(made, meaning.ANSWERED) == [None, None, None, 1, 1]


def test_of_what_is_long_the_end_is_asked_and_the_begin_answers() -> None:
    long = " ".join(f"word{number}" for number in range(OWN.longest_words + 50))
    words = long.split()
    asked, answer = " ".join(words[50:]), " ".join(words[: OWN.longest_words])
    made = compared(script(("T", 0, long), ("C", 0.3, long)), (asked, answer))
    assert near(made, meaning.ANSWERED) == [None, 1]


def test_speech_without_full_stops_is_cut_into_pieces_of_like_length() -> None:
    text = " ".join(str(number) for number in range(2 * OWN.sentence_words + 1))
    pieces = meaning.sentences(text, OWN)
    assert " ".join(pieces) == text
    assert {len(piece.split()) for piece in pieces} == {27}
    assert meaning.sentences("", OWN) == ()


def test_without_an_encoder_every_measure_is_null() -> None:
    tables = tables_of(script(("T", 0, ASKS), ("C", 0.3, NO)))
    for found in measured(tables, meaning.features(english())).values():
        assert found == [None, None]


def test_measures_are_read_from_the_table() -> None:
    tables = tables_of(script(("T", 0, ASKS), ("C", 0.3, NO)))
    prototypes = english().prototypes
    alike = (NO, ASKS, prototypes["refusing"].like[0])
    tables["meaning"] = meaning.compare(tables["turns"], prototypes, ScriptedEncoder([alike]), OWN)
    found = measured(tables, wording_of_meaning())
    assert found["like_refusing"] == [1, 1]
    assert found["like_defending"] == [0, 0]
    assert found["answer_distance"] == [None, 0]
    # A turn that is cut otherwise was not compared, whatever its number is now.
    tables["turns"] = tables["turns"].with_columns(pl.col("end_ms") + 10)
    for found_now in measured(tables, wording_of_meaning()).values():
        assert found_now == [None, None]


def measured(tables: Tables, declared: Iterable[Feature]) -> dict[str, list[float | None]]:
    """Values of all turns, in order, by feature."""
    found = measures.measure_all(tables, declared).sort("item_id")
    return {str(name): own["value"].to_list() for (name,), own in found.group_by("feature")}


def wording_of_meaning() -> list[Feature]:
    """As the catalogue has them."""
    names = {feature.name for feature in meaning.features(english())}
    assert names == {"answer_distance", *(f"like_{name}" for name in english().prototypes)}
    return [f for f in wording.features(english(), settings().features) if f.name in names]


def test_another_language_has_the_same_names() -> None:
    names = [[f.name for f in meaning.features(lexicons.load(code))] for code in ("en", "tlh")]
    assert names[0] == names[1]


@pytest.mark.parametrize("name", english().prototypes)
def test_examples_are_near_and_far(name: str) -> None:
    """Each sentence that says the same lies nearer than each that does not."""
    chosen = english().prototypes[name]
    texts = [*chosen.examples.near, *chosen.examples.far]
    turns = turns_of(*(("client", text, False) for text in texts))
    found = near(meaning.compare(turns, {name: chosen}, encoder(), OWN), name)
    known = [value or 0 for value in found]
    assert min(known[: len(chosen.examples.near)]) > max(known[len(chosen.examples.near) :])


@pytest.mark.parametrize("name", english().prototypes)
def test_a_prototype_is_long_enough_to_be_compared(name: str) -> None:
    chosen = english().prototypes[name]
    for text in (*chosen.like, *chosen.unlike, *chosen.examples.near, *chosen.examples.far):
        assert len(meaning.sentences(text, OWN)) == 1, text
