"""Transcriber `moonshine`: English, its model comes with the package, nothing to download.

Each region is heard on its own, with the library's own speech detector switched off (the regions
are the speech) and its speaker vectors too (they are voice prints, and cost a third of the time).
The model says no word times: words are spread over the speech within their piece, and say so
(``timing = interpolated``).
"""

import hashlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import Field

from pipeline.audio.samples import Audio, Samples
from pipeline.config import Section, Settings
from pipeline.core.errors import EngineError
from pipeline.core.registry import engine
from pipeline.core.time import FRAME_MS, SAMPLE_RATE_HZ, ms_to_samples
from pipeline.engines.protocols import Identity, Transcribed
from pipeline.engines.transcription.asr_chunks import Piece, cut, levels_dbfs, samples
from pipeline.engines.transcription.hallucination_filter import (
    Word,
    filter_hallucinations,
    key,
    table,
)

_PACKAGE = "moonshine-voice"
_MODEL = "tiny-en"
_LOUD_PERCENTILE = 90
_OPTIONS = {"vad_threshold": "0", "identify_speakers": "false", "return_audio_data": "false"}


class Moonshine(Section):
    """Transcriber `moonshine`: built in, English."""

    piece_max_ms: int = Field(gt=0, description="longest piece that is heard at once")
    edge_ms: int = Field(ge=0, description="silence put on either side of a piece")
    loud_dbfs: float = Field(lt=0, description="level to which loud speech of a piece is brought")
    max_gain_db: float = Field(ge=0, description="largest gain")
    speech_range_db: float = Field(gt=0, description="words stand on frames this near to the loud")


@engine("transcriber", "moonshine", settings=Moonshine, auto=2)
class MoonshineTranscriber:
    """English words from Moonshine's smallest model.

    Word error, machine and data are in `tests/engines/test_moonshine.py`. The library chooses its
    own number of threads; `engines.threads` has no effect on it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = settings.section(Moonshine)
        self._loaded: Any = None

    def identity(self) -> Identity:
        """Version of the package and digest of its model, as the wheel's record states it.

        Raises
        ------
        EngineError
            The package is not installed (there is none for this platform), or came without model.
        """
        try:
            distribution = metadata.distribution(_PACKAGE)
        except metadata.PackageNotFoundError as caught:
            raise EngineError(
                "moonshine-voice is not installed",
                hint=f"pip install {_PACKAGE}==0.0.59 (Linux and Windows, 64 bit)",
            ) from caught
        files = [path for path in distribution.files or [] if f"/{_MODEL}/" in path.as_posix()]
        hashes = [f"{path.name} {path.hash.value}" for path in files if path.hash]
        if not hashes or not all(Path(path.locate()).is_file() for path in files):
            raise EngineError(
                f"moonshine-voice {distribution.version} came without the model {_MODEL}",
                hint=f"pip install {_PACKAGE}==0.0.59 (later ones download it)",
            )
        return {
            "engine": "moonshine",
            _PACKAGE: distribution.version,
            "model": _MODEL,
            "digest": hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest(),
        }

    def languages(self) -> frozenset[str]:
        """English only."""
        return frozenset({"en"})

    def transcribe(
        self, audio: Audio | None, regions: pl.DataFrame, language: str | None
    ) -> Transcribed:
        """Words of each region; `language` is not looked at, English is heard.

        Raises
        ------
        EngineError
            There is no audio, or the library failed.
        """
        del language
        if audio is None:
            raise EngineError("a transcript without audio cannot be transcribed")
        longest_ms = self._own.piece_max_ms
        heard: list[tuple[str, Word]] = []
        dropped = 0
        for piece in cut(audio, regions, longest_ms):
            sound = samples(audio, piece.channel, piece.start_ms, piece.end_ms)
            words = list(self._spread(self._hear(sound), piece, sound))
            kept = filter_hallucinations(words, piece, sound, self._settings.transcription.guards)
            heard += [(piece.speaker, word) for word in kept]
            dropped += len(words) - len(kept)
        return Transcribed(table(heard, "interpolated"), "en", dropped)

    def _hear(self, sound: Samples) -> list[str]:
        """Words of a piece; none where nothing is loud enough to be speech."""
        own = self._own
        levels = levels_dbfs(sound)
        if levels.max(initial=-200.0) < self._settings.transcription.guards.silence_dbfs:
            return []
        # The model hears the bare wave, and quiet voices worse.
        gain_db = min(own.loud_dbfs - np.percentile(levels, _LOUD_PERCENTILE), own.max_gain_db)
        loud = np.clip(sound * np.float32(10 ** (gain_db / 20)), -1, 1)
        try:
            script = self._library().transcribe_without_streaming(
                np.pad(loud, ms_to_samples(own.edge_ms)).tolist(), SAMPLE_RATE_HZ
            )
        except EngineError:
            raise
        except Exception as caught:
            raise EngineError(f"moonshine failed: {type(caught).__name__}") from caught
        text = " ".join(line.text for line in script.lines)
        return [word for word in text.split() if key(word)]

    def _spread(self, words: list[str], piece: Piece, sound: Samples) -> Iterator[Word]:
        """Words laid over the loud frames of a piece, each as long as its letters are many.

        ::

            level   ▁▂▆▇▆▁▁▁▅▇▆▂▁
            words     one    two
        """
        if not words:
            return
        levels = levels_dbfs(sound)
        floor = np.percentile(levels, _LOUD_PERCENTILE) - self._own.speech_range_db
        speech = np.flatnonzero(levels >= floor)
        weights = np.array([len(key(word)) + 1 for word in words])
        bounds = np.concatenate(([0], np.cumsum(weights))) / weights.sum() * len(speech)
        for word, start, end in zip(words, bounds[:-1], bounds[1:], strict=True):
            first = speech[min(int(start), len(speech) - 1)]
            last = speech[min(max(int(np.ceil(end)) - 1, int(start)), len(speech) - 1)]
            yield Word(
                word,
                piece.start_ms + int(first) * FRAME_MS,
                piece.start_ms + (int(last) + 1) * FRAME_MS,
            )

    def _library(self) -> Any:
        """The loaded model; loaded once for all recordings."""
        if self._loaded is None:
            self.identity()
            try:
                from moonshine_voice import ModelArch, get_model_path
                from moonshine_voice.transcriber import Transcriber

                self._loaded = Transcriber(
                    str(get_model_path(_MODEL)), ModelArch.TINY, options=_OPTIONS
                )
            except Exception as caught:
                raise EngineError(
                    f"moonshine cannot be loaded: {type(caught).__name__}",
                    hint="tether doctor; on Linux it needs glibc 2.34 or newer",
                ) from caught
        return self._loaded
