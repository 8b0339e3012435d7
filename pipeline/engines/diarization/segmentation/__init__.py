"""Diarizer `segmentation`: one microphone, two or more speakers, and where several speak at once.

::

    speech regions   ═══════════════   ═════      ════════════
    segmentation     ─────1─────┐          ┌──2──      ────3────    who is whom within 10 s
                          └──2──┘
    overlap                ░░░░░                                     two speak
    blocks           AAAAAA     BBBB   BBBBB      AAAAAAAAAAAA       one speaks: `joining`
    regular          AAAAAAAAAAA
                           BBBBBBBBB   BBBBB      AAAAAAAAAAAA
    exclusive        AAAAAAAABBBBBBB   BBBBB      AAAAAAAAAAAA

Where two speak is segmentation's to say, and nothing undoes it; who speaks alone is decided by
voice vectors, mixtures and segmentation together. In an overlap the two who are nearest in time
speak (Otterson & Ostendorf, "Efficient use of overlap information in speaker diarization", ASRU
2007). The exclusive view gives it to whoever speaks both before and after, else half to each.
"""

from collections.abc import Iterator, Sequence
from importlib import metadata

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.audio.samples import Audio
from pipeline.config import Settings
from pipeline.core import frame_runs
from pipeline.core.errors import EngineError
from pipeline.core.registry import engine
from pipeline.core.tables import Recording
from pipeline.core.time import FRAME_MS, SAMPLES_PER_FRAME
from pipeline.engines import models
from pipeline.engines.diarization import views
from pipeline.engines.diarization.clustering import mixtures
from pipeline.engines.diarization.clustering.voices import mel
from pipeline.engines.diarization.segmentation import campplus, joining, networks, windows
from pipeline.engines.diarization.segmentation.joining import Blocks, Joining, Voices
from pipeline.engines.diarization.segmentation.settings import Segmentation
from pipeline.engines.protocols import Diarized, Identity

Matrix = NDArray[np.float32]
Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]

_PACKAGES = ("pyannote.audio", "torch")
_NOBODY = -1
_SPEAK = 2  # at once; segmentation knows no more
_FRAMES_AT_ONCE = 6000


@engine("diarizer", "segmentation", settings=Segmentation, auto=2)
class SegmentationDiarizer:
    """Speakers of a recording, and where they overlap.

    Parameters
    ----------
    settings
        Uses `segmentation`, `engines.threads` and `models_folder`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = settings.section(Segmentation)
        self._loaded: networks.Networks | None = None

    def identity(self) -> Identity:
        """Versions of pyannote.audio and torch, name and digest of the model.

        Raises
        ------
        EngineError
            A library is not installed, or the model is not in the models folder.
        """
        model = self._model()
        try:
            versions = {name: metadata.version(name) for name in _PACKAGES}
        except metadata.PackageNotFoundError as caught:
            raise EngineError(
                f"{caught.name} is not installed", hint="pip install pyannote.audio==4.0.7"
            ) from caught
        return {"engine": "segmentation", **versions, "model": model.name, "digest": model.digest}

    def diarize(
        self, audio: Audio | None, activity: pl.DataFrame, recording: Recording
    ) -> Diarized:
        """Spans of "speaker 1", "speaker 2", ... in order of first speech, on the mixed channels.

        Somebody speaks where the table `activity` says so, and where segmentation hears two. The
        number of speakers is from the session notes, else `segmentation.speakers`; one, if nothing
        tells a second one apart. `margin` is 1 if no second of speech is expected to be given to
        the wrong speaker, and 0 from a share of `segmentation.margin_wrong` on; None with one.

        Raises
        ------
        EngineError
            There is no audio, or the model is missing or failed.
        """
        if audio is None:
            raise EngineError(
                "the diarizer 'segmentation' needs audio", hint="set engines.diarizer: imported"
            )
        settings = self._own
        k = recording.metadata.speakers or settings.speakers
        n = -(-audio.n_samples // SAMPLES_PER_FRAME)
        active = _mask(activity, n)
        if k == 1 or not active.any():
            return Diarized(_spans([active], [active], audio), None, knows_overlap=True)
        loaded = self._networks()
        try:
            heard = windows.listen(
                audio, loaded.segmentation, settings.step_ms, settings.windows_at_once
            )
        except Exception as caught:
            raise _failed(caught) from caught
        several = heard.overlap > settings.overlap_threshold
        several = frame_runs.long(several, settings.overlap_min_ms)
        alone = (active | several) & ~several
        cut = joining.blocks(alone, heard, settings.block_ms)
        joined = self._joined(audio, cut, heard, k)
        if joined is None:
            either = active | several
            return Diarized(_spans([either], [either], audio), None, knows_overlap=True)
        path, wrong = joined
        who = np.full(n, _NOBODY, np.int64)
        who[cut.frames] = np.repeat(path, cut.lengths)
        regular, exclusive = _views(who, several, k)
        margin = max(0.0, 1 - wrong / settings.margin_wrong)
        return Diarized(_spans(regular, exclusive, audio), margin, knows_overlap=True)

    def _joined(
        self, audio: Audio, cut: Blocks, heard: windows.Windows, k: int
    ) -> tuple[Labels, float] | None:
        """Speaker of each block, and the expected share of errors; None: there is one speaker."""
        settings = self._own
        pieces = joining.pieces(cut, settings)
        if len(pieces) < k:
            return None
        bands = [campplus.bands(_samples(audio, *piece)) for piece in pieces]
        try:
            found = networks.vectors(self._networks().voices, bands, settings.vectors_at_once)
        except Exception as caught:
            raise _failed(caught) from caught
        cepstra = _cepstra(audio, cut, settings.floor_db)
        speakers = Joining(cut, cepstra, Voices.of(pieces, found), k, settings)
        path = speakers.solve(heard)
        return None if path is None else (path, speakers.wrong_share(path))

    def _model(self) -> models.Model:
        model = models.find(self._own.model, self._settings)
        if model.kind != networks.KIND:
            raise EngineError(
                f"model '{model.name}' is not segmentation and voice vectors",
                hint=f"tether models fetch {networks.KIND}",
            )
        return model

    def _networks(self) -> networks.Networks:
        """Loaded once for all recordings."""
        if self._loaded is None:
            self._loaded = networks.load(
                self._model().folder, self._own.device, self._settings.engines.threads
            )
        return self._loaded


def _failed(caught: Exception) -> EngineError:
    return EngineError(
        f"segmentation failed: {type(caught).__name__}",
        hint="out of memory? set segmentation.device: cpu",
    )


def _mask(activity: pl.DataFrame, n: int) -> Mask:
    mask = np.zeros(n, np.bool_)
    for start_ms, end_ms in activity.select("start_ms", "end_ms").iter_rows():
        mask[start_ms // FRAME_MS : -(-end_ms // FRAME_MS)] = True
    return mask


def _samples(audio: Audio, start: int, end: int) -> Matrix:
    return audio.mixed(start * SAMPLES_PER_FRAME, end * SAMPLES_PER_FRAME)


def _cepstra(audio: Audio, cut: Blocks, floor_db: float) -> Matrix:
    """Features of the frames of all blocks, scaled to mean 0 and variance 1; shape (frames, 40)."""
    frames = cut.frames
    n = int(cut.ends[-1])
    parts = []
    for at in range(0, n, _FRAMES_AT_ONCE):
        until = min(at + _FRAMES_AT_ONCE, n)
        some = mixtures.cepstra(mel(_samples(audio, at, until))[: until - at], floor_db)
        first, last = np.searchsorted(frames, (at, until))
        parts.append(some[frames[first:last] - at])
    found = np.concatenate(parts)
    found -= found.mean(axis=0)
    found /= np.maximum(found.std(axis=0), np.float32(1e-6))
    return found


def _views(who: Labels, several: Mask, k: int) -> tuple[list[Mask], list[Mask]]:
    """Frames of each speaker: with those in which several speak, and one at a time."""
    regular, exclusive = ([who == speaker for speaker in range(k)] for _ in range(2))
    placed = np.flatnonzero(who != _NOBODY)
    own = [np.flatnonzero(mask) for mask in regular]
    for start, end in zip(*frame_runs.edges(several), strict=True):
        for speaker in sorted(range(k), key=lambda one: _away(own[one], start, end))[:_SPEAK]:
            regular[speaker][start:end] = True
        at, middle = int(np.searchsorted(placed, start)), (start + end) // 2
        exclusive[who[placed[max(at - 1, 0)]]][start:middle] = True
        exclusive[who[placed[min(at, len(placed) - 1)]]][middle:end] = True
    return regular, exclusive


def _away(frames: Labels, start: int, end: int) -> int:
    """How far the nearest of `frames` lies before `start` or after `end`; none lies within."""
    at = int(np.searchsorted(frames, start))
    before, after = frames[max(at - 1, 0)], frames[min(at, len(frames) - 1)]
    return int(min(abs(start - before), abs(after - end)))


def _spans(regular: Sequence[Mask], exclusive: Sequence[Mask], audio: Audio) -> pl.DataFrame:
    return views.spans(*(_stretches(view, audio.duration_ms) for view in (regular, exclusive)))


def _stretches(view: Sequence[Mask], duration_ms: int) -> Iterator[tuple[int, int, int]]:
    for one, mask in enumerate(view):
        for start, end in zip(*frame_runs.edges(mask), strict=True):
            yield int(start) * FRAME_MS, min(int(end) * FRAME_MS, duration_ms), one
