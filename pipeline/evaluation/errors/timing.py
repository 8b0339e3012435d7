"""Timing against truth, with one channel per speaker: silences, and where turns begin and end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from pipeline import config
from pipeline.audio.samples import Audio
from pipeline.core.intervals import Intervals, pairs_of
from pipeline.core.tables import Metadata, Recording
from pipeline.engines.diarization.channels import ChannelsDiarizer
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.errors.diarization import referenced
from pipeline.evaluation.material import composed
from pipeline.evaluation.material.composed import Scene, Stretch
from pipeline.speech import activity

PAIRS = [("3080", "2033"), ("2609", "367"), ("2033", "2609"), ("367", "3080")]
SCENES = {
    "clean": Scene(),
    "telephone": Scene(telephone=True, noise_db=-50),
    "noise": Scene(noise_db=-30),
    "loud noise": Scene(noise_db=-20),
    "quiet": Scene(levels_db=(-20, -50), noise_db=-35, crosstalk_db=None),
    "quiet telephone": Scene(levels_db=(-20, -50), noise_db=-35, telephone=True, crosstalk_db=-45),
    "crosstalk": Scene(crosstalk_db=-20),
}


@dataclass(frozen=True)
class Case:
    """A recording with one channel per speaker, and each channel's true stretches of speech, ms."""

    audio: Audio
    speech: tuple[list[Stretch], list[Stretch]]

    def silences(self) -> list[Stretch]:
        """Where nobody speaks."""
        both = sorted([*self.speech[0], *self.speech[1]])
        return composed.complement(both, self.audio.duration_ms)


def call(folder: Path) -> Case:
    """The telephone call in the folder ``calls``."""
    heard = referenced(folder / "call_a.flac")
    return Case(heard.audio, (heard.of("agent"), heard.of("caller")))


def conversations(folder: Path) -> Iterator[Case]:
    """Four pairs of speakers in each scene, composed from the folder ``read_speech``."""
    for i, scene in enumerate(SCENES.values()):
        for j, pair in enumerate(PAIRS):
            talk = composed.compose(folder, pair, 10 * i + j, scene)
            yield Case(Audio(list(talk.channels)), talk.speech)


def spans(case: Case, settings: config.Settings, detector: Silero) -> pl.DataFrame:
    """Who speaks when, as a run finds it."""
    heard = activity.detect(case.audio, detector, settings.activity)
    recording = Recording("0" * 64, case.audio.duration_ms, 16_000, 2, Metadata())
    return ChannelsDiarizer(settings).diarize(case.audio, heard, recording).spans


@dataclass(frozen=True)
class SilenceError:
    """Silences of some length or more, as `composed.match` counts; results of recordings add up."""

    found: int = 0
    missed: int = 0
    false: int = 0
    boundaries_ms: list[int] = field(default_factory=list)

    def __add__(self, other: "SilenceError") -> "SilenceError":
        return SilenceError(
            self.found + other.found,
            self.missed + other.missed,
            self.false + other.false,
            [*self.boundaries_ms, *other.boundaries_ms],
        )

    @property
    def f1(self) -> float:
        """F1 of the counts."""
        return composed.f1(self.found, self.missed, self.false)


def silence_error(
    truth: Sequence[Stretch], found: Sequence[Stretch], longer_ms: int = 1000
) -> SilenceError:
    """Silences of `longer_ms` found against true ones."""
    lenient_ms = longer_ms - 150
    return SilenceError(*composed.match(truth, found, longer_ms=longer_ms, lenient_ms=lenient_ms))


def heard_silences(table: pl.DataFrame, duration_ms: int) -> list[Stretch]:
    """Where a table of speech says that nobody speaks."""
    return composed.complement(pairs_of(table), duration_ms)


def turn_errors(case: Case, table: pl.DataFrame, pause_ms: int) -> tuple[list[int], list[int], int]:
    """Turns in table `spans`, by channel, against truth: as `boundary_errors`."""
    total: tuple[list[int], list[int], int] = ([], [], 0)
    for channel, speech in enumerate(case.speech):
        own = table.filter(pl.col("channel") == channel).select("start_ms", "end_ms").rows()
        begins, ends, missed = boundary_errors(speech, own, pause_ms)
        total = ([*total[0], *begins], [*total[1], *ends], total[2] + missed)
    return total


def boundary_errors(
    truth: Sequence[Stretch], found: Sequence[Stretch], pause_ms: int
) -> tuple[list[int], list[int], int]:
    """How far one speaker's turns begin and end from the true ones, ms; turns missed.

    A turn is speech without a pause of more than `pause_ms`, in the truth and in what was found; a
    true turn is held against the found one that shares most time with it, and is missed if none
    does. Errors are signed: a turn found late has a positive one.
    """
    begins, ends, missed = [], [], 0
    heard = np.array(list(Intervals.of(found, pause_ms))).reshape(-1, 2)
    for start, end in Intervals.of(truth, pause_ms):
        shared = np.minimum(heard[:, 1], end) - np.maximum(heard[:, 0], start)
        if len(shared) and shared.max() > 0:
            nearest = heard[shared.argmax()]
            begins.append(int(nearest[0]) - start)
            ends.append(int(nearest[1]) - end)
        else:
            missed += 1
    return begins, ends, missed
