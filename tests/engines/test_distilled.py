"""Reader `distilled`: what it needs, what it says, and that the same words read the same."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import Settings, load
from pipeline.core.errors import EngineError
from pipeline.core.vocabulary import MARKERS
from pipeline.engines import models
from pipeline.engines.protocols import Exchange
from pipeline.engines.reading import distilled
from pipeline.engines.reading.clauses import LONGEST_WORDS, clauses, stretches
from pipeline.engines.reading.distilled import DistilledReader

UNHEARD = Exchange(
    ((False, "How are you finding our sessions?"),),
    "Honestly, you don't listen to me. You just read your questions.",
)
ORDINARY = Exchange(
    ((False, "What did you do on Sunday?"),), "We went to the lake with my sister and the kids."
)

RELIEVED = Exchange(
    ((False, "What was it like to tell her?"),),
    "I was scared, and then I was relieved, I cried the whole way home and I slept.",
)


@pytest.fixture(scope="module")
def reader() -> DistilledReader:
    settings = load()
    try:
        models.find("minilm", settings)
    except EngineError as caught:
        pytest.skip(str(caught))
    return DistilledReader(settings)


def test_a_plain_complaint_reads_as_a_rupture_and_relief_does_not(reader: DistilledReader) -> None:
    complaint, relief = reader.read([UNHEARD, RELIEVED])
    assert set(complaint.probabilities) == set(MARKERS)
    assert sum(complaint.probabilities.values()) > 0.4
    assert sum(relief.probabilities.values()) < 0.2
    assert max(complaint.probabilities, key=lambda m: complaint.probabilities[m]) == "C1"
    assert complaint.clause
    assert complaint.clause in UNHEARD.reply
    assert len(complaint.resembles) == 2
    assert relief.clause is None
    assert relief.resembles == ()


@pytest.mark.xfail(strict=True, reason="curt attacks after one line are not what it learned")
def test_a_curt_attack_reads_as_a_rupture(reader: DistilledReader) -> None:
    attack = "Why do you need to know that? You look about twelve."
    (reading,) = reader.read([Exchange(((False, "How old are you, if I may ask?"),), attack)])
    assert sum(reading.probabilities.values()) > 0.4


def test_neighbours_change_nothing(reader: DistilledReader) -> None:
    """A batch is filled up to its longest reply: what is filled up must not be read."""
    long = Exchange(UNHEARD.before, f"{ORDINARY.reply} " * 5)
    (alone,) = reader.read([UNHEARD])
    among = reader.read([ORDINARY, UNHEARD, long])[1]
    assert [*alone.probabilities.values()] == pytest.approx(
        [*among.probabilities.values()], abs=1e-5
    )


def test_a_clause_inside_a_long_answer_is_found(reader: DistilledReader) -> None:
    rest = "Then we drove to the lake and the children swam until it was dark and cold. " * 12
    (long,) = reader.read([Exchange(UNHEARD.before, f"{rest}{UNHEARD.reply} {rest}")])
    (alone,) = reader.read([ORDINARY])
    assert sum(long.probabilities.values()) > sum(alone.probabilities.values())
    assert long.clause is None or "lake" not in long.clause


def test_what_was_asked_matters(reader: DistilledReader) -> None:
    reply = "Fine."
    asked, told = reader.read(
        [
            Exchange(
                ((False, "What was it like for you when I cancelled on you last week?"),), reply
            ),
            Exchange(((False, "See you on the ninth at two, then?"),), reply),
        ]
    )
    assert sum(asked.probabilities.values()) > sum(told.probabilities.values())


def test_nothing_to_read_gives_nothing(reader: DistilledReader) -> None:
    assert reader.read([]) == []


def test_its_identity_holds_what_it_was_trained_to(reader: DistilledReader, tmp_path: Path) -> None:
    for name in (distilled.ADAPTER, distilled.CARD):
        (tmp_path / name).write_bytes((distilled.FOLDER / name).read_bytes())
    other = DistilledReader(load(), tmp_path)
    assert other.identity() == reader.identity()
    card = json.loads((tmp_path / distilled.CARD).read_text())
    card["calibration"]["intercept"] += 1
    (tmp_path / distilled.CARD).write_text(json.dumps(card))
    assert other.identity() != reader.identity()
    higher = sum(other.read([ORDINARY])[0].probabilities.values())
    assert higher > sum(reader.read([ORDINARY])[0].probabilities.values())


def test_without_its_base_it_says_what_to_type(tmp_path: Path) -> None:
    settings: Settings = load("default", {"models_folder": str(tmp_path)})
    with pytest.raises(EngineError, match="tether models fetch minilm"):
        DistilledReader(settings).identity()


def test_the_card_says_what_it_rests_on() -> None:
    card = json.loads((distilled.FOLDER / distilled.CARD).read_text(encoding="utf-8"))
    assert card["calibration"]["ruptures"] > 0
    assert not set(card["trained_on"]) & set(card["calibration"]["authors"])
    assert {each["marker"] for each in card["examples"]} == set(MARKERS)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("Yes.", ["Yes."]),
        (
            "I did try it on Monday, but honestly it made things worse for me.",
            ["I did try it on Monday,", "but honestly it made things worse for me."],
        ),
    ],
)
def test_clauses(text: str, parts: list[str]) -> None:
    assert clauses(text) == parts


@pytest.mark.parametrize("words", [1, LONGEST_WORDS, LONGEST_WORDS + 1, 400])
@pytest.mark.parametrize("stops", [True, False])
def test_stretches_hold_every_word_in_order(words: int, *, stops: bool) -> None:
    said = [f"w{n}{'.' if stops and n % 9 == 8 else ''}" for n in range(words)]
    parts = stretches(" ".join(said))
    assert all(len(part.split()) <= LONGEST_WORDS for part in parts)
    numbers = [int(word.strip("w.")) for part in parts for word in part.split()]
    assert sorted(set(numbers)) == list(range(words))
    starts = np.array([int(part.split()[0].strip("w.")) for part in parts])
    assert (np.diff(starts) > 0).all()
