"""HNR, CPP, jitter and shimmer beside Praat, on the same stretches of the same sentences.

Praat is reached through ``praat-parselmouth`` (GPL), which Tether neither needs nor installs: who
has it can measure. Praat marks cycles in the whole sentence by itself; of its marks those count
that lie at the moments which we measured. Its cepstrum is read at the same moments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.audio.samples import Audio, Samples
from pipeline.config import Settings
from pipeline.core.tables import SPANS
from pipeline.core.time import SAMPLE_RATE_HZ
from pipeline.engines.protocols import PitchTracker
from pipeline.evaluation.errors.pitch import sentences
from pipeline.measures import frames

Floats = NDArray[np.float64]
MEASURES = ("hnr_db", "cpp_db", "jitter", "shimmer")
_SIDE = 2  # cycles on either side of a moment, as in `periodicity`


@dataclass(frozen=True)
class Agreement:
    """How two measures of the same sentences agree.

    Attributes
    ----------
    r
        Correlation over sentences, all speakers.
    bias
        Median difference, ours less Praat's.
    """

    r: float
    bias: float


def installed() -> bool:
    """Whether Praat can be asked."""
    return find_spec("parselmouth") is not None


def material(data: Path) -> Iterator[Samples]:
    """All sentences of two folders of `data`: pitch, read_speech."""
    for samples, _ in sentences(data / "pitch"):
        yield samples
    for path in sorted((data / "read_speech").glob("*/*.flac")):
        with av.open(str(path)) as container:
            blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
        yield np.asarray(np.concatenate(blocks, axis=1)[0] / 2**15, np.float32)


def medians(
    sounds: Iterator[Samples], tracker: PitchTracker, settings: Settings
) -> tuple[Floats, Floats]:
    """Ours and Praat's median of each sentence; shape (sentences, measures)."""
    ours, theirs = [], []
    for samples in sounds:
        audio = Audio([samples])
        whole = [{"start_ms": 0, "end_ms": audio.duration_ms, "speaker": "a", "channel": 0}]
        spans = SPANS.frame([row | {"exclusive": True, "regular": True} for row in whole])
        found = frames.measure(audio, spans, tracker, settings).drop_nulls(MEASURES)
        told = found.select(MEASURES).to_numpy().astype(np.float64)
        heard = _praat(samples, found)
        both = ~np.isnan(heard).any(axis=1)
        ours.append(np.median(told[both], axis=0))
        theirs.append(np.median(heard[both], axis=0))
    return np.array(ours), np.array(theirs)


def agreements(ours: Floats, theirs: Floats) -> dict[str, Agreement]:
    """Agreement of each measure."""
    return {
        name: Agreement(
            float(np.corrcoef(ours[:, k], theirs[:, k])[0, 1]),
            float(np.median(ours[:, k] - theirs[:, k])),
        )
        for k, name in enumerate(MEASURES)
    }


def _praat(samples: Samples, found: pl.DataFrame) -> Floats:
    """Praat's values at the moments of `found`; NaN where its marks say something else."""
    import parselmouth  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415  # GPL
    from parselmouth.praat import (  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415
        call,
    )

    at_s = found["t_ms"].to_numpy() / 1000
    sound = parselmouth.Sound(samples.astype(np.float64), SAMPLE_RATE_HZ)
    harmonicity = call(sound, "To Harmonicity (ac)", 0.01, 75, 0.1, 4.5)
    hnr_db = np.array([call(harmonicity, "Get value at time", t, "nearest") for t in at_s])
    hnr_db[hnr_db < -100] = np.nan  # Praat's mark of silence
    cepstra = call(call(sound, "To PowerCepstrogram", 60, 0.002, 5000, 50), "Smooth", 0.02, 0.0005)
    cpp_db = [
        call(
            call(cepstra, "To PowerCepstrum (slice)", t),
            "Get peak prominence",
            *(60, 500, "parabolic", 0.001, 0.05, "Straight", "Robust"),
        )
        for t in at_s
    ]
    marks = call(sound, "To PointProcess (periodic, cc)", 60, 500)
    count = call(marks, "Get number of points")
    tier = call([marks, sound], "To AmplitudeTier (period)", 0, 0, 0.0001, 0.02, 1.7)
    times = np.array([call(marks, "Get time from index", k + 1) for k in range(count)])
    heights = np.array([call(tier, "Get value at time", t) for t in times])
    jitter, shimmer = _perturbations(times, heights, at_s, found["f0_hz"].to_numpy())
    return np.column_stack([hnr_db, cpp_db, jitter, shimmer])


def _perturbations(
    times: Floats, heights: Floats, at_s: Floats, f0_hz: Any
) -> tuple[Floats, Floats]:
    """Local jitter and shimmer of the marks around each moment."""
    nearest = np.abs(times[:, None] - at_s).argmin(axis=0)
    nearest = np.clip(nearest, _SIDE, len(times) - _SIDE - 1)
    around = nearest[:, None] + np.arange(-_SIDE, _SIDE + 1)
    periods = np.diff(times[around], axis=1)
    # Where Praat heard no voice or another octave there is nothing to compare.
    same = (np.abs(periods * np.asarray(f0_hz)[:, None] - 1) < 0.35).all(axis=1)
    same &= np.abs(times[nearest] - at_s) < 1 / np.asarray(f0_hz)
    values = [
        np.abs(np.diff(some, axis=1)).mean(axis=1) / some.mean(axis=1)
        for some in (periods, heights[around])
    ]
    return np.where(same, values[0], np.nan), np.where(same, values[1], np.nan)
