"""What a plug must offer: speech detector, diarizer, transcriber, pitch tracker, two encoders.

An engine is one file under `engines/`, a class that is constructed with the run's `Settings`.
Constructing loads nothing. `identity()` is cheap, imports no model library, and names everything
on which the result depends that is no setting (library version, model digest), for it goes into
the address of what the engine made. Where library or model is missing, `identity()` raises an
`EngineError` whose hint is the next command to type: so `doctor` and the choice of ``auto`` learn
what is present. An engine imports its library inside its methods, never on import of the module;
third-party errors become `EngineError`, raised ``from`` them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.tables import Recording, Tables
from pipeline.timebase import SAMPLE_RATE_HZ, samples_to_ms

Samples = NDArray[np.float32]
"""Shape (n,), 16 kHz, full scale is -1..1."""

Identity = Mapping[str, str]


@dataclass(frozen=True)
class Attachment:
    """A file that somebody else's tool wrote: a transcript or a diarization.

    Attributes
    ----------
    suffix
        Lower-case ending of its name, with the dot: it tells the format.
    content
        Its bytes. The path stays with whoever read it.
    speaker
        Whose file it is, where there is one per participant; None: the file says who speaks.
    """

    suffix: str
    content: bytes
    speaker: str | None = None


@dataclass(frozen=True)
class Audio:
    """The decoded recording: one array per channel, all of the same length.

    Attributes
    ----------
    channels
        Samples of each channel at 16 kHz, usually memory-mapped: slice them, never copy the whole.
    """

    channels: Sequence[Samples]
    sample_rate_hz: int = SAMPLE_RATE_HZ

    @property
    def n_samples(self) -> int:
        """Samples per channel."""
        return len(self.channels[0])

    @property
    def duration_ms(self) -> int:
        """Length in whole milliseconds."""
        return samples_to_ms(self.n_samples)

    def mixed(self, start: int, end: int) -> Samples:
        """Mean of all channels over the samples ``[start, end)``."""
        if len(self.channels) == 1:
            return self.channels[0][start:end]
        total = np.zeros(min(end, self.n_samples) - start, dtype=np.float32)
        for channel in self.channels:
            total += channel[start:end]
        return total / np.float32(len(self.channels))


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
        """Length of the block that one probability speaks for."""
        ...


class Diarizer(Protocol):
    """Says who spoke when."""

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
    """What a diarizer found.

    Attributes
    ----------
    spans
        Table `spans`, sorted by start_ms.
    margin
        Separation of the speakers, 0-1; None where it is not defined.
    knows_overlap
        False: nothing is said of overlapping speech, and timing of overlaps is null, not zero.
    ends_estimated
        Imported lines had no end, or too many had no usable one: where speech stops is a guess, and
        timing must not rest on it.
    repairs
        Sentences for a person: what of an imported file was mended or passed over, counted.
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
    """What a transcriber heard.

    Attributes
    ----------
    words
        Table `words`, sorted by start_ms.
    language
        ISO 639-1 of what was heard; None if unknown.
    dropped_words
        Words refused by the guards against hallucination.
    repairs
        Sentences for a person: what of an imported file was mended or passed over, counted.
    """

    words: pl.DataFrame
    language: str | None
    dropped_words: int
    repairs: tuple[str, ...] = ()


class VoiceEncoder(Protocol):
    """Turns speech into vectors that are alike where the voice is."""

    def identity(self) -> Identity:
        """Library version and model digest (key `model`: its vectors are alike to each other)."""
        ...

    def vectors(self, pieces: Sequence[Callable[[], Samples]]) -> NDArray[np.float32]:
        """One vector of length 1 for each piece of speech, shape (n, size).

        Parameters
        ----------
        pieces
            Each gives its samples when it is its turn; one speaker each, 0.4 s at least.
        """
        ...


class SentenceEncoder(Protocol):
    """Turns sentences into vectors that are alike where the meaning is."""

    def identity(self) -> Identity:
        """Library version and model digest."""
        ...

    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes that it knows; None for all."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of length 1 for each text, shape (n, size).

        Words can be read back from such vectors: whoever asks keeps them in memory only.
        """
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


@dataclass(frozen=True)
class Feature:
    """One measure of turns, silences, overlaps or windows.

    Attributes
    ----------
    name
        Its name in rules: ``<name>``, ``<name>_z`` and ``<name>_pct`` are columns there.
    item
        What it measures: one of `tables.ITEMS`; `features.speech.over` makes of ``window`` all
        kinds of window.
    unit
        Unit of the value, as people write it ("ms", "words", "semitones", "per minute", "0-1").
    group
        Within what a value is compared: the values of its speaker, of its pair (for silences: the
        same speakers before and after), or of the session.
    needs
        The family of rules that it serves; a family that quality disabled gets null.
    min_mad
        Smallest median absolute deviation, in the unit (with `log`: of the logarithm): a
        zero-inflated count gets an honest z.
    log
        The baseline is taken over log1p of the value (durations).
    detrend
        A linear drift over the session is removed before the baseline (pitch, level, rate).
    means, null, source
        For people: what it says, what null means, and where the definition comes from.
    error
        How far it was off, and on what data that was measured; empty: nobody has measured it.
    version
        Raised whenever `compute` gives other values.
    compute
        From the tables of a session and the items that are measured to a value of each, in their
        order; null, NaN or infinite: it could not be measured. `features.measure_all` says what
        the items are.
    min_share
        A last window that is shorter than this share of its length is not measured.
    """

    name: str
    item: str
    unit: str
    group: Literal["speaker", "pair", "session"]
    needs: Literal["timing", "voice", "words"]
    min_mad: float
    means: str
    null: str
    source: str
    compute: Callable[[Tables, pl.DataFrame], pl.Series | NDArray[Any]]
    log: bool = False
    detrend: bool = False
    version: int = 1
    error: str = ""
    min_share: float = 0
