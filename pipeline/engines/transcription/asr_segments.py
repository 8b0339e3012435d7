"""Regions of speech to transcribe: one speaker each, neither scraps nor too long.

::

    spans    ██ ███    ██████████        speaker 1
    regions  ▐██████▌  ▐██████████▌      joined over short silences, padded into the silence around
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import cast

import polars as pl

from pipeline import config


def cut(spans: pl.DataFrame, duration_ms: int, settings: config.Transcription) -> pl.DataFrame:
    """Regions of the exclusive view of `spans`.

    Returns
    -------
    DataFrame
        Columns start_ms, end_ms, speaker, channel (null: all channels mixed), sorted by start_ms.
        Each is padded by `region_pad_ms`, at most half of the silence to the next region of its
        channel. A span longer than `region_max_ms` stays whole: the transcriber knows best where
        to cut it.
    """
    rows: list[tuple[int, int, str, int | None]] = []
    exclusive = spans.filter("exclusive").sort("start_ms", "end_ms")
    for (channel,), shared in exclusive.group_by("channel", maintain_order=True):
        joined = list(_joined(shared, settings))
        ends = [None, *accumulate((end for _, end, _ in joined[:-1]), max)]
        starts = [*(start for start, _, _ in joined[1:]), None]
        for (start, end, speaker), before, after in zip(joined, ends, starts, strict=True):
            left = start if before is None else max(0, start - before) // 2
            right = duration_ms - end if after is None else max(0, after - end) // 2
            padded = (
                start - min(settings.region_pad_ms, left),
                end + min(settings.region_pad_ms, right),
            )
            rows.append((*padded, speaker, cast("int | None", channel)))
    schema = {"start_ms": pl.Int64, "end_ms": pl.Int64, "speaker": pl.String, "channel": pl.Int16}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("start_ms", "end_ms", "speaker")


def _joined(spans: pl.DataFrame, settings: config.Transcription) -> Iterator[tuple[int, int, str]]:
    """Spans of one channel, joined over short silences without another speaker."""
    current: tuple[int, int, str] | None = None
    for start, end, speaker in spans.select("start_ms", "end_ms", "speaker").iter_rows():
        if (
            current
            and speaker == current[2]
            and start - current[1] <= settings.region_join_ms
            and max(end, current[1]) - current[0] <= settings.region_max_ms
        ):
            current = (current[0], max(end, current[1]), speaker)
        else:
            if current:
                yield current
            current = (start, end, speaker)
    if current:
        yield current
