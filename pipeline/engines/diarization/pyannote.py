"""Diarizer `pyannote`: a pipeline of pyannote.audio 4 from the models folder, on one microphone.

Both of its views are kept (`engines.diarization.views`): the *regular* one, with overlapping
speech, from which timing is measured, and the *exclusive* one, with one speaker at a time, from
which words get their speaker.

A pipeline is read as data: see `engines.checkpoints`.

Nothing leaves the machine: hub and telemetry are switched off before the library is imported, the
sound is handed over in memory (so that FFmpeg is not needed), and the speaker vectors, which are
voice prints, are dropped as soon as their distance is known.
"""

import warnings
from collections.abc import Iterator
from importlib import metadata
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from pipeline.audio.samples import Audio
from pipeline.config import Section, Settings
from pipeline.core.errors import EngineError
from pipeline.core.registry import engine
from pipeline.core.tables import Recording
from pipeline.core.time import s_to_ms
from pipeline.engines import models
from pipeline.engines.diarization import views
from pipeline.engines.models import checkpoints
from pipeline.engines.protocols import Diarized, Identity

_PACKAGE = "pyannote.audio"
_BLOCK_SAMPLES = 1 << 20


class Pyannote(Section):
    """Diarizer `pyannote`: a pipeline from a local folder."""

    ordered = (("min_speakers", "<=", "max_speakers"),)

    model: str = Field(description="name of the model in the models folder")
    min_speakers: int = Field(ge=1, description="if the session notes give no number")
    max_speakers: int = Field(ge=1, description="if the session notes give no number")
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto: a GPU where there is one")


@engine("diarizer", "pyannote", settings=Pyannote, auto=1)
class PyannoteDiarizer:
    """Speakers of a recording by a neural pipeline; overlapping speech is separated."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = settings.section(Pyannote)
        self._loaded: Any = None

    def identity(self) -> Identity:
        """Version of pyannote.audio and torch, name and digest of the pipeline.

        Raises
        ------
        EngineError
            The library is not installed, or the pipeline is not in the models folder.
        """
        model = self._model()
        try:
            versions = {name: metadata.version(name) for name in (_PACKAGE, "torch")}
        except metadata.PackageNotFoundError as caught:
            raise EngineError(
                f"{_PACKAGE} is not installed", hint=f"pip install {_PACKAGE}==4.0.7"
            ) from caught
        return {"engine": "pyannote", **versions, "model": model.name, "digest": model.digest}

    def diarize(
        self, audio: Audio | None, activity: pl.DataFrame, recording: Recording
    ) -> Diarized:
        """Spans of "speaker 1", "speaker 2", ... in order of first speech, all channels mixed.

        The number of speakers is from the session notes, else between `min_speakers` and
        `max_speakers`. The margin is the smallest cosine distance between the vectors of two
        speakers, at most 1; None where fewer than two were found.

        Raises
        ------
        EngineError
            There is no audio, or the library failed.
        """
        del activity
        if audio is None:
            raise EngineError(
                "the diarizer 'pyannote' needs audio", hint="set engines.diarizer: imported"
            )
        pipeline = self._pipeline()
        settings = self._own
        wanted = {"num_speakers": recording.metadata.speakers}
        if recording.metadata.speakers is None:
            wanted = {"min_speakers": settings.min_speakers, "max_speakers": settings.max_speakers}
        try:
            with warnings.catch_warnings():
                # A window with one frame of speech has no spread; its vector is not used.
                warnings.filterwarnings("ignore", r"std\(\): degrees of freedom is <= 0")
                # Too short for so many speakers: the table says how many were found.
                warnings.filterwarnings("ignore", r"\s*The detected number of speakers")
                # Nobody speaks alone for long enough: no vectors, and the margin is None.
                warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
                warnings.filterwarnings("ignore", "invalid value encountered", RuntimeWarning)
                found = pipeline(_sound(audio), **wanted)
        except Exception as caught:
            raise EngineError(
                f"pyannote failed: {type(caught).__name__}",
                hint="out of memory? set pyannote.device: cpu, or engines.diarizer: clustering",
            ) from caught
        return Diarized(
            views.spans(
                _stretches(found.speaker_diarization, audio),
                _stretches(found.exclusive_speaker_diarization, audio),
            ),
            _margin(found.speaker_embeddings),
            knows_overlap=True,
        )

    def _model(self) -> models.Model:
        model = models.find(self._own.model, self._settings)
        if model.kind != "pyannote":
            raise EngineError(
                f"model '{model.name}' is not a pyannote pipeline",
                hint="tether models fetch pyannote",
            )
        return model

    def _pipeline(self) -> Any:
        """The loaded pipeline; loaded once for all recordings."""
        if self._loaded is None:
            model = self._model()
            models.offline()
            try:
                torch, library = checkpoints.libraries()
                checkpoints.check(model.folder)
                torch.set_num_threads(self._settings.engines.threads)
                device = self._own.device
                if device == "auto":
                    device = "cuda" if torch.cuda.is_available() else "cpu"
                with checkpoints.known_classes():
                    pipeline: Any = library.Pipeline.from_pretrained(model.folder)
                pipeline.legacy = False  # older configs ask for the regular view alone
                self._loaded = pipeline.to(torch.device(device))
            except EngineError:
                raise
            except Exception as caught:
                raise EngineError(
                    f"the pyannote pipeline cannot be loaded: {type(caught).__name__}",
                    hint="tether models verify",
                ) from caught
        return self._loaded


def _sound(audio: Audio) -> dict[str, Any]:
    """All channels mixed, copied once, block by block."""
    import torch

    mixed = np.empty(audio.n_samples, dtype=np.float32)
    for start in range(0, audio.n_samples, _BLOCK_SAMPLES):
        end = min(start + _BLOCK_SAMPLES, audio.n_samples)
        mixed[start:end] = audio.mixed(start, end)
    return {
        "waveform": torch.from_numpy(mixed)[None],
        "sample_rate": audio.sample_rate_hz,
        "uri": "recording",
    }


def _stretches(view: Any, audio: Audio) -> Iterator[views.Stretch]:
    for segment, _, label in view.itertracks(yield_label=True):
        start_ms = s_to_ms(max(segment.start, 0.0))
        yield start_ms, min(s_to_ms(segment.end), audio.duration_ms), label


def _margin(vectors: Any) -> float | None:
    """Smallest cosine distance between two speakers, 0-1."""
    if vectors is None:
        return None
    lengths = np.linalg.norm(vectors, axis=1)
    heard = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
    if len(heard) < 2:  # noqa: PLR2004 - a distance needs two
        return None
    unit = vectors[heard] / lengths[heard, None]
    nearest = (unit @ unit.T)[np.triu_indices(len(heard), k=1)].max()
    return float(np.clip(1 - nearest, 0, 1))
