"""Diarizer and transcriber `imported`: files from another tool or a person, used unchanged.

RTTM, TextGrid, WebVTT, SRT, STM, CSV and the JSON of the Whisper family; one file, or one for each
participant. How files become lines, labels and words is said in `formats.transcript`.

A transcript alone is also a diarization: its lines say who spoke when, as exactly as they are
timed. Beside another diarizer, its words take that diarizer's labels::

    spans        A ███████      A ████
                      B ████████
    transcript   Ann: ──────    Ann: ──
                      Bob: ─────           Ann is A, Bob is B: most time shared, one to one

Machines write on after the sound has ended. A line that goes on after the end is cut off there and
keeps its words; a line that starts after it was not said, and is left out; both are counted. A
file of which more starts after the end than `imported` in the settings allows belongs to another
recording, and is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import polars as pl
import scipy
from numpy.typing import NDArray

from pipeline import config
from pipeline.audio.samples import Audio
from pipeline.core.errors import EngineError, InputError
from pipeline.core.tables import SPANS, WORDS, Recording
from pipeline.core.time import ms_to_clock
from pipeline.engines.protocols import Diarized, Identity, Transcribed
from pipeline.formats import transcript
from pipeline.formats.attachment import Attachment
from pipeline.formats.repairs import Repairs
from pipeline.formats.time_estimates import placed
from pipeline.formats.timed_text.cues import UNNAMED
from pipeline.formats.transcript import Transcript

ONE_SPEAKER = "speaker 1"
"""Label of everybody, where neither the files nor a diarizer tell speakers apart."""


class ImportedDiarizer:
    """Who spoke when, as imported files say.

    Parameters
    ----------
    attachments
        Diarization or transcript of the session; empty: the engine is not usable.
    """

    def __init__(self, settings: config.Settings, attachments: Sequence[Attachment]) -> None:
        self._settings = settings.imported
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

        Raises
        ------
        InputError
            Many lines start after the end of the recording: the file belongs to another one.
        """
        del activity
        content = self.content
        if audio is not None:
            content = _within(content, recording.duration_ms, self._settings)
        lines = content.lines.with_columns(pl.col("speaker").fill_null(ONE_SPEAKER))
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
            knows_overlap=content.keeps_overlap,
            ends_estimated=content.ends_estimated,
            repairs=(*content.repairs, *_unattributed(content)),
        )


class ImportedTranscriber:
    """Words as imported files give them.

    Parameters
    ----------
    attachments
        Transcript of the session; empty: the engine is not usable.
    """

    def __init__(self, settings: config.Settings, attachments: Sequence[Attachment]) -> None:
        self._settings = settings.imported
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
                hint="name it under 'diarization' in the session notes file, or use "
                "--diarization FILE",
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
            Many lines start after the end of the recording: the file belongs to another one.
        """
        content = self.content
        if audio is not None:
            content = _within(content, audio.duration_ms, self._settings)
        words = content.words.drop("line")
        words = words.with_columns(speaker=pl.Series(_speakers(words, regions), dtype=pl.String))
        words = words.sort("start_ms", "end_ms", maintain_order=True).with_row_index("word_id")
        return Transcribed(
            words=WORDS.conform(words),
            language=content.language or language,
            dropped_words=0,
            repairs=content.repairs,
        )


def _content(attachments: Sequence[Attachment], noun: str) -> Transcript:
    if not attachments:
        raise EngineError(
            f"no {noun} to import",
            expected="a file named for this recording",
            hint=f"add '{noun}: FILE' to the session notes file, use --{noun} FILE, or choose "
            "another engine",
        )
    return transcript.load(attachments)


def _identity(content: Transcript) -> Identity:
    return {"reading": transcript.VERSION, "files": content.digest}


def _unattributed(content: Transcript) -> tuple[str, ...]:
    """Notes on lines whose speaker the files leave open."""
    return Repairs(
        {"Lines without a speaker, attributed to nobody": content.unattributed}
    ).sentences()


def _within(content: Transcript, duration_ms: int, settings: config.Imported) -> Transcript:
    """`content` up to the end of the recording."""
    lines = content.lines  # by start: those after the end are the last ones
    beyond = lines.filter(pl.col("start_ms") >= duration_ms).height
    allowed = max(settings.lines_beyond, settings.share_beyond * lines.height)
    if beyond > min(allowed, lines.height / 2):
        raise InputError(
            f"{beyond} of {lines.height} imported lines start after the recording's end "
            f"({ms_to_clock(duration_ms)})",
            expected="a file that was made from this recording",
            hint="check which transcript or diarization the recording has",
        )
    lines = lines.head(lines.height - beyond)
    cut = [row for row, end_ms in enumerate(lines["end_ms"]) if end_ms > duration_ms]
    if not beyond and not cut:
        return content
    repairs = Repairs()
    repairs["Lines that start after the end of the recording, left out"] += beyond
    repairs["Lines that go on after the end of the recording, cut off there"] += len(cut)
    words = content.words.filter(pl.col("line") < lines.height)
    words = pl.concat(
        [
            words.filter(~pl.col("line").is_in(cut)),
            *(
                _squeezed(words.filter(line=row), lines["start_ms"][row], duration_ms)
                for row in cut
            ),
        ]
    )
    return replace(
        content,
        lines=lines.with_columns(pl.col("end_ms").clip(upper_bound=duration_ms)),
        words=words.sort("start_ms", maintain_order=True),
        repairs=(*content.repairs, *repairs.sentences()),
    )


def _squeezed(words: pl.DataFrame, start_ms: int, duration_ms: int) -> pl.DataFrame:
    """Words of a line that goes on after the end: those that the file times later, before it."""
    times = [
        (begin_ms, min(end_ms, duration_ms))
        if timing == "aligned" and begin_ms < duration_ms
        else None
        for begin_ms, end_ms, timing in words.select("start_ms", "end_ms", "timing").iter_rows()
    ]
    found = placed(times, words["text"].to_list(), start_ms, duration_ms)
    return words.with_columns(
        start_ms=pl.Series(
            [min(begin_ms, duration_ms - 1) for begin_ms, _ in found], dtype=pl.Int64
        ),
        end_ms=pl.Series([min(end_ms, duration_ms) for _, end_ms in found], dtype=pl.Int64),
        timing=pl.Series(
            ["aligned" if pair else "interpolated" for pair in times], dtype=pl.String
        ),
    )


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
    """Labels that no region has, each as a speaker of its own."""
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
