import math
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config, lexicons, measures
from pipeline.audio.samples import Audio, Samples
from pipeline.evaluation.material.small_session import session, value
from pipeline.measures import frames

SETTINGS = config.load()
ENGLISH = lexicons.load("en")
CATALOGUE = measures.catalogue(SETTINGS, ENGLISH)
SPELLING = ENGLISH.grammar.syllables
assert SPELLING is not None
COUNT = SPELLING.count

SYLLABLES = {
    1: "I you don't can't make asked times whole mm yeah through you've we're strength dogs called",
    2: "didn't couldn't wanted settled little people okay something maybe every going wishes being "
    "trouble homely quiet someone lion table needed changes social",
    3: "idea everyone understand therapy important remember video diary beautiful 999",
    4: "actually everybody situation especially definitely conversation",
}


@pytest.mark.parametrize(
    ("word", "count"), [(word, n) for n, words in SYLLABLES.items() for word in words.split()]
)
def test_syllables_from_spelling(word: str, count: int) -> None:
    assert COUNT(word) == count
    assert COUNT(word.upper() + ".") == count


@pytest.mark.parametrize("word", ["", "...", "-", "\u2014"])
def test_what_is_no_word_has_no_syllable(word: str) -> None:
    assert COUNT(word) == 0


_UNSPOKEN_E = re.compile(
    "[^aeiouy]e$(?<![^aeiouylrw]le)"
    "|[^aeiouytd]ed$(?<![^aeiouylrw]led)"
    "|[^aeiouyscxzg]es$(?<![cs]hes)(?<![^aeiouylrw]les)"
    "|[^aeiouy]e(?=ment|ly$|less|ful|ness)"
    "|^some(?=[a-z])|^every"
)
_TWO_VOWELS = re.compile(
    "(?<![cstgx])i[ao](?!u)|[aeiouy]ing|(?<![gq])ua[lt]|eo(?![pu])"
    "|(?<![ct])ie(?:t(?![aeiour])|n(?![aeioudry]))|scien|every(?=[aeo])"
    "|creat|idea|uou|nuin|oe[mt]"
    "|[^aeiouy]sms?$|[dst]n't$"
)


def _as_it_was_counted_in_code(word: str) -> int:
    """English as it was before it moved into `language.yaml`."""
    plain = word.lower().replace("\u2019", "'")
    found = sum(character.isdigit() for character in plain)
    for part in (each.strip("'") for each in re.findall("[a-z']+", plain)):
        if part in {"maybe", "idea", ""}:
            found += {"maybe": 2, "idea": 3, "": 0}[part]
            continue
        letters = part.replace("'", "")
        groups = len(re.findall("[aeiouy]+", letters)) + len(_TWO_VOWELS.findall(part))
        found += max(groups - len(_UNSPOKEN_E.findall(letters)), 1)
    return found


def test_words_of_the_lexicons_have_the_syllables_that_the_code_gave_them() -> None:
    texts = [
        text
        for entry in ENGLISH.entries.values()
        for text in (*entry.examples.match, *entry.examples.no_match)
    ]
    _counts_as_before(texts)


def test_written_words_have_the_syllables_that_the_code_gave_them(shared_data: Path) -> None:
    files = sorted((shared_data / "written").rglob("*.txt"))
    _counts_as_before(path.read_text(encoding="utf-8") for path in files)


def _counts_as_before(texts: Iterable[str]) -> None:
    words = {word for text in texts for word in text.split()}
    assert len(words) > 1_000
    for word in words:
        assert COUNT(word) == _as_it_was_counted_in_code(word), word


@given(st.text(alphabet="aeioustdnlyrcgmvwh'\u2019A-3 ", max_size=14))
def test_any_word_has_the_syllables_that_the_code_gave_it(word: str) -> None:
    assert COUNT(word) == _as_it_was_counted_in_code(word)


def _syllabic(per_second: float, seconds: float, f0_hz: float | None = 150) -> Samples:
    """A voice (or noise) whose level rises and falls `per_second` times."""
    t = np.arange(round(seconds * 16000)) / 16000
    if f0_hz is None:
        wave = np.random.default_rng(0).normal(0, 1, len(t))
    else:
        wave = np.sum([np.sin(2 * np.pi * f0_hz * k * t) / k for k in range(1, 15)], axis=0)
    swell = 10 ** (-0.6 * (1 + np.cos(2 * np.pi * per_second * t)))
    return np.asarray(0.2 * wave * swell, np.float32)


class _AlwaysVoiced:
    """Pitch of 150 Hz wherever anything is heard."""

    def identity(self) -> dict[str, str]:
        return {}

    def track(self, samples: Samples) -> tuple[Samples, Samples]:
        count = math.ceil(len(samples) / 160)
        return np.full(count, 150, np.float32), np.ones(count, np.float32)


@pytest.mark.parametrize("per_second", [2.5, 4, 6])
def test_nuclei_of_a_voice_that_swells(per_second: float) -> None:
    audio = Audio([_syllabic(per_second, 10)])
    tables = dict(session([("a", 0, 10_000)]))
    tables["frames"] = frames.measure(audio, tables["spans"], _AlwaysVoiced(), SETTINGS)
    found = measures.measure_all(tables, CATALOGUE)
    assert value(found, "turn", "articulation_rate") == pytest.approx(per_second, abs=0.11)
    assert value(found, "turn", "speech_rate") is None


def test_rates_from_timed_words_leave_pauses_out_of_articulation_only() -> None:
    lines = [("a", 0, 2_000), ("a", 3_500, 5_500)]
    words = [("a", start, start + 400, "something") for start in (0, 500, 1_000, 3_500, 4_000)]
    found = measures.measure_all(session(lines, words=words), CATALOGUE)
    assert value(found, "turn", "articulation_rate") == pytest.approx(10 / 4)
    assert value(found, "turn", "speech_rate") == pytest.approx(10 / 5.5)


def test_words_of_another_language_are_not_counted_by_english_spelling() -> None:
    words = [("a", 0, 400, "Donaudampfschiff")]
    tables = dict(session([("a", 0, 2_000)], words=words))
    tables["transcription"] = tables["transcription"].with_columns(language=pl.lit("de"))
    found = measures.measure_all(tables, CATALOGUE)
    assert value(found, "turn", "speech_rate") is None
    assert value(found, "turn", "articulation_rate") is None


def test_untimed_words_give_a_speech_rate_and_leave_articulation_to_the_signal() -> None:
    words = [("a", 0, 1_000, "something"), ("a", 1_000, 2_000, "everybody")]
    tables = session([("a", 0, 2_000)], words=words, timing="interpolated")
    found = measures.measure_all(tables, CATALOGUE)
    assert value(found, "turn", "speech_rate") == pytest.approx(3)
    assert value(found, "turn", "articulation_rate") is None
