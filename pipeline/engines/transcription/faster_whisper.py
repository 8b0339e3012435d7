"""Transcriber `faster_whisper`: any Whisper in CTranslate2's format, from the models folder.

Regions of one speaker are put into windows of up to 28 s with a pause between them, for Whisper's
encoder always works on 30 s: alone, every "mm-hm" would cost as much as half a minute. Windows
are decoded in batches, which is twice as fast, and what batches are known to lose
(faster-whisper issues #1179, #1351, #1427) is made good:

- The library's batches decode without time tokens, so that the model stops early and the end of
  a window is missing. Here they decode with them.
- They take the first temperature only, and look at no threshold. Here a window that is improbable
  or loops is heard again alone, with the fallback over temperatures; the better of the two is kept.
- A window may end early, after "Yes, please.", though its speaker went on after the pause. Here
  stretches of speech that are left without words are heard once more, each alone.
- They ignore ``hallucination_silence_threshold``. Here every word must stand on speech, whatever
  way it came (`pipeline.engines.transcription.hallucination_filter`).
- Their prompt leaks into silence (#1179). Here a whole sentence of the prompt is refused.
- The prompt that keeps fillers reaches the first window of a file only, unless each window is a
  call of its own. Here it reaches every window.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from pipeline.audio.samples import Audio, Samples
from pipeline.config import Section, Settings
from pipeline.core.errors import EngineError
from pipeline.core.registry import engine
from pipeline.core.time import SAMPLE_RATE_HZ, ms_to_samples, s_to_ms
from pipeline.engines import models
from pipeline.engines.protocols import Identity, Transcribed
from pipeline.engines.transcription.asr_chunks import Piece, cut, samples
from pipeline.engines.transcription.hallucination_filter import (
    Word,
    filter_hallucinations,
    key,
    table,
)

_WINDOW_S = 30
_FRAMES_PER_S = 100
_MULTILINGUAL_VOCABULARY = 51_865
"""Size from which CTranslate2 takes a Whisper to be multilingual."""
_DETECTION_WINDOWS = 3
_JOINS = ("-", "'", "\N{RIGHT SINGLE QUOTATION MARK}")
"""A word that begins so, without a space before, goes on with the one before it."""


@dataclass(frozen=True)
class _Window:
    """Pieces of one speaker that are heard together.

    Attributes
    ----------
    pieces
        In order of start.
    starts_ms
        Where each begins within the window.
    sound
        The pieces with silence between them, at most 30 s.
    """

    pieces: tuple[Piece, ...]
    starts_ms: tuple[int, ...]
    sound: Samples

    def piece_at(self, ms: int) -> int:
        """Index of the piece that is nearest to a time of the window."""
        distances = [
            max(start - ms, ms - start - piece.length_ms, 0)
            for piece, start in zip(self.pieces, self.starts_ms, strict=True)
        ]
        return distances.index(min(distances))

    def part(self, index: int) -> Samples:
        """The samples of one piece."""
        start = ms_to_samples(self.starts_ms[index])
        return self.sound[start : start + ms_to_samples(self.pieces[index].length_ms)]


@dataclass(frozen=True)
class _Heard:
    """The result of a window.

    Attributes
    ----------
    words
        With their speaker.
    dropped
        Words that were not believed.
    doubtful
        It is improbable or loops.
    unheard
        Stretches of its pieces without a word, of `lost_ms` and more.
    """

    words: tuple[tuple[str, Word], ...]
    dropped: int
    doubtful: bool
    unheard: tuple[Piece, ...]

    @property
    def unheard_ms(self) -> int:
        """Length of all of them."""
        return sum(piece.length_ms for piece in self.unheard)

    def refused(self) -> "_Heard":
        """The same with no word believed."""
        return replace(self, words=(), dropped=self.dropped + len(self.words))


class FasterWhisper(Section):
    """Transcriber `faster_whisper`."""

    model: str = Field(description="name of the model in the models folder; auto: the largest")
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto: a GPU where there is one")
    compute_type: str = Field(description="of CTranslate2; auto: int8 on a CPU, float16 on a GPU")
    batch_size: int = Field(ge=1, description="windows that are decoded together")
    beam_size: int = Field(ge=1, description="beams of the search")
    temperatures: tuple[float, ...] = Field(description="tried in order for a doubtful window")
    window_gap_ms: int = Field(gt=0, description="silence between the pieces of a window")
    lost_ms: int = Field(gt=0, description="speech this long without a word is heard again")
    min_logprob: float = Field(lt=0, description="mean log probability under which it is doubtful")
    max_no_speech: float = Field(ge=0, le=1, description="over this and doubtful: no speech")
    max_compression: float = Field(gt=1, description="text that packs better than this is a loop")
    prompts: Mapping[str, str] = Field(
        description="by language: text in the style to write in; empty: none"
    )
    phantoms: tuple[str, ...] = Field(description="phrases from its training data, never spoken")


@engine("transcriber", "faster_whisper", settings=FasterWhisper, auto=1)
class FasterWhisperTranscriber:
    """Words with measured times from a local Whisper model."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = settings.section(FasterWhisper)
        self._loaded: Any = None

    def identity(self) -> Identity:
        """Versions of faster-whisper and CTranslate2, name and digest of the model.

        The device is not part of it: moving a workspace to another machine makes nothing stale.

        Raises
        ------
        EngineError
            The library is not installed, or the model is not in the models folder or incomplete.
        """
        model = self._model()
        try:
            versions = {name: metadata.version(name) for name in ("faster-whisper", "ctranslate2")}
        except metadata.PackageNotFoundError as caught:
            raise EngineError(
                "faster-whisper is not installed", hint="pip install 'faster-whisper>=1.2'"
            ) from caught
        return {
            "engine": "faster_whisper",
            **versions,
            "model": model.name,
            "digest": model.digest,
        }

    def languages(self) -> frozenset[str] | None:
        """English alone for an English-only model, else all.

        Raises
        ------
        EngineError
            The model is not there or incomplete.
        """
        place = self._model().folder
        if (place / "vocabulary.json").is_file():
            size = len(json.loads((place / "vocabulary.json").read_text(encoding="utf-8")))
        else:
            size = (place / "vocabulary.txt").read_bytes().count(b"\n")
        return None if size >= _MULTILINGUAL_VOCABULARY else frozenset({"en"})

    def transcribe(
        self, audio: Audio | None, regions: pl.DataFrame, language: str | None
    ) -> Transcribed:
        """Words of all regions.

        Raises
        ------
        EngineError
            There is no audio, the model does not know the language, or the library failed.
        """
        if audio is None:
            raise EngineError("a transcript without audio cannot be transcribed")
        known = self.languages()
        if language and known and language not in known:
            raise EngineError(
                f"the model knows {', '.join(known)} only, and the language is '{language}'",
                hint="tether models fetch whisper-base, and set faster_whisper.model",
            )
        pieces = cut(audio, regions, self._settings.transcription.region_max_ms)
        plans = _packed(pieces, self._settings.transcription.region_max_ms, self._own.window_gap_ms)
        try:
            if language is None and plans:
                language = "en" if known else self._detected(audio, plans)
            heard = list(self._all(audio, plans, language or "en"))
        except EngineError:
            raise
        except Exception as caught:
            raise EngineError(
                f"faster-whisper failed: {type(caught).__name__}",
                hint="out of memory? set faster_whisper.batch_size lower, or a smaller model",
            ) from caught
        words = table((pair for each in heard for pair in each.words), "aligned")
        return Transcribed(words, language, sum(each.dropped for each in heard))

    def _all(
        self, audio: Audio, plans: Sequence[tuple[Piece, ...]], language: str
    ) -> Iterator[_Heard]:
        """All windows, and after them, each alone, the stretches that they left unheard.

        Much of these is noise that was taken for speech. There a doubtful result is refused, for
        the fallback over temperatures would make words of it, at ten times the cost.
        """
        unheard: list[Piece] = []
        for window, heard in self._each(audio, plans, language):
            kept = heard
            if heard.doubtful:
                again = self._judged(window, self._alone(window, language))
                kept = min(again, heard, key=lambda one: (one.doubtful, one.unheard_ms))
            unheard += kept.unheard
            yield kept
        for _, heard in self._each(audio, [(piece,) for piece in unheard], language):
            yield heard.refused() if heard.doubtful else heard

    def _each(
        self, audio: Audio, plans: Sequence[tuple[Piece, ...]], language: str
    ) -> Iterator[tuple[_Window, _Heard]]:
        for first in range(0, len(plans), self._own.batch_size):
            batch = plans[first : first + self._own.batch_size]
            windows = [self._window(audio, pieces) for pieces in batch]
            for window, segments in zip(windows, self._together(windows, language), strict=True):
                yield window, self._judged(window, segments)

    def _window(self, audio: Audio, pieces: tuple[Piece, ...]) -> _Window:
        gap = np.zeros(ms_to_samples(self._own.window_gap_ms), dtype=np.float32)
        parts: list[Samples] = []
        starts: list[int] = []
        at_ms = 0
        for piece in pieces:
            starts.append(at_ms)
            parts += [samples(audio, piece.channel, piece.start_ms, piece.end_ms), gap]
            at_ms += piece.length_ms + self._own.window_gap_ms
        return _Window(pieces, tuple(starts), np.concatenate(parts[:-1]))

    def _together(self, windows: Sequence[_Window], language: str) -> list[list[Any]]:
        """Segments of each window, times from its start, all decoded at once."""
        from faster_whisper import BatchedInferencePipeline

        # Each window begins on a multiple of 30 s, where the library's rounding is exact.
        slot = _WINDOW_S * SAMPLE_RATE_HZ
        sound = np.zeros(len(windows) * slot, dtype=np.float32)
        clips = []
        for number, window in enumerate(windows):
            sound[number * slot : number * slot + len(window.sound)] = window.sound
            start = float(number * _WINDOW_S)
            clips.append({"start": start, "end": start + len(window.sound) / SAMPLE_RATE_HZ})
        segments, _ = BatchedInferencePipeline(self._whisper()).transcribe(
            sound,
            clip_timestamps=clips,
            batch_size=self._own.batch_size,
            temperature=self._own.temperatures[0],
            without_timestamps=False,
            **self._common(language),
        )
        found: list[list[Any]] = [[] for _ in windows]
        for segment in segments:
            number = segment.seek // (_WINDOW_S * _FRAMES_PER_S)
            for word in segment.words:
                word.start -= number * _WINDOW_S
                word.end -= number * _WINDOW_S
            found[number].append(segment)
        return found

    def _alone(self, window: _Window, language: str) -> list[Any]:
        """Segments of one window, with fallback over temperatures."""
        import ctranslate2

        ctranslate2.set_random_seed(0)  # temperatures above 0 draw; the same window, the same words
        segments, _ = self._whisper().transcribe(
            window.sound,
            temperature=list(self._own.temperatures),
            compression_ratio_threshold=self._own.max_compression,
            log_prob_threshold=self._own.min_logprob,
            no_speech_threshold=self._own.max_no_speech,
            **self._common(language),
        )
        return list(segments)

    def _common(self, language: str) -> dict[str, Any]:
        return {
            "language": language,
            "beam_size": self._own.beam_size,
            "condition_on_previous_text": False,
            "initial_prompt": self._own.prompts.get(language) or None,
            "word_timestamps": True,
            "vad_filter": False,
        }

    def _judged(self, window: _Window, segments: Sequence[Any]) -> _Heard:
        """Words of a window that are believed, each in its piece and in the recording's time."""
        own = self._own
        said: list[list[Word]] = [[] for _ in window.pieces]
        total = 0
        doubtful = False
        for segment in segments:
            words = [word for word in _whole(segment.words or ()) if key(word.word)]
            total += len(words)
            improbable = segment.avg_logprob < own.min_logprob
            doubtful |= improbable or segment.compression_ratio > own.max_compression
            if improbable and segment.no_speech_prob > own.max_no_speech:
                continue
            for word in words:
                start, end = s_to_ms(word.start), s_to_ms(word.end)
                index = window.piece_at((start + end) // 2)
                shift = window.pieces[index].start_ms - window.starts_ms[index]
                confidence = min(max(float(word.probability), 0.0), 1.0)
                said[index].append(Word(word.word.strip(), start + shift, end + shift, confidence))
        kept: list[tuple[str, Word]] = []
        unheard: list[Piece] = []
        for index, (piece, words) in enumerate(zip(window.pieces, said, strict=True)):
            guards = self._settings.transcription.guards
            spoken = filter_hallucinations(
                _unhaunted(words, self._phantoms()), piece, window.part(index), guards
            )
            kept += [(piece.speaker, word) for word in spoken]
            unheard += _unheard(piece, spoken, own.lost_ms)
        return _Heard(tuple(kept), total - len(kept), doubtful, tuple(unheard))

    def _phantoms(self) -> list[str]:
        """Phrases that were not spoken: from subtitles, and from the prompt, which leaks in."""
        few = self._settings.transcription.guards.few_words
        sentences = [
            [key(word) for word in sentence.split()]
            for prompt in self._own.prompts.values()
            for sentence in prompt.split(".")
        ]
        leaks = [" ".join(words) for words in sentences if len(words) > few]
        return [*self._own.phantoms, *leaks]

    def _detected(self, audio: Audio, plans: Sequence[tuple[Piece, ...]]) -> str:
        """The language of the longest windows."""
        longest = sorted(plans, key=lambda pieces: -sum(piece.length_ms for piece in pieces))
        votes: dict[str, float] = {}
        for pieces in longest[:_DETECTION_WINDOWS]:
            sound = self._window(audio, pieces).sound
            for language, share in self._whisper().detect_language(audio=sound)[2]:
                votes[language] = votes.get(language, 0.0) + share
        return max(votes, key=lambda language: votes[language])

    def _model(self) -> models.Model:
        wanted = "faster_whisper" if self._own.model == "auto" else self._own.model
        model = models.find(wanted, self._settings)
        missing = [
            name
            for name in ("model.bin", "config.json", "tokenizer.json")  # without: a hub look-up
            if not (model.folder / name).is_file()
        ]
        if model.kind != "faster_whisper" or missing:
            raise EngineError(
                f"model '{model.name}' is not a complete Whisper model for faster-whisper",
                expected="model.bin, config.json and tokenizer.json in its folder",
                hint="tether models fetch whisper-base",
            )
        return model

    def _whisper(self) -> Any:
        """The loaded model; loaded once for all recordings."""
        if self._loaded is None:
            model = self._model()
            models.offline()
            try:
                import ctranslate2
                from faster_whisper import WhisperModel

                device, compute = self._own.device, self._own.compute_type
                if device == "auto":
                    device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
                if compute == "auto":
                    compute = "float16" if device == "cuda" else "int8"
                self._loaded = WhisperModel(
                    str(model.folder),
                    device=device,
                    compute_type=compute,
                    cpu_threads=self._settings.engines.threads,
                    local_files_only=True,
                )
            except Exception as caught:
                raise EngineError(
                    f"model '{model.name}' cannot be loaded: {type(caught).__name__}",
                    hint="tether models verify; without a GPU set faster_whisper.device: cpu",
                ) from caught
        return self._loaded


def _packed(pieces: Sequence[Piece], longest_ms: int, gap_ms: int) -> list[tuple[Piece, ...]]:
    """Pieces of one speaker and channel, in order, as many as fit into a window."""
    packs: list[tuple[Piece, ...]] = []
    for speaker, channel in dict.fromkeys((piece.speaker, piece.channel) for piece in pieces):
        pack: list[Piece] = []
        length_ms = 0
        for piece in pieces:
            if (piece.speaker, piece.channel) != (speaker, channel):
                continue
            if pack and length_ms + gap_ms + piece.length_ms > longest_ms:
                packs.append(tuple(pack))
                pack, length_ms = [], 0
            length_ms += piece.length_ms + (gap_ms if pack else 0)
            pack.append(piece)
        packs.append(tuple(pack))
    return packs


def _whole(words: Sequence[Any]) -> list[Any]:
    """Words, of which the library takes " Mm" and "-hm." for two."""
    joined: list[Any] = []
    for word in words:
        if joined and word.word.startswith(_JOINS):
            first = joined.pop()
            sure = (first.probability + word.probability) / 2
            text = first.word + word.word
            joined.append(replace(first, word=text, end=word.end, probability=sure))
        else:
            joined.append(word)
    return joined


def _unhaunted(words: Sequence[Word], phantoms: Sequence[str]) -> list[Word]:
    """The words without phrases that come from subtitles, not from the recording."""
    keys = [key(word.text) for word in words]
    ghosts: set[int] = set()
    for phrase in (phantom.split() for phantom in phantoms):
        for at in range(len(keys) - len(phrase) + 1):
            if keys[at : at + len(phrase)] == phrase:
                ghosts.update(range(at, at + len(phrase)))
    return [word for index, word in enumerate(words) if index not in ghosts]


def _unheard(piece: Piece, words: Sequence[Word], least_ms: int) -> Iterator[Piece]:
    """Stretches of a piece of `least_ms` and more in which there is no word."""
    ends = [piece.start_ms, *(word.end_ms for word in words)]
    starts = [*(word.start_ms for word in words), piece.end_ms]
    for start, end in zip(ends, starts, strict=True):
        if end - start >= least_ms:
            yield Piece(start, end, piece.speaker, piece.channel)
