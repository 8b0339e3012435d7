"""How surely an enrolled voice is known again, on read speech: 5 speakers, 10 utterances each.

A speaker's voice is enrolled from one half of the utterances. The other halves make sessions of two
speakers: of the enrolled one with each other speaker, and of any two others, in which nobody must
be recognised.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path

import av
import numpy as np
from scipy import signal

from pipeline.audio.samples import Audio
from pipeline.config import Settings
from pipeline.core.tables import SPANS, VOICES
from pipeline.core.time import samples_to_ms
from pipeline.engines.protocols import VoiceEncoder
from pipeline.speech import voices
from pipeline.speech.voices import Vector

RATE = 16_000
BANDS = ("wide", "telephone")


@dataclass(frozen=True)
class Errors:
    """Counts of sessions, and likenesses.

    Attributes
    ----------
    right, wrong, abstained
        Sessions with the enrolled speaker.
    taken, refused
        Sessions without: somebody was recognised, nobody was.
    equal_error_rate
        Of the likeness alone, at the best threshold.
    least_same, most_other
        Smallest likeness of a voice to itself, largest of another's.
    least_margin
        Smallest by which the enrolled speaker is more alike than the other; negative: less.
    """

    right: int
    wrong: int
    abstained: int
    taken: int
    refused: int
    equal_error_rate: float
    least_same: float
    most_other: float
    least_margin: float


Voices = Mapping[tuple[str, int], Vector]


def halves(folder: Path, band: str, encoder: VoiceEncoder, settings: Settings) -> Voices:
    """Voice of each speaker from the first and from the second half of the utterances."""
    found = {}
    for speaker in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        files = sorted((folder / speaker).glob("*.flac"))
        for half in (0, 1):
            wave = np.concatenate([_wave(file, band) for file in files[half::2]])
            spans = SPANS.frame([_span(samples_to_ms(len(wave)))])
            voice, _ = voices.mean(Audio([wave]), spans, "A", encoder, settings.voices)
            assert voice is not None
            found[speaker, half] = voice
    return found


def errors(enrolled: Voices, heard: Voices, settings: Settings) -> Errors:
    """What comes of all sessions; `enrolled` and `heard` may be of different bands."""
    present = [
        _recognised(float(left @ known), float(right @ known), settings)
        for known, left, right in _pairs(enrolled, heard)
    ]
    absent = [
        _recognised(float(heard[a, 1 - half] @ voice), float(heard[b, 1 - half] @ voice), settings)
        for (speaker, half), voice in enrolled.items()
        for a, b in combinations(sorted({s for s, _ in heard} - {speaker}), 2)
    ]
    same = np.array([v @ heard[s, 1 - half] for (s, half), v in enrolled.items()])
    others = np.array(
        [
            v @ w
            for (s, h), v in enrolled.items()
            for (t, k), w in heard.items()
            if s != t and h != k
        ]
    )
    margins = [
        float(left @ known - right @ known) for known, left, right in _pairs(enrolled, heard)
    ]
    return Errors(
        right=present.count("A"),
        wrong=present.count("B"),
        abstained=present.count(None),
        taken=len(absent) - absent.count(None),
        refused=absent.count(None),
        equal_error_rate=_equal_error_rate(same, others),
        least_same=float(same.min()),
        most_other=float(others.max()),
        least_margin=min(margins),
    )


def _pairs(enrolled: Voices, heard: Voices) -> Iterator[tuple[Vector, Vector, Vector]]:
    """An enrolled voice, the same speaker's in a session, and that of the other who is there."""
    for own, other in permutations(sorted({speaker for speaker, _ in enrolled}), 2):
        for half in (0, 1):
            yield enrolled[own, half], heard[own, 1 - half], heard[other, 1 - half]


def _recognised(a: float, b: float, settings: Settings) -> str | None:
    rows = [{"speaker": s, "enrolled": "T", "similarity": v} for s, v in (("A", a), ("B", b))]
    table = VOICES.frame({**row, "speech_ms": 1} for row in rows)
    return next(iter(voices.recognised(table, settings.roles)), None)


def _equal_error_rate(same: Vector, others: Vector) -> float:
    thresholds = np.concatenate([same, others])
    return min(max(float(np.mean(others >= at)), float(np.mean(same < at))) for at in thresholds)


def _wave(file: Path, band: str) -> Vector:
    with av.open(str(file)) as container:
        parts = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    wave = np.concatenate(parts).astype(np.float32) / 32768
    if band == "telephone":
        band_pass = signal.butter(4, (300, 3400), "bandpass", fs=RATE, output="sos")
        narrow = signal.resample_poly(signal.sosfilt(band_pass, wave), 1, 2)
        wave = signal.resample_poly(narrow, 2, 1)[: len(wave)]
    return np.asarray(wave, dtype=np.float32)


def _span(end_ms: int) -> dict[str, object]:
    return {"start_ms": 0, "end_ms": end_ms, "speaker": "A", "exclusive": True, "regular": True}
