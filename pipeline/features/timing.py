"""Timing of turns, silences, overlaps and windows: who waits, who holds the floor, who comes in.

Silences and latencies are what the first withdrawal rules stand on (Künsch et al. 2023, PLoS ONE
0280329). All of them come from speech activity, none from the gaps between recognised words.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import config
from pipeline.features.speech import (
    Ints,
    columns,
    inside,
    intervals,
    pauses,
    sorted_groups,
    speakers,
    talk,
    together,
    values,
    windows,
)
from pipeline.ports import Feature
from pipeline.tables import WINDOWS_MS, Tables

_TURNS_SOURCE = "Heldner & Edlund 2010"
_PER_MINUTE_MS = 60_000


def features(settings: config.Features) -> tuple[Feature, ...]:
    """All timing features."""
    found = [*_of_turns(settings), *_of_events()]
    for item in WINDOWS_MS:
        found += _of_windows(item, settings)
    return tuple(found)


def _of_turns(settings: config.Features) -> list[Feature]:
    return [
        Feature(
            name="latency_ms",
            item="turn",
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=50,  # the ends of speech are known to some 40 ms
            means="silence before the turn; negative: it began before the other had ended",
            null="nobody else spoke before, or the turn is a backchannel",
            source=_TURNS_SOURCE,
            compute=lambda tables: _column(tables, "latency_ms"),
        ),
        Feature(
            name="length_ms",
            item="turn",
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=0.1,  # of the logarithm: a tenth longer or shorter
            log=True,
            means="length of the turn, pauses included",
            null="never",
            source=_TURNS_SOURCE,
            compute=lambda tables: _column(tables, pl.col("end_ms") - pl.col("start_ms")),
        ),
        Feature(
            name="pause_share",
            item="turn",
            unit="0-1",
            group="speaker",
            needs="timing",
            min_mad=0.02,
            means=f"share of the turn in own pauses of at least {settings.pause_min_ms} ms",
            null=f"the turn is shorter than {settings.speech_min_ms} ms",
            source="Goldman-Eisler 1968",
            compute=partial(_pause_share, settings),
        ),
        Feature(
            name="n_pauses",
            item="turn",
            unit="pauses",
            group="speaker",
            needs="timing",
            min_mad=1,
            means=f"own pauses of at least {settings.pause_min_ms} ms in the turn",
            null="never",
            source="Goldman-Eisler 1968",
            compute=partial(_n_pauses, settings),
        ),
    ]


def _of_events() -> list[Feature]:
    return [
        Feature(
            name="length_ms",
            item="silence",
            unit="ms",
            group="pair",
            needs="timing",
            min_mad=0.1,  # of the logarithm: a tenth longer or shorter
            log=True,
            means="length of the silence",
            null="never; what lies before the first and after the last speech has no row",
            source="Künsch et al. 2023",
            compute=_silence_length,
        ),
        Feature(
            name="length_ms",
            item="overlap",
            unit="ms",
            group="pair",
            needs="timing",
            min_mad=0.1,  # of the logarithm: a tenth longer or shorter
            log=True,
            means="how long both spoke",
            null="never",
            source=_TURNS_SOURCE,
            compute=_overlap_length,
        ),
    ]


def _of_windows(item: str, settings: config.Features) -> list[Feature]:
    def declare(
        name: str,
        unit: str,
        min_mad: float,
        compute: Callable[[Tables, pl.DataFrame], pl.DataFrame],
        *,
        pair: bool = False,
        means: str,
        null: str,
        source: str,
        needs_words: bool = False,
        log: bool = False,
    ) -> Feature:
        return Feature(
            name=name,
            item=item,
            unit=unit,
            group="pair" if pair else "speaker",
            needs="words" if needs_words else "timing",
            min_mad=min_mad,
            log=log,
            means=means,
            null=null,
            source=source,
            compute=lambda tables: compute(
                tables, windows(tables, item, settings.window_min_share)
            ),
        )

    least = settings.window_speech_min_ms
    no_overlap = "the diarizer knows no overlapping speech"
    return [
        declare(
            "speech_ms",
            "ms",
            1000,
            _speech_ms,
            means="how long the person speaks",
            null="never",
            source=_TURNS_SOURCE,
        ),
        declare(
            "talk_share",
            "0-1",
            0.03,
            partial(_talk_share, least),
            means="the person's share of all speech; overlapping speech counts for both",
            null=f"less than {least} ms of speech in the window",
            source="domain.md, section 4",
        ),
        declare(
            "silence_share",
            "0-1",
            0.02,
            _silence_share,
            pair=True,
            means="share of the window in which nobody speaks",
            null="never",
            source="Levitt 2001",
        ),
        declare(
            "overlap_share",
            "0-1",
            0.01,
            _overlap_share,
            pair=True,
            means="share of the window in which two speak",
            null=no_overlap,
            source=_TURNS_SOURCE,
        ),
        declare(
            "switches_per_min",
            "per minute",
            1,
            _switches,
            pair=True,
            means="changes of speaker, backchannels left out",
            null="never",
            source=_TURNS_SOURCE,
        ),
        declare(
            "floor_takings_per_min",
            "per minute",
            0.5,
            _floor_takings,
            needs_words=True,
            means="how often the person came in while the other spoke, and went on",
            null=f"{no_overlap}, or there are no words to tell it from a backchannel",
            source="Santa Barbara corpus: 29 an hour in everyday talk",
        ),
        declare(
            "backchannels_per_min",
            "per minute",
            0.5,
            _backchannels,
            needs_words=True,
            means="acknowledgements by the person while the other goes on",
            null="no transcript",
            source="Yngve 1970",
        ),
        declare(
            "latency_median_ms",
            "ms",
            50,
            _latency_median,
            means="median silence before the person's turns that begin in the window",
            null="no such turn",
            source=_TURNS_SOURCE,
        ),
        declare(
            "pause_share",
            "0-1",
            0.02,
            partial(_window_pause_share, settings),
            means=f"share of the person's turns in pauses of at least {settings.pause_min_ms} ms",
            null=f"turns of the person fill less than {least} ms of the window",
            source="Goldman-Eisler 1968",
        ),
    ]


def _column(tables: Tables, value: str | pl.Expr) -> pl.DataFrame:
    taken = pl.col(value) if isinstance(value, str) else value
    return tables["turns"].select(
        pl.col("turn_id").alias("item_id"), "speaker", taken.cast(pl.Float64).alias("value")
    )


def _silence_length(tables: Tables) -> pl.DataFrame:
    between = tables["silences"].filter(pl.col("kind") != "edge")
    return values(between["silence_id"], None, between["length_ms"])


def _overlap_length(tables: Tables) -> pl.DataFrame:
    overlaps = tables["overlaps"]
    return values(overlaps["overlap_id"], None, overlaps["end_ms"] - overlaps["start_ms"])


def _pause_share(settings: config.Features, tables: Tables) -> pl.DataFrame:
    silent, parts = pauses(tables, settings.pause_min_ms), []
    for (name,), turns in sorted_groups(tables["turns"]):
        starts, ends = columns(turns)
        length = ends - starts
        share = np.full(len(length), np.nan)
        if str(name) in silent:
            share = silent[str(name)].covered_ms(starts, ends) / length
        share[length < settings.speech_min_ms] = np.nan
        parts.append(values(turns["turn_id"], name, share))
    return together(parts)


def _n_pauses(settings: config.Features, tables: Tables) -> pl.DataFrame:
    silent, parts = pauses(tables, settings.pause_min_ms), []
    for (name,), turns in sorted_groups(tables["turns"]):
        count: Ints | None = None
        if str(name) in silent:
            which, _ = inside(silent[str(name)].starts, *columns(turns))
            count = np.bincount(which, minlength=turns.height)
        parts.append(values(turns["turn_id"], name, count))
    return together(parts)


def _minutes(cut: pl.DataFrame) -> NDArray[np.float64]:
    starts, ends = columns(cut)
    return np.asarray((ends - starts) / _PER_MINUTE_MS)


def _speech_ms(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    spoken = talk(tables)
    starts, ends = columns(cut)
    return together(
        values(cut["item_id"], name, spoken[name].covered_ms(starts, ends))
        for name in speakers(tables)
        if name in spoken
    )


def _talk_share(least_ms: int, tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    own = _speech_ms(tables, cut)
    total = pl.col("value").sum().over("item_id")
    share = pl.when(total >= least_ms).then(pl.col("value") / total)
    return own.with_columns(share.alias("value"))


def _silence_share(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    starts, ends = columns(cut)
    speech = intervals(tables["spans"].filter("regular")).covered_ms(starts, ends)
    return values(cut["item_id"], None, 1 - speech / (ends - starts))


def _knows_overlap(tables: Tables) -> bool:
    """Whether overlapping speech was told apart; without a word of the diarizer, no."""
    found = tables.get("diarization")
    return found is not None and not found.is_empty() and bool(found["knows_overlap"][0])


def _overlap_share(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    if not _knows_overlap(tables):
        return values(cut["item_id"], None, None)
    starts, ends = columns(cut)
    all_speech = intervals(tables["spans"].filter("regular")).covered_ms(starts, ends)
    each = sum(own.covered_ms(starts, ends) for own in talk(tables).values())
    # Of two speakers, what each says beyond the union is said at the same time.
    return values(cut["item_id"], None, (each - all_speech) / (ends - starts))


def _switches(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    turns = tables["turns"].filter(~pl.col("is_backchannel").fill_null(value=False))
    turns = turns.sort("start_ms", "turn_id")
    changed = turns.filter(pl.col("speaker") != pl.col("speaker").shift(1))
    return values(cut["item_id"], None, _count(changed["start_ms"], cut) / _minutes(cut))


def _count(times: pl.Series, cut: pl.DataFrame) -> Ints:
    which, _ = inside(times.sort().to_numpy(), *columns(cut))
    return np.bincount(which, minlength=cut.height)


def _floor_takings(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    # Without words a quick "mm-hm" cannot be told from a taking of the floor.
    known = _knows_overlap(tables) and tables["turns"]["text"].is_not_null().any()
    parts = []
    for name in speakers(tables):
        own = tables["overlaps"].filter(pl.col("other") == name)
        took = own.filter(pl.col("kind") == "floor_taking")["start_ms"]
        unclear = own.filter(pl.col("kind").is_null())["start_ms"]
        rate = np.full(cut.height, np.nan)
        if known:
            rate = _count(took, cut) / _minutes(cut)
            rate = np.where(_count(unclear, cut) > 0, np.nan, rate)
        parts.append(values(cut["item_id"], name, rate))
    return together(parts)


def _backchannels(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    turns = tables["turns"]
    known = turns["is_backchannel"].is_not_null().any()
    parts = []
    for name in speakers(tables):
        said = turns.filter(pl.col("speaker") == name, pl.col("is_backchannel"))
        rate = _count(said["start_ms"], cut) / _minutes(cut) if known else None
        parts.append(values(cut["item_id"], name, rate))
    return together(parts)


def _latency_median(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    parts = []
    for name in speakers(tables):
        turns = tables["turns"].filter(pl.col("speaker") == name).drop_nulls("latency_ms")
        turns = turns.sort("start_ms")
        which, points = inside(turns["start_ms"].to_numpy(), *columns(cut))
        found = pl.DataFrame(
            {"item_id": cut["item_id"][which], "value": turns["latency_ms"][points]}
        )
        medians = found.group_by("item_id").agg(pl.col("value").median())
        all_windows = cut.select("item_id").join(medians, on="item_id", how="left")
        parts.append(values(all_windows["item_id"], name, all_windows["value"]))
    return together(parts)


def _window_pause_share(
    settings: config.Features, tables: Tables, cut: pl.DataFrame
) -> pl.DataFrame:
    silent, parts = pauses(tables, settings.pause_min_ms), []
    starts, ends = columns(cut)
    for (name,), turns in sorted_groups(tables["turns"]):
        held = intervals(turns).covered_ms(starts, ends)
        share = np.full(len(held), np.nan)
        enough = held >= settings.window_speech_min_ms
        if str(name) in silent:
            paused = silent[str(name)].covered_ms(starts, ends)
            share[enough] = paused[enough] / held[enough]
        parts.append(values(cut["item_id"], name, share))
    return together(parts)
