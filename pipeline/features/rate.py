"""Speech rate and articulation rate, in syllables per second.

Two measures, two needs:

- **speech rate**: syllables of the words over the turn, pauses included. It needs words of a
  language whose syllables can be counted from spelling (English), and no sound.
- **articulation rate**: syllables over the time in which the person really speaks. They are
  counted from the words where each word has a measured time, else as nuclei in the signal (de Jong
  & Wempe 2009: peaks of level, with a dip on either side, that are voiced; here of the level in the
  band of vowels, where no fricative fills a dip). One session uses one way for all turns, or a
  difference of method would look like a difference of rate.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import polars as pl
import scipy

from pipeline import config
from pipeline.features.speech import (
    Floats,
    Intervals,
    Ints,
    columns,
    covered_ms,
    frames_in,
    over,
    ratio,
    rows_of,
    sorted_groups,
    talk,
    voice,
)
from pipeline.ports import Feature
from pipeline.tables import WINDOWS, Tables
from pipeline.timebase import FRAME_MS

_COUNTED_LANGUAGE = "en"


def features(settings: config.Features) -> tuple[Feature, ...]:
    """Rates of turns and windows."""
    of_windows = _rates("window", settings.window_speech_min_ms, settings)
    return (*_rates("turn", settings.speech_min_ms, settings), *over(WINDOWS, settings, of_windows))


def _rates(item: str, least_ms: int, settings: config.Features) -> list[Feature]:
    return [
        Feature(
            name="speech_rate",
            item=item,
            unit="syllables per second",
            group="speaker",
            needs="words",
            min_mad=0.2,
            detrend=True,
            means="syllables over the person's turns, pauses included",
            null=f"turns under {least_ms} ms, no words, or a language other than English",
            source="Goldman-Eisler 1968",
            compute=partial(_rate, _speech_rate, least_ms, settings),
        ),
        Feature(
            name="articulation_rate",
            item=item,
            unit="syllables per second",
            group="speaker",
            needs="voice",
            min_mad=0.2,
            detrend=True,
            means="syllables over the time in which the person really speaks",
            null=f"less than {least_ms} ms of speech, or neither timed words nor sound",
            source="de Jong & Wempe 2009",
            version=2,
            compute=partial(_rate, _articulation_rate, least_ms, settings),
        ),
    ]


def syllables(word: str) -> int:
    """Syllables of an English word, from its spelling; 0 without a letter or digit.

    Groups of vowel letters count, a silent *e* does not, some neighbouring vowels count twice.
    Digits count one each. Against the pronunciations of espeak-ng, 1.5 % of the words of
    conversation are a syllable off and their sum is 0.2 % too small.

    >>> [syllables(w) for w in ("I", "don't", "didn't", "wanted", "people", "idea", "27")]
    [1, 1, 2, 2, 2, 3, 2]
    """
    plain = word.lower().replace("\u2019", "'")
    digits = sum(character.isdigit() for character in plain)
    return digits + sum(_of_letters(part.strip("'")) for part in re.findall("[a-z']+", plain))


_VOWELS = re.compile("[aeiouy]+")
_UNSPOKEN_E = re.compile(
    "[^aeiouy]e$(?<![^aeiouylrw]le)"  # make, but not little
    "|[^aeiouytd]ed$(?<![^aeiouylrw]led)"  # asked, but not wanted or settled
    "|[^aeiouyscxzg]es$(?<![cs]hes)(?<![^aeiouylrw]les)"  # times, but not wishes or troubles
    "|[^aeiouy]e(?=ment|ly$|less|ful|ness)"  # homely, careless
    "|^some(?=[a-z])|^every"  # something, everybody
)
_TWO_VOWELS = re.compile(
    "(?<![cstgx])i[ao](?!u)|[aeiouy]ing|(?<![gq])ua[lt]|eo(?![pu])"  # diary, going, actual, video
    "|(?<![ct])ie(?:t(?![aeiour])|n(?![aeioudry]))|scien|every(?=[aeo])"  # quiet, science
    "|creat|idea|uou|nuin|oe[mt]"  # create, genuine, poem
    "|[^aeiouy]sms?$|[dst]n't$"  # racism, didn't
)
_EXCEPTIONS = {"maybe": 2, "idea": 3}


@lru_cache(maxsize=20_000)
def _of_letters(word: str) -> int:
    if not word or word in _EXCEPTIONS:
        return _EXCEPTIONS.get(word, 0)
    letters = word.replace("'", "")
    groups = len(_VOWELS.findall(letters))
    groups += len(_TWO_VOWELS.findall(word)) - len(_UNSPOKEN_E.findall(letters))
    return max(groups, 1)


def nuclei(t_ms: Ints, vowel_dbfs: pl.Series, voiced: pl.Series, settings: config.Features) -> Ints:
    """Times of the syllable nuclei of one speaker (de Jong & Wempe 2009).

    Parameters
    ----------
    t_ms, vowel_dbfs, voiced
        Frames of the speaker, in order of time.

    Returns
    -------
    ndarray
        Times in ms of peaks of level that rise ``nucleus_dip_db`` over the dips on either side,
        lie within ``nucleus_range_db`` of loud speech, and are voiced.
    """
    level = vowel_dbfs.cast(pl.Float64).fill_null(float("-inf")).to_numpy()
    if not np.isfinite(level).any():
        return np.empty(0, np.int64)
    lowest = np.quantile(level[np.isfinite(level)], settings.nucleus_loud)
    lowest -= settings.nucleus_range_db
    # A dense line of time, at the bottom where the person does not speak.
    place = (t_ms - t_ms[0]) // FRAME_MS + 1
    line = np.full(place[-1] + 2, lowest - settings.nucleus_dip_db)
    line[place] = np.maximum(level, line[place])
    peaks, _ = scipy.signal.find_peaks(
        line,
        height=lowest,
        plateau_size=(1, frames_in(settings.nucleus_flat_ms)),
        prominence=settings.nucleus_dip_db,
        wlen=frames_in(settings.nucleus_reach_ms),
    )
    is_voiced = np.zeros(len(line), np.bool_)
    is_voiced[place] = voiced.to_numpy()
    return np.asarray((peaks[is_voiced[peaks]] - 1) * FRAME_MS + t_ms[0], np.int64)


def _times_of_syllables(tables: Tables) -> dict[str, tuple[Ints, Ints]]:
    """For each speaker, sorted times at which syllables are known, and how many by then."""
    found = {}
    for (name,), said in sorted_groups(tables["words"]):
        said_in_order = said.with_columns(
            ((pl.col("start_ms") + pl.col("end_ms")) // 2).alias("at_ms")
        ).sort("at_ms")
        counts = [syllables(text) for text in said_in_order["text"]]
        times = said_in_order["at_ms"].to_numpy()
        found[str(name)] = (times, np.cumsum([0, *counts]))
    return found


def _times_of_nuclei(tables: Tables, settings: config.Features) -> dict[str, tuple[Ints, Ints]]:
    found = {}
    for (name,), heard in sorted_groups(voice(tables)):
        times = nuclei(
            heard["t_ms"].to_numpy(),
            heard["vowel_dbfs"],
            heard["semitones"].is_not_null(),
            settings,
        )
        found[str(name)] = (times, np.arange(len(times) + 1))
    return found


def _spelling_counts(tables: Tables) -> bool:
    """Whether syllables can be counted from the words."""
    spoken = tables.get("transcription")
    if spoken is None or spoken.is_empty() or tables["words"].is_empty():
        return False
    return bool(spoken["language"][0] == _COUNTED_LANGUAGE)


Rate = tuple[dict[str, tuple[Ints, Ints]], dict[str, Intervals]]
"""Syllables of each speaker, and the time that they are counted over."""


def _speech_rate(tables: Tables, _: config.Features) -> Rate:
    if not _spelling_counts(tables):
        return {}, {}
    held = {
        str(name): Intervals.union(*columns(turns))
        for (name,), turns in sorted_groups(tables["turns"])
    }
    return _times_of_syllables(tables), held


def _articulation_rate(tables: Tables, settings: config.Features) -> Rate:
    timed = bool((tables["words"]["timing"] == "aligned").all())
    if timed and _spelling_counts(tables):
        return _times_of_syllables(tables), talk(tables)
    counted = _times_of_nuclei(tables, settings)
    clear = {
        str(name): Intervals.union(heard["t_ms"], heard["t_ms"] + FRAME_MS)
        for (name,), heard in sorted_groups(voice(tables))
    }
    return counted, clear


def _rate(
    how: Callable[[Tables, config.Features], Rate],
    least_ms: int,
    settings: config.Features,
    tables: Tables,
    items: pl.DataFrame,
) -> Floats:
    counted, talked = how(tables, settings)
    starts, ends = columns(items)
    number = np.full(items.height, np.nan)
    for name, own in rows_of(items).items():
        if name in counted:
            times, by_then = counted[name]
            first, last = (np.searchsorted(times, edge[own]) for edge in (starts, ends))
            number[own] = by_then[last] - by_then[first]
    return ratio(number * 1000, covered_ms(items, talked), least_ms)
