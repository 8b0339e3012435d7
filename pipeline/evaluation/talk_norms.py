"""Norms of turn-taking: published transcripts, processed like any session.

The transcripts are imported as a user would: a sidecar names the files, the product does the rest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

from pipeline import config
from pipeline.session import intake
from pipeline.session.workbench import Workbench

Tables = Mapping[str, pl.DataFrame]

HOUR_MS = 3_600_000
CLEAR_MS = 700
"""Chosen after the fact, to meet the published rate, whose definition is not known."""


def consultations(data: Path, folder: Path) -> list[Path]:
    """Sidecars in `folder` for all of ``consultations``: a TextGrid for each speaker."""
    written = []
    for doctor in sorted((data / "consultations").resolve().glob("*_doctor.TextGrid")):
        patient = doctor.with_name(doctor.name.replace("_doctor", "_patient"))
        sidecar = folder / f"{doctor.name.removesuffix('_doctor.TextGrid')}.yaml"
        sidecar.write_text(
            f"language: en\ntranscript: {{therapist: '{doctor}', client: '{patient}'}}\n",
            encoding="utf-8",
        )
        written.append(sidecar)
    return written


def everyday_talk(data: Path, folder: Path) -> list[Path]:
    """Sidecars in `folder` for all of ``everyday_talk``: turns from RTTM, words from STM."""
    written = []
    for rttm in sorted((data / "everyday_talk").resolve().glob("*.rttm")):
        sidecar = folder / f"{rttm.stem}.yaml"
        sidecar.write_text(
            f"language: en\ndiarization: '{rttm}'\ntranscript: '{rttm.with_suffix('.stm')}'\n",
            encoding="utf-8",
        )
        written.append(sidecar)
    return written


def process(sidecars: Sequence[Path], workspace: Path) -> dict[str, Tables]:
    """All tables of the sessions that `sidecars` name, by name, through every stage."""
    bench = Workbench(config.load(), workspace)
    try:
        return {
            named.path.stem: bench.process(intake.read(named, consent=False)).tables
            for named in intake.discover(sidecars)
        }
    finally:
        bench.catalogue.close()


@dataclass(frozen=True)
class Norms:
    """How turns were taken; results of several conversations add up.

    Attributes
    ----------
    speakers
        Most labels in one conversation.
    gaps_ms
        Between units whose speaker changes, without those wholly inside another's: changes of
        floor as corpora count them, whatever the words. Negative: in overlap.
    latencies_ms
        Of the pipeline's turns: backchannels have none, and pauses within a turn are bridged.
    floor_takings, cooperative, failed_attempts
        Overlaps of that kind.
    clear_floor_takings
        Those that overlap for `CLEAR_MS` or more, after which the other goes on for 1 s or more.
    backchannels
        Backchannels, in overlap or not.
    long_silences
        Silences of 3 s and more between first and last speech.
    """

    duration_ms: int = 0
    speakers: int = 0
    gaps_ms: tuple[int, ...] = ()
    latencies_ms: tuple[int, ...] = ()
    floor_takings: int = 0
    clear_floor_takings: int = 0
    cooperative: int = 0
    failed_attempts: int = 0
    backchannels: int = 0
    long_silences: int = 0

    def __add__(self, other: "Norms") -> "Norms":
        return Norms(
            self.duration_ms + other.duration_ms,
            max(self.speakers, other.speakers),
            (*self.gaps_ms, *other.gaps_ms),
            (*self.latencies_ms, *other.latencies_ms),
            self.floor_takings + other.floor_takings,
            self.clear_floor_takings + other.clear_floor_takings,
            self.cooperative + other.cooperative,
            self.failed_attempts + other.failed_attempts,
            self.backchannels + other.backchannels,
            self.long_silences + other.long_silences,
        )

    def per_hour(self, count: int) -> float:
        """`count` as a rate."""
        return count / self.duration_ms * HOUR_MS


def norms(tables: Tables) -> Norms:
    """How turns were taken in one session."""
    turns, overlaps, silences = tables["turns"], tables["overlaps"], tables["silences"]
    kinds = dict(overlaps["kind"].drop_nulls().value_counts().iter_rows())
    taken = overlaps.filter(pl.col("kind") == "floor_taking").join(
        turns.select("turn_id", other_end_ms="end_ms"), left_on="other_turn", right_on="turn_id"
    )
    long = pl.col("end_ms") - pl.col("start_ms") >= CLEAR_MS
    goes_on = pl.col("other_end_ms") - pl.col("end_ms") >= 1000
    return Norms(
        tables["media"]["duration_ms"][0],
        tables["spans"]["speaker"].n_unique(),
        tuple(changes_of_floor(tables["units"])),
        tuple(turns["latency_ms"].drop_nulls().to_list()),
        kinds.get("floor_taking", 0),
        taken.filter(long & goes_on).height,
        kinds.get("cooperative", 0),
        kinds.get("failed_attempt", 0),
        int(turns["is_backchannel"].sum()),
        silences.filter((pl.col("length_ms") >= 3000) & (pl.col("kind") != "edge")).height,
    )


def changes_of_floor(units: pl.DataFrame) -> Iterator[int]:
    """Gaps where the speaker changes, without units wholly inside one of another speaker."""
    rows = units.select("start_ms", "end_ms", "speaker").sort("start_ms", "end_ms").rows()
    outer: list[tuple[int, int, str]] = []
    for number, (start, end, who) in enumerate(rows):
        around = (*rows[max(0, number - 50) : number], *rows[number + 1 : number + 50])
        if not any(a <= start and end <= b and other != who for a, b, other in around):
            outer.append((start, end, who))
    for before, after in pairwise(outer):
        if before[2] != after[2]:
            yield after[0] - before[1]
