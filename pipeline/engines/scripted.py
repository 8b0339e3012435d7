"""Engines that return given results, for tests, demonstrations and experiments.

Public on purpose. A researcher who wants to see what the rules make of a diarization of his own,
or of a transcript that no format can hold, hands tables to these and the engines to
`assembly.Workbench(settings, workspace, engines={...})`; a test of everything above the engines
needs no model::

    spans = SPANS.frame([{"start_ms": 0, "end_ms": 4000, "speaker": "A", ...}])
    Workbench(settings, workspace, engines={"diarizer": ScriptedDiarizer(spans)})

Their identity holds a digest of the content: other tables have another address in the store.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from pipeline.audio.samples import Audio, Samples
from pipeline.core.tables import SPANS, WORDS, Recording
from pipeline.core.time import SAMPLES_PER_MS
from pipeline.core.vocabulary import MARKERS
from pipeline.engines.protocols import Diarized, Exchange, Identity, Reading, Transcribed


def _identity(engine: str, frame: pl.DataFrame, *more: object) -> Identity:
    content = f"{frame.write_csv()}\0{more!r}"
    return {"engine": engine, "digest": hashlib.sha256(content.encode()).hexdigest()}


class ScriptedDiarizer:
    """A diarizer that knows the answer.

    Parameters
    ----------
    spans
        Table `spans`.
    margin, knows_overlap
        As in `ports.Diarized`.
    """

    def __init__(
        self, spans: pl.DataFrame, *, margin: float | None = None, knows_overlap: bool = True
    ) -> None:
        self._spans = SPANS.conform(spans).sort("start_ms", "end_ms", "speaker")
        self._margin = margin
        self._knows_overlap = knows_overlap

    def identity(self) -> Identity:
        """Digest of the spans."""
        return _identity("scripted", self._spans, self._margin, self._knows_overlap)

    def diarize(
        self, audio: Audio | None, activity: pl.DataFrame, recording: Recording
    ) -> Diarized:
        """The given spans, for any audio."""
        del audio, activity, recording
        return Diarized(self._spans, self._margin, self._knows_overlap)


class ScriptedTranscriber:
    """A transcriber that knows the answer.

    Parameters
    ----------
    words
        Table `words`.
    language
        ISO 639-1 of the words; it is the only one that this transcriber says it knows.
    dropped_words
        Words that it pretends to have refused.
    """

    def __init__(
        self, words: pl.DataFrame, *, language: str = "en", dropped_words: int = 0
    ) -> None:
        self._words = WORDS.conform(words).sort("start_ms", "word_id")
        self._language = language
        self._dropped_words = dropped_words

    def identity(self) -> Identity:
        """Digest of the words."""
        return _identity("scripted", self._words, self._language, self._dropped_words)

    def languages(self) -> frozenset[str]:
        """The language of its words."""
        return frozenset({self._language})

    def transcribe(
        self, audio: Audio | None, regions: pl.DataFrame, language: str | None
    ) -> Transcribed:
        """The given words, for any regions."""
        del audio, regions, language
        return Transcribed(self._words, self._language, self._dropped_words)


class ScriptedReader:
    """A reader that knows the answer.

    Parameters
    ----------
    shown
        By reply the probability of each marker that it shows; all else shows nothing.
    """

    def __init__(self, shown: Mapping[str, Mapping[str, float]]) -> None:
        self._shown = {reply: dict(markers) for reply, markers in shown.items()}

    def identity(self) -> Identity:
        """Digest of what it knows."""
        content = json.dumps(self._shown, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        return {"engine": "scripted", "digest": digest}

    def languages(self) -> None:
        """All."""
        return

    def read(self, exchanges: Sequence[Exchange]) -> list[Reading]:
        """What it knows of each reply, which carries its reading as a whole."""
        return [self._reading(each) for each in exchanges]

    def _reading(self, exchange: Exchange) -> Reading:
        markers = self._shown.get(exchange.reply, {})
        found = {marker: markers.get(marker, 0.0) for marker in MARKERS}
        if not markers:
            return Reading(found)
        return Reading(found, exchange.reply, ("an example", "another example"))


class ScriptedDetector:
    """A speech detector that says the same of every channel, from its first sample on.

    Parameters
    ----------
    speech_ms
        Stretches of speech ``(start_ms, end_ms)``.
    block_ms
        Length of the block that one probability speaks for.

    Notes
    -----
    `probabilities` is asked about stretches of samples and does not learn where in the recording
    they begin; a caller that hands over a recording piece by piece gets the beginning of the
    script for every piece.
    """

    def __init__(self, speech_ms: Iterable[tuple[int, int]], *, block_ms: int = 32) -> None:
        self._speech_ms = tuple(speech_ms)
        self._block_ms = block_ms

    @property
    def block_ms(self) -> int:
        """Length of the block that one probability covers."""
        return self._block_ms

    def identity(self) -> Identity:
        """Digest of the stretches."""
        content = repr((self._speech_ms, self._block_ms))
        digest = hashlib.sha256(content.encode()).hexdigest()
        return {"engine": "scripted", "digest": digest}

    def probabilities(self, samples: Samples) -> Samples:
        """1 for each block whose middle lies in speech, else 0."""
        blocks = math.ceil(len(samples) / (self._block_ms * SAMPLES_PER_MS))
        middles = (np.arange(blocks) + 0.5) * self._block_ms
        speech = np.zeros(blocks, dtype=np.float32)
        for start, end in self._speech_ms:
            speech[(middles >= start) & (middles < end)] = 1
        return speech
