"""Runs of true values in masks of 10 ms frames."""

import numpy as np
from numpy.typing import NDArray

from pipeline.core.time import FRAME_MS

Mask = NDArray[np.bool_]


def edges(on: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First index of each run of true values, and first index after it."""
    change = np.diff(on.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(change == 1), np.flatnonzero(change == -1)


def closed(on: Mask, join_ms: int) -> Mask:
    """`on`, with gaps shorter than `join_ms` between two runs filled."""
    filled = on.copy()
    starts, ends = edges(on)
    for start, end in zip(ends[:-1], starts[1:], strict=True):
        if (end - start) * FRAME_MS < join_ms:
            filled[start:end] = True
    return filled


def long(on: Mask, min_ms: int) -> Mask:
    """`on` without the runs shorter than `min_ms`."""
    kept = on.copy()
    for start, end in zip(*edges(on), strict=True):
        if (end - start) * FRAME_MS < min_ms:
            kept[start:end] = False
    return kept


def grown(on: Mask, by_ms: int) -> Mask:
    """`on`, with every run extended by `by_ms` at both ends."""
    by = by_ms // FRAME_MS
    wider = on.copy()
    for start, end in zip(*edges(on), strict=True):
        wider[max(start - by, 0) : end + by] = True
    return wider


def under(on: Mask, values: NDArray[np.float32], threshold: float) -> Mask:
    """The runs of `on` in which no value reaches `threshold`."""
    below = np.zeros_like(on)
    for start, end in zip(*edges(on), strict=True):
        below[start:end] = values[start:end].max() < threshold
    return below
