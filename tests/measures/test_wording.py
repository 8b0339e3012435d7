from functools import cache

import pytest
from strategies import Session, Utterance, english, settings, tables_of

from pipeline import lexicons, measures
from pipeline.measures.feature import Feature, Given
from pipeline.measures.features import wording

WORDS = wording.features(Given(settings(), english()))
SAID = [
    Utterance("therapist", 0, 2000, "How was it? Tell me more."),
    Utterance("client", 2500, 3000, "Yeah, okay."),
    Utterance("client", 6000, 8000, "She said you don't listen."),
    Utterance("therapist", 9000, 9500, None),
]


@cache
def heard(said: tuple[Utterance, ...]) -> Session:
    """Tables of what was said, before anything is measured."""
    return tables_of(said, features=())


def values(name: str, declared: tuple[Feature, ...]) -> list[float | None]:
    found = measured(name, "turn", SAID, declared)
    return [found[said.role, number] for number, said in enumerate(SAID)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("n_words", [6.0, 2.0, 5.0, None]),
        ("is_question", [1.0, 0.0, 0.0, None]),
        ("acknowledgement_only", [0.0, 1.0, 0.0, None]),
        ("open_question", [1.0, 0.0, 0.0, None]),
        ("invitation", [1.0, 0.0, 0.0, None]),
        ("negation", [0.0, 0.0, 1.0, None]),
        ("complaint_therapist", [0.0, 0.0, 0.0, None]),
        ("complaint_therapist_refused", [0.0, 0.0, 1.0, None]),
    ],
)
def test_values(name: str, expected: list[float | None]) -> None:
    assert values(name, WORDS) == expected


def test_share_of_turns_as_short() -> None:
    turns = ["Cold.", "The goshawk.", "Yes.", "In the shed.", "Mm.", "I went up there alone."]
    said = [
        Utterance("client", 4000 * at, 4000 * at + 1500, text) for at, text in enumerate(turns)
    ] + [Utterance("therapist", 30_000, 31_000, "Good.")]
    found = measured("share_as_short", "turn", said)
    assert [found["client", at] for at in range(6)] == [3 / 6, 4 / 6, 3 / 6, 5 / 6, 3 / 6, 1]
    assert found["therapist", 6] is None, "one turn is no usual length"


def measured(
    name: str, item: str, said: list[Utterance], declared: tuple[Feature, ...] = WORDS
) -> dict[tuple[str, int], float | None]:
    """Values of a feature by speaker and item."""
    (feature,) = [f for f in declared if (f.name, f.item) == (name, item)]
    found = measures.measure_all(heard(tuple(said)), [feature])
    return {(row["speaker"], row["item_id"]): row["value"] for row in found.to_dicts()}


def told(words: int, sad: int, start_ms: int = 0, length_ms: int = 4000) -> Utterance:
    """A client says so many words, of which so many name a feeling."""
    return Utterance(
        "client", start_ms, start_ms + length_ms, " ".join(["sad"] * sad + ["tea"] * (words - sad))
    )


def test_every_turn_has_a_value_of_every_feature() -> None:
    tables = heard(tuple(SAID))
    turns = tables["turns"].rename({"turn_id": "item_id"})
    for feature in WORDS:
        if feature.item == "turn":
            assert len(feature.compute(tables, turns)) == turns.height


def test_a_rate_is_over_a_hundred_words() -> None:
    said = [told(40, 4), Utterance("therapist", 5000, 6000, "Mm."), told(5, 1, 7000)]
    rates = measured("feeling_rate", "turn", said)
    assert rates["client", 0] == pytest.approx(10)
    assert rates["client", 2] is None
    whole = measured("feeling_rate", "session", [*said, told(55, 5, 20_000)])
    assert whole == {("client", 0): pytest.approx(10), ("therapist", 0): None}


def test_an_excess_is_over_what_the_person_usually_says() -> None:
    said = [told(100, k, 10_000 * n) for n, k in enumerate((0, 1, 2, 9))]
    found = measured("feeling_excess", "turn", said)
    # Of 12 matches in 400 words, 3 are expected in each 100; variance 3 * 3 / 4.
    for number, matches in enumerate((0, 1, 2, 9)):
        assert found["client", number] == pytest.approx((matches - 3) / 1.5)


def test_where_little_is_expected_there_is_no_excess() -> None:
    found = measured("feeling_excess", "turn", [told(100, 1), told(10, 0, 10_000)])
    assert found == {("client", 0): None, ("client", 1): None}


def test_a_turn_counts_in_each_window_by_its_time() -> None:
    said = [told(100, 10, 0, 90_000), told(100, 0, 135_000, 90_000), told(60, 0, 300_000, 60_000)]
    assert measured("n_words", "window_180s", said) == {("client", 0): 150, ("client", 1): 110}
    rates = measured("feeling_rate", "window_180s", said)
    assert rates["client", 0] == pytest.approx(100 * 10 / 150)
    assert rates["client", 1] == 0


def test_another_language_has_the_same_names_and_no_values() -> None:
    other = wording.features(Given(settings(), lexicons.load("tlh")))
    assert {(f.name, f.item) for f in WORDS} <= {(f.name, f.item) for f in other}
    assert values("question", other) == [None] * 4
    assert values("is_question", other) == [None] * 4
    assert values("acknowledgement_only", other) == [None] * 4
    assert values("n_words", other) == [6.0, 2.0, 5.0, None]
    rated = [f for f in other if f.name.endswith(("_rate", "_excess"))]
    assert measures.measure_all(heard(tuple(SAID)), rated)["value"].is_null().all()


def test_every_feature_is_of_words_and_explained() -> None:
    for feature in WORDS:
        assert feature.needs == "words"
        assert feature.means
        assert feature.null
        assert feature.source


def test_a_feature_tells_how_often_its_lexicon_is_wrong() -> None:
    (negation,) = [f for f in WORDS if (f.name, f.item) == ("negation", "turn")]
    assert "of 60 matches" in negation.error


def test_rates_add_nothing_for_lexicons_that_do_not_ask_for_them() -> None:
    rated = {f.name.removesuffix("_rate") for f in WORDS if f.name.endswith("_rate")}
    assert rated == english().rated
    assert "complaint_therapist" not in rated
