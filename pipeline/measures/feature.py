"""What a feature declares: its name, unit, baseline, sources, and how it is computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from numpy.typing import NDArray

from pipeline.config import Settings
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import Family
from pipeline.lexicons import Lexicons


@dataclass(frozen=True)
class Feature:
    """One measure of turns, silences, overlaps or windows.

    Attributes
    ----------
    name
        Its name in rules: ``<name>``, ``<name>_z`` and ``<name>_pct`` are columns there.
    item
        What it measures: one of `vocabulary.ITEMS`; `intervals.over` turns ``window`` into
        every kind of window.
    unit
        Unit of the value, as people write it ("ms", "words", "semitones", "per minute", "0-1").
    group
        Within what a value is compared: the values of its speaker, of its pair (for silences: the
        same speakers before and after), or of the session.
    needs
        The family of rules that it serves; a family that quality disabled gets null.
    min_mad
        Smallest median absolute deviation, in the unit (with `log`: of the logarithm): a
        zero-inflated count gets an honest z.
    log
        The baseline is taken over log1p of the value (durations).
    detrend
        A linear drift over the session is removed before the baseline (pitch, level, rate).
    means, null, source
        For people: what it says, what null means, and where the definition comes from.
    error
        How far it was off, and on what data that was measured; empty: nobody has measured it.
    version
        Raised whenever `compute` gives other values.
    compute
        From the tables of a session and the items to measure to a value for each item, in their
        order; null, NaN or infinite: it could not be measured. `measure_all` in
        `pipeline.measures` describes the items.
    min_share
        A last window that is shorter than this share of its length is not measured.
    """

    name: str
    item: str
    unit: str
    group: Literal["speaker", "pair", "session"]
    needs: Family
    min_mad: float
    means: str
    null: str
    source: str
    compute: Callable[[Tables, pl.DataFrame], pl.Series | NDArray[Any]]
    log: bool = False
    detrend: bool = False
    version: int = 1
    error: str = ""
    min_share: float = 0


@dataclass(frozen=True)
class Given:
    """What features are declared from.

    Attributes
    ----------
    lexicons
        Of the session's language; None: no words are looked for, and syllables are not counted.
    """

    settings: Settings
    lexicons: Lexicons | None = None
