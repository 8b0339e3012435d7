"""How a voice is produced: harmonics over noise, cepstral peak, jitter, shimmer.

Medians over the moments at which `frames` could measure them, so over steady, voiced stretches of
one person. In running speech they are noisy and depend on what is said: a turn needs a second or so
of such stretches, and values compare with the same person's in the same session only. Noise and an
echoing room lower HNR and CPP and raise jitter and shimmer of all turns alike.
"""

from functools import partial

import polars as pl

from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import heard_in, of_each, over

# Column of `frames`, unit, smallest median absolute deviation, meaning, source.
_MEASURES = (
    ("hnr_db", "dB", 0.5, "harmonics-to-noise ratio", "Boersma 1993"),
    (
        "cpp_db",
        "dB",
        0.3,
        "cepstral peak prominence",
        "Hillenbrand, Cleveland & Erickson 1994; Maryn & Weenink 2015",
    ),
    ("jitter", "0-1", 0.0005, "local jitter: difference of neighbouring periods", "Praat's manual"),
    (
        "shimmer",
        "0-1",
        0.005,
        "local shimmer: difference of neighbouring amplitudes",
        "Praat's manual",
    ),
)


def features(given: Given) -> tuple[Feature, ...]:
    """Measures of phonation of turns and windows."""
    settings = given.settings.features
    least, of_window = settings.phonation_moments, settings.window_phonation_moments
    return (*_of("turn", least), *over(WINDOWS, settings, _of("window", of_window)))


def _of(item: str, least: int) -> list[Feature]:
    return [
        Feature(
            name=name,
            item=item,
            unit=unit,
            group="speaker",
            needs="voice",
            min_mad=min_mad,
            detrend=True,
            means=f"{means}, median of steady voiced speech",
            null=f"fewer than {least} moments of steady voiced speech that is certainly this "
            "person's",
            source=source,
            compute=partial(_median, name, least),
        )
        for name, unit, min_mad, means, source in _MEASURES
    ]


def _median(name: str, least: int, tables: Tables, items: pl.DataFrame) -> pl.Series:
    median = pl.col(name).cast(pl.Float64).median()
    enough = pl.when(pl.len() >= least)
    return of_each(items, heard_in(items, tables, name), enough.then(median))
