"""Transcriber `syllables`: hears "la" five times a second, wherever somebody speaks."""

import polars as pl

from pipeline.audio.samples import Audio
from pipeline.config import Settings
from pipeline.core.tables import WORDS
from pipeline.engines import engine
from pipeline.engines.protocols import Identity, Transcribed

WORD_MS = 200


@engine("transcriber", "syllables")
class SyllableTranscriber:
    """A transcriber without settings of its own."""

    def __init__(self, settings: Settings) -> None:
        del settings

    def identity(self) -> Identity:
        """What results depend on."""
        return {"engine": "syllables", "version": "1"}

    def languages(self) -> None:
        """It knows all languages alike."""

    def transcribe(
        self, audio: Audio | None, regions: pl.DataFrame, language: str | None
    ) -> Transcribed:
        """One word for each 200 ms of a region."""
        del audio
        rows = [
            {"start_ms": at, "end_ms": at + WORD_MS, "speaker": speaker, "text": "la"}
            for start_ms, end_ms, speaker in regions.select(
                "start_ms", "end_ms", "speaker"
            ).iter_rows()
            for at in range(start_ms, end_ms - WORD_MS + 1, WORD_MS)
        ]
        rows.sort(key=lambda row: row["start_ms"])
        numbered = [
            row | {"word_id": number, "timing": "interpolated"} for number, row in enumerate(rows)
        ]
        return Transcribed(WORDS.frame(numbered), language, dropped_words=0)
