"""Who comes in while the other speaks, and what comes of it, per window and session.

Interruptions are ordinary: 29 floor takings an hour in everyday talk of two (Santa Barbara corpus).
Only a departure from the pair's own usual says anything, so rules compare these rates with their
baseline. What each kind is, `turns` says in its decision table.

Where the diarizer knows no overlapping speech, everything here is null and nothing is zero: what
one microphone and one label at a time cannot show did not therefore not happen.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from pipeline import config
from pipeline.core.intervals import Intervals
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import (
    Floats,
    columns,
    count_in,
    heard_ms,
    knows_overlap,
    latencies,
    over,
    per_minute,
    statistic_in,
    talk,
)

_NO_OVERLAP = "the diarizer does not detect overlapping speech"
_SOURCE = "Heldner & Edlund 2010"
_KINDS = {
    "floor_takings_per_min": (
        "floor_taking",
        "how often the person came in while the other spoke and got the floor",
        "Santa Barbara corpus: 29 an hour in everyday talk",
        2,
    ),
    "failed_attempts_per_min": (
        "failed_attempt",
        "how often the person came in while the other spoke and gave way",
        "Schegloff 2000",
        1,
    ),
    "cooperative_overlaps_per_min": (
        "cooperative",
        "how often the person came in at the end of the other's turn, or to help",
        "Goldberg 1990",
        1,
    ),
}


def features(given: Given) -> tuple[Feature, ...]:
    """Features of overlapping speech and backchannels."""
    settings = given.settings.features
    return over(WINDOWS, settings, (*_timed(settings), *_understood(settings)))


def _timed(settings: config.Features) -> list[Feature]:
    """What times tell."""
    few = f"fewer than {settings.window_min_turns} of the person's turns follow another's"
    shares = [
        Feature(
            name=name,
            item="window",
            unit="0-1",
            group="speaker",
            needs="timing",
            min_mad=0.05,
            means=f"share of the person's turns after another's that began {how}",
            null=f"{_NO_OVERLAP}, or {few} in the window",
            source=source,
            compute=partial(_share_of_starts, settings, transition),
        )
        for name, transition, how, source in (
            ("overlapped_starts_share", "overlap", "before the other had finished", _SOURCE),
            ("latched_starts_share", "latch", "without an audible gap", "Heldner 2011"),
        )
    ]
    share = Feature(
        name="overlap_share",
        item="window",
        unit="0-1",
        group="pair",
        needs="timing",
        min_mad=0.01,
        means="share of the window in which two or more speak",
        null=_NO_OVERLAP,
        source=_SOURCE,
        version=3,
        compute=partial(_overlap_share, settings),
    )
    return [share, *shares]


def _understood(settings: config.Features) -> list[Feature]:
    """What needs words, for without them a quick "mm-hm" cannot be told from an attempt."""

    def rate(
        name: str,
        means: str,
        null: str,
        source: str,
        version: int,
        compute: Callable[[Tables, pl.DataFrame], Floats],
    ) -> Feature:
        return Feature(
            name=name,
            item="window",
            unit="per minute",
            group="speaker",
            needs="words",
            min_mad=0.5,
            means=means,
            null=null,
            source=source,
            version=version,
            compute=compute,
        )

    unclear = (
        f"{_NO_OVERLAP}, there is no transcript, or more than {settings.max_unclear:.0%} of the "
        "person's overlaps are unclear"
    )
    found = [
        rate(name, means, unclear, source, version, partial(_rate_of_kind, settings, kind))
        for name, (kind, means, source, version) in _KINDS.items()
    ]
    return [
        *found,
        rate(
            "cut_offs_per_min",
            "how often another came in and the person broke off unfinished",
            unclear,
            "Schegloff 2000",
            1,
            partial(_cut_offs, settings),
        ),
        rate(
            "backchannels_per_min",
            "acknowledgements by the person while the other speaks or before the other goes on",
            "no transcript",
            "Yngve 1970",
            2,
            partial(_backchannels, settings),
        ),
    ]


def _overlap_share(settings: config.Features, tables: Tables, windows: pl.DataFrame) -> Floats:
    if not knows_overlap(tables):
        return _unknown(windows)
    several = Intervals.shared(talk(tables).values()).covered_ms(*columns(windows))
    return several / heard_ms(tables, windows, settings)


def _unknown(windows: pl.DataFrame) -> Floats:
    return np.full(windows.height, np.nan)


def _share_of_starts(
    settings: config.Features, transition: str, tables: Tables, windows: pl.DataFrame
) -> Floats | pl.Series:
    if not knows_overlap(tables):
        return _unknown(windows)
    began = latencies(tables).drop_nulls(("latency_ms", "transition"))
    so = (pl.col("transition") == transition).cast(pl.Float64)
    share = pl.when(pl.len() >= settings.window_min_turns).then(so.mean())
    return statistic_in(windows, began, share)


def _rate_of_kind(
    settings: config.Features, kind: str, tables: Tables, windows: pl.DataFrame
) -> Floats:
    entries = _entries(tables, "kind").with_columns(counted=pl.col("kind") == kind)
    return _rate(entries, "other", settings, tables, windows)


def _cut_offs(settings: config.Features, tables: Tables, windows: pl.DataFrame) -> Floats:
    entries = _entries(tables, "cut_off").with_columns(counted="cut_off")
    return _rate(entries, "holder", settings, tables, windows)


def _entries(tables: Tables, answer: str) -> pl.DataFrame:
    """Overlaps, each entry of one turn into another once for every `answer`.

    Two people who speak at the same time pause at different times, so one entry may be several
    overlaps.
    """
    overlaps = tables["overlaps"].sort("start_ms", "overlap_id")
    return overlaps.unique(["holder_turn", "other_turn", answer], keep="first", maintain_order=True)


def _rate(
    entries: pl.DataFrame,
    whose: str,
    settings: config.Features,
    tables: Tables,
    windows: pl.DataFrame,
) -> Floats:
    """What is `counted` (null: it is not clear) per minute, where enough of a person's is clear."""
    if not (knows_overlap(tables) and tables["turns"]["text"].is_not_null().any()):
        return _unknown(windows)
    number, doubtful = (
        count_in(windows, entries.filter(chosen), whose)
        for chosen in (pl.col("counted"), pl.col("counted").is_null())
    )
    rate = per_minute(number, heard_ms(tables, windows, settings))
    unclear = doubtful > settings.max_unclear * count_in(windows, entries, whose)
    return np.where(unclear, np.nan, rate)


def _backchannels(settings: config.Features, tables: Tables, windows: pl.DataFrame) -> Floats:
    turns = tables["turns"]
    if turns["is_backchannel"].is_null().all():
        return _unknown(windows)
    count = count_in(windows, turns.filter("is_backchannel"))
    return per_minute(count, heard_ms(tables, windows, settings))
