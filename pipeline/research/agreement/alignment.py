"""Place human codes in a session.

A code names a time or a line of the transcript (`utterance_id`). The tables of a session do not
hold ids, because a transcriber produces words and not lines: ids are looked up in the imported
transcript, which is read again. Without one, utterances are the turns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.core.errors import SHOWN, ConfigError, InputError
from pipeline.core.schema import Column, Schema
from pipeline.core.time import ms_to_clock
from pipeline.core.vocabulary import MARKERS, RUPTURES
from pipeline.formats.repairs import Repairs
from pipeline.research.agreement.event_matching import Place

PLACED = Schema(
    "placed codes",
    (
        Column("line", pl.Int64, "line in its file"),
        Column("low", pl.Int64, "first place on the axis"),
        Column("high", pl.Int64, "last place on the axis"),
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after; of a point in time, the next"),
        Column("kind", pl.String, "of rupture", null="of whatever kind", allowed=RUPTURES),
        Column("marker", pl.String, "3RS code", null="not told", allowed=tuple(MARKERS)),
        Column("salience", pl.Float64, "1-5", null="not told"),
        Column("rater", pl.String, "who coded it", null="not told"),
    ),
    (("low <= high", pl.col("low") <= pl.col("high")),),
)


@dataclass(frozen=True)
class Tolerance:
    """How far a moment may be from its event, and codes of one event from each other."""

    value: int
    unit: Literal["ms", "utterances"]

    @classmethod
    def given(cls, ms: int | None, utterances: int | None) -> "Tolerance | None":
        """The one that is given; None: the value in the settings.

        Raises
        ------
        ConfigError
            Both are given.
        """
        if ms is not None and utterances is not None:
            raise ConfigError(
                "a tolerance in milliseconds and one in utterances",
                expected="one of the two, or neither",
            )
        if utterances is not None:
            return cls(utterances, "utterances")
        return None if ms is None else cls(ms, "ms")

    def __str__(self) -> str:
        if self.unit == "ms":
            return f"{self.value / 1000:g} s"
        return f"{self.value} utterance{'' if self.value == 1 else 's'}"


@dataclass(frozen=True, eq=False)
class Timeline:
    """The utterances of a session, in order of start.

    Attributes
    ----------
    starts_ms, ends_ms
        Shape (utterances,).
    numbers
        Number of the utterance by id; empty without ids.
    """

    starts_ms: NDArray[np.int64]
    ends_ms: NDArray[np.int64]
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, utterances: pl.DataFrame) -> "Timeline":
        """The timeline of a transcript's lines, or of turns.

        Parameters
        ----------
        utterances
            start_ms, end_ms and, if there are any, utterance_id.
        """
        ordered = utterances.sort("start_ms", maintain_order=True)
        ids = ordered["utterance_id"].to_list() if "utterance_id" in ordered.columns else []
        return cls(
            ordered["start_ms"].to_numpy(),
            ordered["end_ms"].to_numpy(),
            {name: number for number, name in enumerate(ids) if name is not None},
        )

    def place(self, start_ms: int, end_ms: int) -> Place:
        """Utterances that a stretch overlaps; if none, the last that began before it."""
        after = int(np.searchsorted(self.starts_ms, end_ms, side="left"))
        met = np.flatnonzero(self.ends_ms[:after] > start_ms)
        if met.size:
            return Place(int(met[0]), int(met[-1]))
        before = max(int(np.searchsorted(self.starts_ms, start_ms, side="right")) - 1, 0)
        return Place(before, before)


def place(
    codes: pl.DataFrame,
    timeline: Callable[[], Timeline],
    unit: str,
    duration_ms: int,
    repairs: Repairs,
) -> pl.DataFrame:
    """Table `PLACED` of the codes of one session; codes that cannot be placed are counted only.

    Parameters
    ----------
    codes
        Table `formats.codes.CODES`.
    timeline
        Returns the session's utterances; called only if they are needed.
    unit
        Unit of the axis: ``ms`` or ``utterances``.
    duration_ms
        Length of the session; codes that begin later are outside it.

    Raises
    ------
    InputError
        No code can be placed, so the codes belong to another session; names their lines.
    """
    rows: list[dict[str, object]] = []
    unknown: list[int] = []
    late: list[int] = []
    for code in codes.iter_rows(named=True):
        bounds = (code["start_ms"], code["end_ms"])
        if bounds[0] is None:
            lines = timeline()
            number = lines.numbers.get(code["utterance_id"])
            if number is None:
                unknown.append(code["line"])
                continue
            start_ms, end_ms = (
                int(lines.starts_ms[number]),
                int(lines.ends_ms[number]),
            )
            where = Place(number, number) if unit == "utterances" else Place(start_ms, end_ms)
        elif bounds[0] >= duration_ms:
            late.append(code["line"])
            continue
        else:
            start_ms, last_ms = bounds[0], bounds[1]
            end_ms = start_ms + 1 if last_ms is None else last_ms
            where = (
                timeline().place(start_ms, end_ms)
                if unit == "utterances"
                else Place(start_ms, start_ms if last_ms is None else last_ms)
            )
        told = {name: code[name] for name in ("line", "kind", "marker", "salience", "rater")}
        rows.append(
            {
                **told,
                "low": where.low,
                "high": where.high,
                "start_ms": start_ms,
                "end_ms": end_ms,
            }
        )
    if unknown and not rows:
        raise _no_such(unknown, timeline())
    if late and not rows:
        raise InputError(
            f"codes of lines {_shown(late)}: after the end of their session "
            f"({ms_to_clock(duration_ms)})",
            expected="times in milliseconds (start_ms) or as a clock (start) from its start on",
        )
    repairs["Codes with an utterance_id that the transcript does not have, left out"] += len(
        unknown
    )
    repairs["Codes after the end of their session, left out"] += len(late)
    return PLACED.frame(rows)


def _no_such(lines: Sequence[int], timeline: Timeline) -> InputError:
    found = f"codes of lines {_shown(lines)}"
    if timeline.numbers:
        return InputError(
            f"{found}: the session's transcript has no such utterance_id",
            expected="an id from the transcript, or start_ms",
        )
    return InputError(
        f"{found}: an utterance_id, and no transcript that names its utterances",
        expected="a CSV transcript with a column utterance_id in the sidecar, or start_ms",
        hint="if the transcript has moved, put it back where it was when the session was run",
    )


def _shown(lines: Sequence[int]) -> str:
    return ", ".join(str(line) for line in lines[:SHOWN]) + (", ..." if lines[SHOWN:] else "")
