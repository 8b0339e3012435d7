"""Remove words that a transcriber made up: without speech, in loops, and in bursts.

Recognisers invent words in silence, repeat a phrase without end, and pack more words into a second
than a mouth can say. What is refused here is counted in ``dropped_words``, never left out in
silence.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.audio.samples import Samples
from pipeline.config import Guards
from pipeline.core.tables import WORDS
from pipeline.core.time import FRAME_MS
from pipeline.engines.transcription.asr_chunks import Piece, levels_dbfs


@dataclass(frozen=True)
class Word:
    """One word as it was heard; `confidence` is 0-1, None where the transcriber gives none."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None


def filter_hallucinations(
    words: Sequence[Word], piece: Piece, sound: Samples, settings: Guards
) -> list[Word]:
    """The words of one piece for which there is speech.

    Parameters
    ----------
    words
        In order of start, times in the recording.
    sound
        The samples of the piece.

    Returns
    -------
    list of Word
        Within the piece, at least 10 ms long.
    """
    levels = levels_dbfs(sound)
    loudest = levels.max(initial=-200.0)
    if loudest < settings.silence_dbfs or _flood(words, piece, settings):
        return []
    faintest = max(settings.silence_dbfs, loudest - settings.range_db)
    kept: list[Word] = []
    for word in drop_repetitions(words, settings):
        middle = (word.start_ms + word.end_ms) // 2
        if (
            not -settings.outside_ms
            <= middle - piece.start_ms
            <= piece.length_ms + settings.outside_ms
        ):
            continue
        start = min(max(word.start_ms, piece.start_ms), piece.end_ms - FRAME_MS)
        end = max(min(word.end_ms, piece.end_ms), start + FRAME_MS)
        first = max(0, start - settings.outside_ms - piece.start_ms) // FRAME_MS
        last = (end + settings.outside_ms - piece.start_ms) // FRAME_MS + 1
        if levels[first:last].max(initial=-200.0) >= faintest:
            kept.append(Word(word.text, start, end, word.confidence))
    return kept


def _flood(words: Sequence[Word], piece: Piece, settings: Guards) -> bool:
    possible = settings.words_per_s * piece.length_ms / 1000
    return len(words) > max(possible, settings.few_words)


def drop_repetitions(words: Sequence[Word], settings: Guards) -> Iterator[Word]:
    """The words without those that repeat a phrase more than `loop_repeats` times in a row.

    Of such a loop its first round is kept.
    """
    keys = [key(word.text) for word in words]
    at = 0
    while at < len(words):
        for length in range(1, settings.loop_words + 1):
            rounds = _rounds(keys, at, length)
            if rounds > settings.loop_repeats:
                yield from words[at : at + length]
                at += rounds * length
                break
        else:
            yield words[at]
            at += 1


def _rounds(keys: Sequence[str], at: int, length: int) -> int:
    """How often the phrase of `length` words at `at` is said in a row, itself included."""
    rounds = 1
    while keys[at : at + length] == keys[at + rounds * length : at + (rounds + 1) * length]:
        rounds += 1
    return rounds


def key(text: str) -> str:
    """A word as two of them are compared: lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", text.lower())


def table(heard: Iterable[tuple[str, Word]], timing: str) -> pl.DataFrame:
    """Table `words` of pairs (speaker, word).

    Parameters
    ----------
    timing
        ``aligned`` or ``interpolated``.
    """
    ordered = sorted(heard, key=lambda pair: (pair[1].start_ms, pair[1].end_ms, pair[0]))
    return WORDS.frame(
        {
            "word_id": number,
            "start_ms": word.start_ms,
            "end_ms": word.end_ms,
            "speaker": speaker,
            "text": word.text,
            "confidence": word.confidence,
            "timing": timing,
        }
        for number, (speaker, word) in enumerate(ordered)
    )
