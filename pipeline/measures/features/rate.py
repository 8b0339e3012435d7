"""Speech rate and articulation rate, in syllables per second.

Two measures, two needs:

- **speech rate**: syllables of the words over the turn, pauses included. It needs words of a
  language whose `language.yaml` says how syllables are counted from spelling, and no sound.
- **articulation rate**: syllables over the time in which the person really speaks. They are
  counted from the words where each word has a measured time, else as nuclei in the signal (de Jong
  & Wempe 2009: peaks of level, with a dip on either side, that are voiced; here of the level in the
  band of vowels, where no fricative fills a dip). One session uses one way for all turns, or a
  difference of method would look like a difference of rate.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl
import scipy

from pipeline import config
from pipeline.core.intervals import Intervals, Ints
from pipeline.core.tables import Tables
from pipeline.core.time import FRAME_MS
from pipeline.core.vocabulary import WINDOWS
from pipeline.lexicons import Lexicons, Syllables
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import (
    Floats,
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


def features(given: Given) -> tuple[Feature, ...]:
    """Rates of turns and windows; the language says how syllables are counted."""
    settings, lexicons = given.settings.features, given.lexicons
    of_turns = _rates("turn", settings.speech_min_ms, settings, lexicons)
    of_windows = _rates("window", settings.window_speech_min_ms, settings, lexicons)
    return (*of_turns, *over(WINDOWS, settings, of_windows))


def _rates(
    item: str, least_ms: int, settings: config.Features, lexicons: Lexicons | None
) -> list[Feature]:
    speech = partial(_speech_rate, lexicons)
    articulation = partial(_articulation_rate, lexicons)
    return [
        Feature(
            name="speech_rate",
            item=item,
            unit="syllables per second",
            group="speaker",
            needs="words",
            min_mad=0.2,
            detrend=True,
            means="syllables per second of the person's turns, pauses included",
            null=f"turns under {least_ms} ms, no words, or syllables cannot be counted",
            source="Goldman-Eisler 1968",
            compute=partial(_rate, speech, least_ms, settings),
        ),
        Feature(
            name="articulation_rate",
            item=item,
            unit="syllables per second",
            group="speaker",
            needs="voice",
            min_mad=0.2,
            detrend=True,
            means="syllables per second of actual speech, pauses excluded",
            null=f"less than {least_ms} ms of speech, or neither timed words nor audio",
            source="de Jong & Wempe 2009",
            version=2,
            compute=partial(_rate, articulation, least_ms, settings),
        ),
    ]


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


def _times_of_syllables(tables: Tables, syllables: Syllables) -> dict[str, tuple[Ints, Ints]]:
    """For each speaker, sorted times at which syllables are known, and how many by then."""
    found = {}
    for (name,), said in sorted_groups(tables["words"]):
        said_in_order = said.with_columns(
            ((pl.col("start_ms") + pl.col("end_ms")) // 2).alias("at_ms")
        ).sort("at_ms")
        counts = [syllables.count(text) for text in said_in_order["text"]]
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


def _syllables(tables: Tables, lexicons: Lexicons | None) -> Syllables | None:
    """How syllables are counted from the words; None: they cannot be."""
    spoken = tables.get("transcription")
    if lexicons is None or spoken is None or spoken.is_empty() or tables["words"].is_empty():
        return None
    return lexicons.grammar.syllables if spoken["language"][0] == lexicons.language else None


Rate = tuple[dict[str, tuple[Ints, Ints]], dict[str, Intervals]]
"""Syllables of each speaker, and the time that they are counted over."""


def _speech_rate(lexicons: Lexicons | None, tables: Tables, _: config.Features) -> Rate:
    syllables = _syllables(tables, lexicons)
    if syllables is None:
        return {}, {}
    held = {
        str(name): Intervals.union(*columns(turns))
        for (name,), turns in sorted_groups(tables["turns"])
    }
    return _times_of_syllables(tables, syllables), held


def _articulation_rate(
    lexicons: Lexicons | None, tables: Tables, settings: config.Features
) -> Rate:
    timed = bool((tables["words"]["timing"] == "aligned").all())
    syllables = _syllables(tables, lexicons)
    if timed and syllables is not None:
        return _times_of_syllables(tables, syllables), talk(tables)
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
