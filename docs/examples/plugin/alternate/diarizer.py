"""Diarizer `alternate`: after every long enough pause the other person speaks."""

import polars as pl
from pydantic import Field

from pipeline.audio.samples import Audio
from pipeline.config import Section, Settings
from pipeline.core.tables import SPANS, Recording
from pipeline.engines import engine
from pipeline.engines.protocols import Diarized, Identity


class Alternate(Section):
    """Settings of the diarizer, ``alternate:`` in a settings file."""

    pause_ms: int = Field(default=500, gt=0, description="pause after which the other speaks")


@engine("diarizer", "alternate", settings=Alternate)
class AlternateDiarizer:
    """Two people who never interrupt each other."""

    def __init__(self, settings: Settings) -> None:
        self._own = settings.section(Alternate)

    def identity(self) -> Identity:
        """What results depend on beside the settings: raise the version when the code changes."""
        return {"engine": "alternate", "version": "1"}

    def diarize(
        self, audio: Audio | None, activity: pl.DataFrame, recording: Recording
    ) -> Diarized:
        """Spans of "speaker 1" and "speaker 2" in turn."""
        del audio, recording
        rows: list[dict[str, object]] = []
        person, last_ms = 0, None
        for start_ms, end_ms in activity.sort("start_ms").select("start_ms", "end_ms").iter_rows():
            if last_ms is not None and start_ms - last_ms >= self._own.pause_ms:
                person = 1 - person
            last_ms = end_ms
            rows.append(
                {
                    "start_ms": start_ms,
                    "end_ms": end_ms,
                    "speaker": f"speaker {person + 1}",
                    "exclusive": True,
                    "regular": True,
                }
            )
        return Diarized(SPANS.frame(rows), margin=None, knows_overlap=False)
