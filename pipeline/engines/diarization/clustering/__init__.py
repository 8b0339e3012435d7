"""Diarizer `clustering`: one microphone, two or more speakers, one small network.

::

    speech regions   ═══════════   ═════      ════════════
    pieces <= 2 s    ─── ─── ───   ─────      ──── ──── ──     a voice vector each
    k-means           A   A   B      B          A    A   A     from several starts
    mixtures         AAAAAABBBBB   BBBBB      AAAAAAAAAAAA     each 50 ms, repeated to a fixed point

Of all starts the partition that explains the voice vectors best is kept. Voices are learnt on up to
`training_ms` of speech, taken evenly from the recording, and then followed through all of it. The
recipe knows no overlap: where two speak at once it names one of them (`knows_overlap` is False).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.audio.samples import Audio
from pipeline.config import Settings
from pipeline.core.errors import EngineError
from pipeline.core.intervals import Intervals
from pipeline.core.registry import engine
from pipeline.core.tables import SPANS, Recording
from pipeline.core.time import FRAME_MS, ms_to_samples
from pipeline.engines.diarization.clustering import mixtures, partition, voices
from pipeline.engines.diarization.clustering.encoder import Ge2e
from pipeline.engines.diarization.clustering.settings import Clustering
from pipeline.engines.protocols import Diarized, Identity

Matrix = NDArray[np.float32]
Labels = NDArray[np.int64]
Stretch = tuple[int, int]
"""Start and end, ms."""

_REGIONS_AT_ONCE = 64


@engine("diarizer", "clustering", settings=Clustering, auto=3)
class ClusteringDiarizer:
    """Two or more speakers on one microphone.

    Parameters
    ----------
    settings
        Uses `clustering`, `engines.threads` and `models_folder`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._encoder = Ge2e(settings)

    def identity(self) -> Identity:
        """Version of torch and digest of the voice network.

        Raises
        ------
        EngineError
            torch is missing; the weights are missing, or others than expected.
        """
        torch = voices.torch_version()
        path = voices.weights_path(self._settings)
        return {"engine": "clustering", "torch": torch, "ge2e": voices.digest(path)}

    def diarize(
        self, audio: Audio | None, activity: pl.DataFrame, recording: Recording
    ) -> Diarized:
        """Spans of "speaker 1", "speaker 2", ... in order of first speech, on the mixed channels.

        The number of speakers is from the session notes, else `clustering.speakers`. `margin` is
        low where the recording may contain one voice only; None for a single speaker, or with too
        little speech to divide.

        Raises
        ------
        EngineError
            There is no audio, or the voice network is missing or failed.
        """
        if audio is None:
            raise EngineError(
                "the diarizer 'clustering' needs audio", hint="set engines.diarizer: imported"
            )
        settings = self._settings.section(Clustering)
        regions = list(Intervals.of_rows(activity))
        spoken_ms = sum(end - start for start, end in regions)
        training = regions[:: max(1, -(-spoken_ms // settings.training_ms))]
        pieces = [piece for region in training for piece in _cut(region, settings.piece_ms)]
        k = min(recording.metadata.speakers or settings.speakers, len(pieces))
        if k <= 1:
            spans = _spans(regions, np.zeros(len(regions), dtype=np.int64))
            return Diarized(spans, None, knows_overlap=False)
        vectors = self._encoder.vectors([partial(_samples, audio, piece) for piece in pieces])
        weights = np.array([end - start for start, end in pieces], dtype=np.float32)
        vectors = partition.centred(vectors, weights)
        labels = partition.tightest(vectors, weights, k, settings.starts, settings.seed)
        near = partition.silhouette(vectors, weights, labels)
        share = (near - settings.margin_low) / (settings.margin_high - settings.margin_low)
        trust = len(pieces) / (len(pieces) + settings.margin_pieces)
        speakers = _Resegmentation(audio, training, settings)
        speakers.learn(pieces, labels)
        blocks, path = speakers.follow(regions)
        spans = _spans(blocks, partition.in_order(path))
        return Diarized(spans, float(np.clip(share, 0, 1)) * trust, knows_overlap=False)


@dataclass(frozen=True)
class _Blocks:
    """The grid on which speakers may change.

    Attributes
    ----------
    stretches
        Start and end of each, ms; the last of a region may be shorter.
    frames
        Number of 10 ms frames of each.
    switch
        Cost of another speaker than in the block before.
    """

    stretches: list[Stretch]
    frames: Labels
    switch: NDArray[np.float64]

    @property
    def first(self) -> Labels:
        """Index of the first frame of each."""
        return np.cumsum(self.frames) - self.frames


class _Resegmentation:
    """Mixtures of the speakers, learnt on some regions of speech, and laid over all of them."""

    def __init__(self, audio: Audio, training: Sequence[Stretch], settings: Clustering) -> None:
        self._audio = audio
        self._settings = settings
        self._training = training
        raw = np.concatenate(list(self._cepstra(training)))
        self._mean = raw.mean(axis=0)
        self._scale = np.maximum(raw.std(axis=0), np.float32(1e-6))
        self._frames = self._scaled(raw)
        chosen = self._frames[:: -(-len(raw) // settings.training_frames)]
        components = min(settings.components, len(chosen) // settings.component_frames)
        self._common = mixtures.train(
            chosen, max(1, components), settings.training_rounds, settings.seed
        )
        self._speakers: list[mixtures.Mixture] = []

    def learn(self, pieces: Sequence[Stretch], labels: Labels) -> None:
        """Fit the speakers' mixtures, from the speaker of each piece on, until nothing changes."""
        blocks = _grid(self._training, self._settings)
        begins = [start for start, _ in pieces]
        at = np.searchsorted(begins, [start for start, _ in blocks.stretches], "right") - 1
        path = labels[at]
        self._speakers = self._adapted(np.repeat(path, blocks.frames))
        for _ in range(self._settings.rounds):
            following = self._best(blocks, [self._frames])
            if (following == path).all() or len(np.unique(following)) < len(self._speakers):
                break  # settled; or a speaker vanished, and the mixtures before stand
            path = following
            self._speakers = self._adapted(np.repeat(path, blocks.frames))

    def follow(self, regions: Sequence[Stretch]) -> tuple[list[Stretch], Labels]:
        """Blocks of `regions`, and the speaker of each."""
        blocks = _grid(regions, self._settings)
        frames = (self._scaled(raw) for raw in self._cepstra(regions))
        return blocks.stretches, self._best(blocks, frames)

    def _adapted(self, speaker: Labels) -> list[mixtures.Mixture]:
        return [
            mixtures.adapted(self._common, self._frames[speaker == one], self._settings.relevance)
            for one in np.unique(speaker)
        ]

    def _best(self, blocks: _Blocks, frames: Iterable[Matrix]) -> Labels:
        parts = [
            np.stack([speaker.likelihood(some) for speaker in self._speakers], axis=1)
            for some in frames
        ]
        scores = np.add.reduceat(np.concatenate(parts).astype(np.float64), blocks.first)
        return mixtures.best_path(scores, blocks.switch)[1]

    def _scaled(self, raw: Matrix) -> Matrix:
        scaled: Matrix = np.asarray((raw - self._mean) / self._scale, np.float32)
        return scaled

    def _cepstra(self, regions: Sequence[Stretch]) -> Iterator[Matrix]:
        """Features of the frames of `regions`, some regions at a time."""
        for at in range(0, len(regions), _REGIONS_AT_ONCE):
            yield np.concatenate(
                [
                    mixtures.cepstra(
                        voices.mel(_samples(self._audio, region))[: _n_frames(region)],
                        self._settings.floor_db,
                    )
                    for region in regions[at : at + _REGIONS_AT_ONCE]
                ]
            )


def _grid(regions: Sequence[Stretch], settings: Clustering) -> _Blocks:
    stretches: list[Stretch] = []
    switch: list[float] = []
    before = 0
    for start, end in regions:
        starts = range(start, end, settings.block_ms)
        stretches += [(at, min(at + settings.block_ms, end)) for at in starts]
        forgotten = float(np.exp(-(start - before) / settings.forget_ms))
        switch += [settings.switch_cost * forgotten] + [settings.switch_cost] * (len(starts) - 1)
        before = end
    frames = np.array([_n_frames(stretch) for stretch in stretches], dtype=np.int64)
    return _Blocks(stretches, frames, np.array(switch))


def _n_frames(stretch: Stretch) -> int:
    return -(-(stretch[1] - stretch[0]) // FRAME_MS)


def _samples(audio: Audio, stretch: Stretch) -> Matrix:
    return audio.mixed(ms_to_samples(stretch[0]), ms_to_samples(stretch[1]))


def _cut(region: Stretch, longest_ms: int) -> list[Stretch]:
    """The region in equal pieces of at most `longest_ms`, cut at multiples of 10 ms."""
    start, end = region
    count = -(-(end - start) // longest_ms)
    inner = [start + (end - start) * i // count // FRAME_MS * FRAME_MS for i in range(1, count)]
    return list(zip([start, *inner], [*inner, end], strict=True))


def _spans(stretches: Sequence[Stretch], speakers: Labels) -> pl.DataFrame:
    """Table `spans`: stretches of one speaker that touch become one."""
    joined: list[tuple[int, int, int]] = []
    for (start, end), speaker in zip(stretches, speakers.tolist(), strict=True):
        if joined and joined[-1][1] == start and joined[-1][2] == speaker:
            joined[-1] = (joined[-1][0], end, speaker)
        else:
            joined.append((start, end, speaker))
    return SPANS.frame(
        {
            "start_ms": start,
            "end_ms": end,
            "speaker": f"speaker {speaker + 1}",
            "exclusive": True,
            "regular": True,
        }
        for start, end, speaker in joined
    )
