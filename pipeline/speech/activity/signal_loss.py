"""Digital zeros: lost signal, or recorded silence.

Room noise is never exactly zero for long. Zeros therefore mean that signal was lost, and that
speech may be missing, with one exception: noise suppression and gates in video software write zeros
wherever nobody speaks::

    ungated   ~~~~====~~~~0000~~===~~~      0 a lost packet: all zeros are losses
    gated     0000====0000000==00===00      0 a pause
    gated     0000====0000000====00===      the last zeros broke off speech: a loss

A channel is *gated* if most of its pauses are zeros and most of its zeros begin gently: a gate
waits until speech has faded, lost signal does not. On a gated channel, only zeros that begin
abruptly, right after speech, are losses.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.core.tables import LOSSES
from pipeline.core.time import SAMPLES_PER_MS

Stretch = tuple[int, int]


def lost(
    audio: Audio, dropouts: pl.DataFrame, activity: pl.DataFrame, settings: config.Activity
) -> pl.DataFrame:
    """Table `losses`: the rows of `dropouts` in which signal was lost."""
    rows: list[dict[str, object]] = []
    for number, samples in enumerate(audio.channels):
        here = pl.col("channel") == number
        zeros = dropouts.filter(here).select("start_ms", "end_ms").rows()
        speech = activity.filter(here)
        abrupt = _abrupt(samples, zeros, speech, settings)
        kept = abrupt if _gated(zeros, abrupt, speech, settings) else zeros
        rows += [{"start_ms": a, "end_ms": b, "channel": number} for a, b in kept]
    return LOSSES.frame(rows).sort("start_ms", "channel")


def _abrupt(
    samples: Samples, zeros: list[Stretch], speech: pl.DataFrame, settings: config.Activity
) -> list[Stretch]:
    """The stretches of zeros that follow right after speech, at a level close to loud speech."""
    loud_dbfs = speech["level_dbfs"].quantile(settings.loud_percentile / 100)
    if loud_dbfs is None:
        return []
    least = 10 ** ((loud_dbfs - settings.abrupt_db) / 20)
    kept = []
    for start_ms, end_ms in zeros:
        first = max(start_ms - settings.abrupt_ms, 0) * SAMPLES_PER_MS
        before = np.asarray(samples[first : start_ms * SAMPLES_PER_MS], np.float64)
        before = np.trim_zeros(before, "b")  # zeros may begin anywhere within a frame
        if before.size and np.sqrt(np.mean(before**2)) >= least:
            kept.append((start_ms, end_ms))
    return kept


def _gated(
    zeros: list[Stretch], abrupt: list[Stretch], speech: pl.DataFrame, settings: config.Activity
) -> bool:
    pauses = list(_pauses(speech, settings.gated_pause_ms))
    if len(pauses) < settings.gated_pauses or 2 * len(abrupt) > len(zeros):
        return False
    begins, ends = np.array(zeros).reshape(-1, 2).T
    silent_ms = sum(
        int(np.maximum(np.minimum(ends, end) - np.maximum(begins, start), 0).sum())
        for start, end in pauses
    )
    return silent_ms >= settings.gated_share * sum(end - start for start, end in pauses)


def _pauses(speech: pl.DataFrame, least_ms: int) -> Iterator[Stretch]:
    """Pauses of at least `least_ms` between stretches of speech on a channel."""
    ends = speech["end_ms"].to_list()[:-1]
    for end, start in zip(ends, speech["start_ms"].to_list()[1:], strict=True):
        if start - end >= least_ms:
            yield end, start
