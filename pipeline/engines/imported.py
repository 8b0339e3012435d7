"""Diarizer and transcriber `imported`: what another tool or a person wrote, used as it is.

RTTM, TextGrid, WebVTT, SRT, STM, CSV and the JSON of the Whisper family; one file, or one for each
participant. How files become lines, labels and words is said in `formats.transcript`.

A transcript alone is also a diarization: its lines say who spoke when, as exactly as they are
timed. Beside another diarizer, its words take that diarizer's labels::

    spans        A ███████      A ████
                      B ████████
    transcript   Ann: ──────    Ann: ──
                      Bob: ─────           Ann is A, Bob is B: most time shared, one to one
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import polars as pl
import scipy
from numpy.typing import NDArray

from pipeline.config import Settings
from pipeline.errors import EngineError, InputError
from pipeline.formats import transcript
from pipeline.formats.cues import UNNAMED
from pipeline.formats.repairs import Repairs
from pipeline.formats.transcript import Transcript
from pipeline.ports import Attachment, Audio, Diarized, Identity, Transcribed
from pipeline.tables import SPANS, WORDS, Recording
from pipeline.timebase import ms_to_clock

ONE_SPEAKER = "speaker 1"
"""Label of everybody, where neither the files nor a diarizer tell speakers apart."""


class ImportedDiarizer:
    """Who spoke when, as imported files say.

    Parameters
    ----------
    attachments
        Diarization or transcript of the session; empty: the engine is not usable.
    """

    def __init__(self, settings: Settings, attachments: Sequence[Attachment]) -> None:
        del settings  # nothing of it is tunable
        self._attachments = tuple(attachments)

    def identity(self) -> Identity:
        """Version of the reading, and SHA-256 of the files.

        Raises
        ------
        EngineError
            No file is named.
        InputError
            A file cannot be used.
        """
        return _identity(self.content)

    @cached_property
    def content(self) -> Transcript:
        """What the files say; read when first asked for."""
        return _content(self._attachments, "diarization")

    def diarize(
        self, audio: Audio | None, activity: pl.DataFrame, recording: Recording
    ) -> Diarized:
        """Lines of each speaker, joined where they touch or overlap each other.

        Ends beyond the recording are cut off there.

        Raises
        ------
        InputError
            A line starts after the end of the recording: the file belongs to another one.
        """
        del activity
        lines = self.content.lines.with_columns(pl.col("speaker").fill_null(ONE_SPEAKER))
        if audio is not None:
            lines = _within(lines, recording.duration_ms)
        rows = [
            {"start_ms": start_ms, "end_ms": end_ms, "speaker": speaker, "confidence": sure}
            for (speaker,), own in lines.group_by("speaker", maintain_order=True)
            for start_ms, end_ms, sure in _union(
                own.select("start_ms", "end_ms", "confidence").iter_rows()
            )
        ]
        spans = SPANS.frame(row | {"exclusive": True, "regular": True} for row in rows)
        return Diarized(
            spans=spans.sort("start_ms", "end_ms", "speaker"),
            margin=None,
            knows_overlap=self.content.keeps_overlap,
            ends_estimated=self.content.ends_estimated,
            repairs=(*self.content.repairs, *_unattributed(self.content)),
        )


class ImportedTranscriber:
    """Words as imported files give them.

    Parameters
    ----------
    attachments
        Transcript of the session; empty: the engine is not usable.
    """

    def __init__(self, settings: Settings, attachments: Sequence[Attachment]) -> None:
        del settings  # nothing of it is tunable
        self._attachments = tuple(attachments)

    def identity(self) -> Identity:
        """Version of the reading, and SHA-256 of the files.

        Raises
        ------
        EngineError
            No file is named, or none holds words.
        InputError
            A file cannot be used.
        """
        if not self.content.has_words:
            raise EngineError(
                "the imported transcript holds no words",
                expected="a transcript, not a diarization",
                hint="name it under 'diarization' in the sidecar",
            )
        return _identity(self.content)

    def languages(self) -> frozenset[str] | None:
        """None: a transcript may be in any language."""
        return None

    @cached_property
    def content(self) -> Transcript:
        """What the files say; read when first asked for."""
        return _content(self._attachments, "transcript")

    def transcribe(
        self, audio: Audio | None, regions: pl.DataFrame, language: str | None
    ) -> Transcribed:
        """All words of the files, each with a speaker of `regions` where there are any.

        A label that no region has becomes the regions' speaker with whom it shares most time, one
        to one. Words still without a speaker get that of the region that they overlap most, or
        else of the nearest one; without regions, all are "speaker 1".

        Raises
        ------
        InputError
            A word starts after the end of the recording: the file belongs to another one.
        """
        words = self.content.words
        if audio is not None:
            words = _within(words, audio.duration_ms)
        words = words.with_columns(speaker=pl.Series(_speakers(words, regions), dtype=pl.String))
        words = words.sort("start_ms", "end_ms", maintain_order=True).with_row_index("word_id")
        return Transcribed(
            words=WORDS.conform(words),
            language=self.content.language or language,
            dropped_words=0,
            repairs=self.content.repairs,
        )


def _content(attachments: Sequence[Attachment], noun: str) -> Transcript:
    if not attachments:
        raise EngineError(
            f"no {noun} to import",
            expected="a file named for this recording",
            hint=f"add '{noun}: FILE' to the sidecar, or choose another engine",
        )
    return transcript.load(attachments)


def _identity(content: Transcript) -> Identity:
    return {"reading": transcript.VERSION, "files": content.digest}


def _unattributed(content: Transcript) -> tuple[str, ...]:
    """What to say where the files alone tell who spoke, and leave it open."""
    return Repairs(
        {"Lines without a speaker, attributed to nobody": content.unattributed}
    ).sentences()


def _within(frame: pl.DataFrame, duration_ms: int) -> pl.DataFrame:
    """`frame` with ends cut off at the end of the recording."""
    beyond = frame.filter(pl.col("start_ms") >= duration_ms).height
    if beyond:
        raise InputError(
            f"{beyond} of {frame.height} imported times start after the recording's end "
            f"({ms_to_clock(duration_ms)})",
            expected="a file that was made from this recording",
            hint="check the file that the sidecar names",
        )
    return frame.with_columns(pl.col("end_ms").clip(upper_bound=duration_ms))


def _union(
    spans: Iterable[tuple[int, int, float | None]],
) -> list[tuple[int, int, float | None]]:
    """Spans sorted by start, joined where they touch or overlap, with the least confidence."""
    joined: list[tuple[int, int, float | None]] = []
    for start_ms, end_ms, sure in spans:
        if joined and start_ms <= joined[-1][1]:
            before = joined.pop()
            known = [value for value in (before[2], sure) if value is not None]
            joined.append((before[0], max(before[1], end_ms), min(known, default=None)))
        else:
            joined.append((start_ms, end_ms, sure))
    return joined


def _speakers(words: pl.DataFrame, regions: pl.DataFrame) -> list[str]:
    """A speaker for each word."""
    said = words["speaker"].to_list()
    if UNNAMED not in set(regions["speaker"]):
        said = [None if speaker == UNNAMED else speaker for speaker in said]
    if regions.is_empty():
        return [speaker or ONE_SPEAKER for speaker in words["speaker"]]
    known = sorted(regions["speaker"].unique())
    shared = _shared_ms(words, regions, known)
    names = _renamed(said, known, shared) | {label: label for label in known}
    found = [names.get(speaker) for speaker in said]
    best = shared.argmax(axis=1)
    for row, speaker in enumerate(found):
        if speaker is None:
            near = known[best[row]] if shared[row].any() else None
            found[row] = near or _nearest(words["start_ms"][row], words["end_ms"][row], regions)
    return [speaker for speaker in found if speaker is not None]


def _shared_ms(
    words: pl.DataFrame, regions: pl.DataFrame, speakers: list[str]
) -> NDArray[np.float64]:
    """Time that each word shares with the regions of each speaker, shape (words, speakers)."""
    shared = np.zeros((words.height, len(speakers)))
    for column, speaker in enumerate(speakers):
        own = regions.filter(pl.col("speaker") == speaker).sort("start_ms")
        bounds = own.select("start_ms", "end_ms").with_columns(sure=None).iter_rows()
        edges = np.array([edge[:2] for edge in _union(bounds)], dtype=np.float64)
        # Speech of this speaker up to a time: it grows within regions and rests between them.
        spoken = np.zeros(edges.shape)
        spoken[:, 1] = np.cumsum(edges[:, 1] - edges[:, 0])
        spoken[1:, 0] = spoken[:-1, 1]
        until = [
            np.interp(words[side].to_numpy(), edges.ravel(), spoken.ravel())
            for side in ("start_ms", "end_ms")
        ]
        shared[:, column] = until[1] - until[0]
    return shared


def _renamed(
    said: list[str | None], known: list[str], shared: NDArray[np.float64]
) -> dict[str, str]:
    """Labels that no region has, each as a speaker who is nobody else."""
    strange = sorted({label for label in said if label is not None} - set(known))
    free = [column for column, label in enumerate(known) if label not in set(said)]
    if not strange or not free:
        return {}
    rows = np.array([strange.index(label) if label in strange else -1 for label in said])
    total = np.array([[shared[rows == k, c].sum() for c in free] for k in range(len(strange))])
    pairs = zip(*scipy.optimize.linear_sum_assignment(total, maximize=True), strict=True)
    return {strange[k]: known[free[c]] for k, c in pairs if total[k, c] > 0}


def _nearest(start_ms: int, end_ms: int, regions: pl.DataFrame) -> str:
    apart = pl.max_horizontal(pl.col("start_ms") - end_ms, start_ms - pl.col("end_ms"))
    speaker: str = regions.sort(apart, maintain_order=True)["speaker"][0]
    return speaker
