"""Who was taken for whom: real recordings with their reference, and speaker confusion."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import audio, config
from pipeline.ports import Audio

Span = tuple[int, int, str]
"""Start ms, end ms, speaker."""


@dataclass(frozen=True)
class Referenced:
    """A recording, decoded, and who speaks in it."""

    audio: Audio
    spans: list[Span]

    def of(self, speaker: str) -> list[tuple[int, int]]:
        return [(start, end) for start, end, name in self.spans if name == speaker]


def referenced(flac: Path) -> Referenced:
    """A recording with the RTTM beside it."""
    with audio.decode([flac], tempfile.TemporaryFile, config.load().audio) as decoded:
        channels = [np.array(channel) for channel in decoded.audio.channels]
    spans = []
    for line in flac.with_suffix(".rttm").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        start_ms = round(float(fields[3]) * 1000)
        spans.append((start_ms, start_ms + round(float(fields[4]) * 1000), fields[7]))
    return Referenced(Audio(channels), spans)


def _speaking(spans: Sequence[Span], n: int) -> NDArray[np.bool_]:
    """Whether each speaker speaks in each 10 ms, shape (speakers, n)."""
    names = sorted({name for _, _, name in spans})
    found = np.zeros((len(names), n), dtype=bool)
    for start, end, name in spans:
        found[names.index(name), start // 10 : end // 10] = True
    return found


def confusion(
    reference: Sequence[Span], found: Sequence[Span], duration_ms: int, collar_ms: int = 500
) -> float:
    """Share of reference speech given to the wrong speaker under the best naming.

    Overlapping speech, and `collar_ms` to either side of each reference boundary, are left out.
    """
    n = duration_ms // 10 + 1
    wanted, heard = _speaking(reference, n), _speaking(found, n)
    scored = wanted.sum(axis=0) == 1
    for start, end, _ in reference:
        for at in (start, end):
            scored[max(at - collar_ms, 0) // 10 : (at + collar_ms) // 10] = False
    both = scored & heard.any(axis=0)
    truth, guess = wanted[:, both].argmax(axis=0), heard[:, both].argmax(axis=0)
    size = max(len(wanted), len(heard))
    right = max((np.array(naming)[guess] == truth).sum() for naming in permutations(range(size)))
    return float((both.sum() - right) / max(scored.sum(), 1))
