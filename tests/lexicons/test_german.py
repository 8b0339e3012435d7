"""A language is YAML only: an invented German, from settings of one's own to a moment."""

from pathlib import Path

import polars as pl
import pytest

from pipeline import config, lexicons
from pipeline.lexicons import Lexicons
from pipeline.session import SessionResult, intake
from pipeline.session.workbench import Workbench

GERMAN = Path(__file__).parent / "german"
SETTINGS = config.load(str(GERMAN / "settings.yaml"))
OWN = [Path(folder) for folder in SETTINGS.lexicons]


@pytest.fixture(scope="module")
def german() -> Lexicons:
    return lexicons.load("de-AT", own=OWN)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> SessionResult:
    bench = Workbench(SETTINGS, tmp_path_factory.mktemp("german") / "workspace")
    (named,) = intake.discover([GERMAN / "session.vtt"])
    return bench.process(intake.read(named, consent=False))


def test_a_folder_of_your_own_adds_a_language(german: Lexicons) -> None:
    assert german.language == "de"
    assert lexicons.load("de").language is None
    assert lexicons.languages(own=OWN) == ["de", "en"]
    assert lexicons.load("en", own=OWN).canonical() == lexicons.load("en").canonical()


def test_examples(german: Lexicons) -> None:
    for name, entry in german.entries.items():
        for text in entry.examples.match:
            assert german.count(name, text), (name, text)
        for text in entry.examples.no_match:
            assert german.count(name, text) == 0, (name, text)


def test_capital_letters_tell_the_listener_from_others(german: Lexicons) -> None:
    text = "Haben Sie sie gesehen? ÄHM, Sie wohnt bei Ihnen."
    assert german.count("second_person", text) == 3
    assert german.count("third_person", text) == 1


def test_a_lexicon_may_take_every_letter_for_small(german: Lexicons) -> None:
    assert german.count("negation", "NICHT, Nein, nie") == 3


def test_a_capital_letter_does_not_hide_what_an_exception_looks_for(german: Lexicons) -> None:
    text = "Ja genau Sie hören mir nicht zu."
    assert german.count("complaint_therapist", text) == 0
    (refused,) = german.refusals("complaint_therapist", text) or ()
    assert refused.refused == "an assent goes with it"


def test_syllables_are_those_of_the_language(german: Lexicons) -> None:
    spelling = german.grammar.syllables
    assert spelling is not None
    words = ["Straße", "Bäume", "Familie", "Station", "schön", "27", "..."]
    assert [spelling.count(word) for word in words] == [2, 2, 4, 3, 1, 2, 0]


def test_a_session_is_measured_and_flagged(walked: SessionResult) -> None:
    turns = walked.tables["turns"].select("turn_id", "text")
    values = walked.tables["values"].filter(pl.col("item") == "turn")

    def of(name: str) -> list[float | None]:
        own = values.filter(pl.col("feature") == name)
        both = turns.join(own, left_on="turn_id", right_on="item_id", how="left")
        return both.sort("turn_id")["value"].to_list()

    assert of("second_person") == [1, 0, 1, 1]
    assert of("third_person") == [0, 1, 1, 0]
    assert of("negation") == [0, 1, 0, 3]
    assert of("complaint_therapist") == [0, 0, 0, 1]
    assert of("hedge") == [None] * 4  # the language lacks it
    rates = of("speech_rate")
    assert rates[0] == pytest.approx(10 / 3)
    (moment,) = walked.tables["moments"].iter_rows(named=True)
    assert (moment["kind"], moment["start_ms"]) == ("confrontation", 15_000)
