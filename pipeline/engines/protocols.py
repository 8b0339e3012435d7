"""Protocols of engines: speech detector, diarizer, transcriber, pitch tracker, encoder, reader.

An engine is one file under `engines/`, or in a user's package (`docs/plugins.md`): a class that is
constructed with the run's `Settings` and registers itself with `engine(kind, name, settings=...)`.
Constructing loads nothing. `identity()` is cheap, imports no model library, and names everything
that the result depends on besides settings (library version, model digest), because it is part of
the address of the result. If the library or model is missing, `identity()` raises an `EngineError`
whose hint is the next command to type; this is how `doctor` and ``auto`` see what is installed. An
engine imports its library inside its methods, never when its module is imported; third-party errors
become `EngineError`, raised ``from`` them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.audio.samples import Audio, Samples
from pipeline.core.tables import Recording

Identity = Mapping[str, str]


class SpeechDetector(Protocol):
    """Finds speech on one channel."""

    def identity(self) -> Identity:
        """Library version and model digest."""
        ...

    def probabilities(self, samples: Samples) -> Samples:
        """Speech probability, 0-1, of consecutive blocks of `block_ms`; bounded memory.

        Called from several threads at once, one for each channel.
        """
        ...

    @property
    def block_ms(self) -> int:
        """Length of the block that one probability covers."""
        ...


class Diarizer(Protocol):
    """Finds out who spoke when."""

    def identity(self) -> Identity:
        """Library version and model digest."""
        ...

    def diarize(
        self, audio: Audio | None, activity: pl.DataFrame, recording: Recording
    ) -> "Diarized":
        """Find the speakers.

        Parameters
        ----------
        audio
            None for an imported diarization.
        activity
            Table `activity`: speech on each channel.
        """
        ...


@dataclass(frozen=True)
class Diarized:
    """The result of a diarizer.

    Attributes
    ----------
    spans
        Table `spans`, sorted by start_ms.
    margin
        Separation of the speakers, 0-1; None where it is not defined.
    knows_overlap
        False: overlapping speech is unknown, and timing of overlaps is null, not zero.
    ends_estimated
        Imported lines had no end, or too many had no usable one: ends of speech are estimates, and
        timing must not depend on them.
    repairs
        Sentences for people: what was repaired or skipped in an imported file, with counts.
    """

    spans: pl.DataFrame
    margin: float | None
    knows_overlap: bool
    ends_estimated: bool = False
    repairs: tuple[str, ...] = ()


class Transcriber(Protocol):
    """Turns regions of speech into words."""

    def identity(self) -> Identity:
        """Library version and model digest."""
        ...

    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes that it knows; None for all."""
        ...

    def transcribe(
        self, audio: Audio | None, regions: pl.DataFrame, language: str | None
    ) -> "Transcribed":
        """Transcribe `regions`.

        Parameters
        ----------
        audio
            None for an imported transcript.
        regions
            Columns start_ms, end_ms, speaker, channel (null: mix all). One speaker each, of one
            channel, sorted by start_ms; regions of different speakers may overlap.
        language
            ISO 639-1; None: detect.
        """
        ...


@dataclass(frozen=True)
class Transcribed:
    """The result of a transcriber.

    Attributes
    ----------
    words
        Table `words`, sorted by start_ms.
    language
        ISO 639-1 code that was detected; None if unknown.
    dropped_words
        Words removed as hallucinations.
    repairs
        Sentences for people: what was repaired or skipped in an imported file, with counts.
    """

    words: pl.DataFrame
    language: str | None
    dropped_words: int
    repairs: tuple[str, ...] = ()


class VoiceEncoder(Protocol):
    """Turns speech into vectors that are similar for the same voice."""

    def identity(self) -> Identity:
        """Library version and model digest (key `model`: only its vectors can be compared)."""
        ...

    def vectors(self, pieces: Sequence[Callable[[], Samples]]) -> NDArray[np.float32]:
        """One vector of length 1 for each piece of speech, shape (n, size).

        Parameters
        ----------
        pieces
            Each gives its samples when it is its turn; one speaker each, 0.4 s at least.
        """
        ...


@dataclass(frozen=True)
class Exchange:
    """A reply and what it answers: what a reader reads.

    Attributes
    ----------
    before
        Turns before the reply, oldest first: whether the person who replies said it, and its text.
    reply
        Its text.
    wait_ms
        Silence before the reply; None: unknown.
    """

    before: tuple[tuple[bool, str], ...]
    reply: str
    wait_ms: int | None = None


@dataclass(frozen=True)
class Reading:
    """What a reader makes of a reply.

    Attributes
    ----------
    probabilities
        That the reply shows each marker, 0-1, by marker; their sum, at most 1: that it shows any.
    clause
        Words of the reply that carry it; None: it hardly shows anything.
    resembles
        Examples that were written for this project, nearest first; empty: as `clause`.
    """

    probabilities: Mapping[str, float]
    clause: str | None = None
    resembles: tuple[str, ...] = ()


class Reader(Protocol):
    """Reads which rupture markers a reply shows, given what was said before it."""

    def identity(self) -> Identity:
        """Library versions, digest of the model."""
        ...

    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes that it knows; None for all."""
        ...

    def read(self, exchanges: Sequence[Exchange]) -> Sequence[Reading]:
        """What each reply shows, in order."""
        ...


class PitchTracker(Protocol):
    """Measures the fundamental frequency."""

    def identity(self) -> Identity:
        """Library version and model digest."""
        ...

    def track(self, samples: Samples) -> tuple[Samples, Samples]:
        """Pitch of one stretch of speech.

        Returns
        -------
        f0_hz, voicing
            One value for each 10 ms frame (centres at ``10 * k`` ms, ``ceil(n / 160)`` frames);
            f0_hz is NaN where unvoiced, voicing is 0-1.
        """
        ...
