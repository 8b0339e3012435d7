import polars as pl
import pytest
from strategies import Said, english, tables_of

from pipeline import lexicon
from pipeline.features import wording
from pipeline.ports import Feature

SAID = [
    Said("therapist", 0, 2000, "How was it? Tell me more."),
    Said("client", 2500, 3000, "Yeah, okay."),
    Said("client", 6000, 8000, "She said you don't listen."),
    Said("therapist", 9000, 9500, None),
]


def values(name: str, features: tuple[Feature, ...]) -> list[float | None]:
    (feature,) = [feature for feature in features if feature.name == name]
    found: list[float | None] = feature.compute(tables_of(SAID))["value"].to_list()
    return found


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
    assert values(name, wording.features(english())) == expected


def test_frames_are_long() -> None:
    tables = tables_of(SAID)
    for feature in wording.features(english()):
        frame = feature.compute(tables)
        assert frame.columns == ["item_id", "speaker", "value"]
        assert frame.schema["value"] == pl.Float64
        assert frame["item_id"].to_list() == tables["turns"]["turn_id"].to_list()


def test_another_language_has_the_same_names_and_no_values() -> None:
    other = wording.features(lexicon.load("tlh"))
    assert {f.name for f in wording.features(english())} <= {f.name for f in other}
    assert values("question", other) == [None] * 4
    assert values("is_question", other) == [None] * 4
    assert values("acknowledgement_only", other) == [None] * 4
    assert values("n_words", other) == [6.0, 2.0, 5.0, None]


def test_every_feature_is_of_words_and_explained() -> None:
    for feature in wording.features(english()):
        assert feature.needs == "words"
        assert feature.item == "turn"
        assert feature.means
        assert feature.null
