"""Speaker confusion on real recordings with a reference."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pipeline import audio, config
from pipeline.audio.samples import Audio, Samples
from pipeline.core.tables import Metadata, Recording
from pipeline.engines.protocols import Diarized, Diarizer
from pipeline.engines.vad.silero import Silero
from pipeline.speech import activity

Span = tuple[int, int, str]
"""Start ms, end ms, speaker."""


@dataclass(frozen=True)
class Referenced:
    """A recording, decoded, and who speaks in it."""

    audio: Audio
    spans: list[Span]

    def of(self, speaker: str) -> list[tuple[int, int]]:
        """Spans of a speaker, in ms."""
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


def heard(samples: Samples, settings: config.Settings) -> pl.DataFrame:
    """Speech activity of one microphone, as a run finds it."""
    return activity.detect(Audio([samples]), Silero(settings), settings.activity)


def diarized(samples: Samples, engine: Diarizer, settings: config.Settings) -> Diarized:
    """Who speaks on one microphone, as a run finds it."""
    one = Audio([samples])
    recording = Recording("0" * 64, one.duration_ms, 16_000, 1, Metadata())
    return engine.diarize(one, heard(samples, settings), recording)


def spans(table: pl.DataFrame) -> list[Span]:
    """Spans of a table, in its order."""
    return table.select("start_ms", "end_ms", "speaker").rows()


def truth(speech: Sequence[Sequence[tuple[int, int]]]) -> list[Span]:
    """True stretches of each speaker as spans; speakers are numbered from 0."""
    return [(start, end, str(who)) for who, own in enumerate(speech) for start, end in own]


def _speaking(spans: Sequence[Span], n: int) -> NDArray[np.bool_]:
    """Whether each speaker speaks in each 10 ms, shape (speakers, n)."""
    names = sorted({name for _, _, name in spans})
    found = np.zeros((max(len(names), 1), n), dtype=bool)
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


def naming(reference: Sequence[Span], found: Sequence[Span]) -> dict[str, str]:
    """For each speaker found the true one, so that most time is shared; nobody is named twice."""
    n = max(end for _, end, _ in [*reference, *found]) // 10 + 1
    names, guesses = (sorted({name for _, _, name in each}) for each in (reference, found))
    shared = _speaking(found, n).astype(int) @ _speaking(reference, n).T.astype(int)
    pairs = zip(*linear_sum_assignment(shared, maximize=True), strict=True)
    return {guesses[k]: names[i] for k, i in pairs}


@dataclass(frozen=True)
class DiarizationError:
    """Speaker time in 10 ms frames, overlapping speech counted for each; recordings add up.

    NIST RT-09: a frame with more true speakers than found ones is missed that often, with fewer a
    false alarm, and found speakers that are none of the true ones are confused. No collar.
    """

    total: int = 0
    missed: int = 0
    false: int = 0
    confused: int = 0

    def __add__(self, other: "DiarizationError") -> "DiarizationError":
        return DiarizationError(
            self.total + other.total,
            self.missed + other.missed,
            self.false + other.false,
            self.confused + other.confused,
        )

    @property
    def rate(self) -> float:
        """Diarization error rate: share of the speaker time, may be over 1."""
        return (self.missed + self.false + self.confused) / self.total


def diarization_error(reference: Sequence[Span], found: Sequence[Span]) -> DiarizationError:
    """Who spoke when against truth, under the best naming."""
    names = naming(reference, found)
    renamed = [(start, end, names.get(who, f"nobody {who}")) for start, end, who in found]
    n = max(end for _, end, _ in [*reference, *found]) // 10 + 1
    everybody = sorted({who for _, _, who in [*reference, *renamed]})
    true, guess = (
        np.array([_speaking([s for s in each if s[2] == who], n).any(axis=0) for who in everybody])
        for each in (reference, renamed)
    )
    n_true, n_guess = true.sum(axis=0), guess.sum(axis=0)
    right = (true & guess).sum(axis=0)
    return DiarizationError(
        int(n_true.sum()),
        int(np.maximum(n_true - n_guess, 0).sum()),
        int(np.maximum(n_guess - n_true, 0).sum()),
        int((np.minimum(n_true, n_guess) - right).sum()),
    )


def speech_error(
    reference: Sequence[Span], found: Sequence[Span], duration_ms: int
) -> tuple[float, float]:
    """Missed speech and false alarm, as shares of the time in which anybody speaks; no collar."""
    n = duration_ms // 10 + 1
    wanted = _speaking(reference, n).any(axis=0)
    guess = _speaking(found, n).any(axis=0)
    return (
        float((wanted & ~guess).sum() / wanted.sum()),
        float((guess & ~wanted).sum() / wanted.sum()),
    )
