"""The columns that a rule may name, and the frames that hold them for sessions.

====================================  ==========================================================
column                                is
====================================  ==========================================================
own columns                           of the item's table, see `OWN`
``<feature>``                         a feature of the item, in its unit
``<feature>_z``, ``<feature>_pct``    its robust z and percentile rank (0-1) within its group
``prev_therapist_*``, ``prev_client_*``  what that person said last before the item
``next_therapist_*``, ``next_client_*``  what that person says next after it
====================================  ==========================================================

``prev_`` and ``next_`` look at a **stretch**: the turns of one speaker that no other speaker's turn
interrupts, backchannels left out, for people fall silent in the midst of what they have to say.
``n_words`` and counts of lexicons are summed over the stretch (null if one is null), ``length_ms``
runs from its first start to its last end, ``gap_ms`` is the time between stretch and item,
``latency_ms`` is that of its turn next to the item. A stretch is cut at the item: nothing that was
said later counts as said before.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.datatypes import DataType, DataTypeClass

from pipeline.core.tables import READINGS, Tables
from pipeline.core.vocabulary import PAIR, WINDOWS_MS, Family
from pipeline.measures.feature import Feature
from pipeline.rules.detection.feature_join import SESSION, Measured

OWN: dict[str, dict[str, tuple[DataType | DataTypeClass, Family | None]]] = {
    "turn": {
        "role": (pl.String, None),
        "length_ms": (pl.Int64, "timing"),
        "latency_ms": (pl.Int64, "timing"),
        "since_start_ms": (pl.Int64, "timing"),
        "text": (pl.String, "words"),
        "n_words": (pl.Int64, "words"),
        "is_backchannel": (pl.Boolean, "words"),
        "transition": (pl.String, "timing"),
        "reads_in": (pl.String, "words"),
        "resembles": (pl.String, "words"),
    },
    "silence": {
        "before_role": (pl.String, None),
        "after_role": (pl.String, None),
        "kind": (pl.String, "timing"),
        "length_ms": (pl.Int64, "timing"),
        "missed_speech_risk": (pl.Boolean, "timing"),
        "dropout_ms": (pl.Int64, "timing"),
        "since_start_ms": (pl.Int64, "timing"),
    },
    "overlap": {
        "holder_role": (pl.String, None),
        "other_role": (pl.String, None),
        "kind": (pl.String, "words"),
        "form": (pl.String, "words"),
        "into_ms": (pl.Int64, "timing"),
        "went_on": (pl.String, "timing"),
        "cut_off": (pl.Boolean, "words"),
        "length_ms": (pl.Int64, "timing"),
        "since_start_ms": (pl.Int64, "timing"),
    },
    "window": {
        "role": (pl.String, None),
        "length_ms": (pl.Int64, "timing"),
        "since_start_ms": (pl.Int64, "timing"),
    },
}
"""Own columns of each item: type, and the family they need, if any. ``since_start_ms`` counts from
the first speech: absolute time would make a rule depend on when the recorder was switched on.
``length_ms`` of a silence is its time even where signal was lost in it (``dropout_ms``); its z and
percentile are null there. There are no rules on item ``session``: a moment is a place in a session,
and a rule on all of it would be a score of the session."""

_STRETCH: dict[str, Family] = {
    "n_words": "words",
    "length_ms": "timing",
    "gap_ms": "timing",
    "latency_ms": "timing",
}
_SIDES: tuple[Literal["prev", "next"], ...] = ("prev", "next")
_ORDER = (SESSION, "start_ms", "end_ms", "item_id")
ROLE_COLUMNS = ("role", "before_role", "after_role", "holder_role", "other_role")


@dataclass(frozen=True)
class Known:
    """A column that a rule may name.

    Attributes
    ----------
    needs
        Family that it stands on: timing, voice or words; None: it is always there.
    feature
        For a z or percentile, the feature whose baseline it stands on.
    """

    dtype: DataType | DataTypeClass
    needs: Family | None
    feature: str | None = None


def known(item: str, features: Iterable[Feature]) -> dict[str, Known]:
    """All columns that a rule on `item` may name."""
    features = list(features)
    columns: dict[str, Known] = {}
    for feature in features:
        if feature.item == item:
            columns[feature.name] = Known(pl.Float64, feature.needs)
            for ending in ("_z", "_pct"):
                columns[feature.name + ending] = Known(pl.Float64, feature.needs, feature.name)
    for name, (dtype, needs) in OWN[item.partition("_")[0]].items():
        columns[name] = Known(dtype, needs)
    for side in _SIDES:
        for person in PAIR:
            for name, needs in _STRETCH.items():
                columns[f"{side}_{person}_{name}"] = Known(pl.Int64, needs)
            for name in _counts(features):
                columns[f"{side}_{person}_{name}"] = Known(pl.Float64, "words")
    return columns


def frames(
    wanted: Mapping[str, set[str]], sessions: Sequence[Tables], features: Iterable[Feature]
) -> dict[str, pl.DataFrame]:
    """The items of sessions, of each kind that is wanted, with the columns that are wanted.

    All sessions are looked at in one go, for a call of polars takes as long for one as for many.

    Returns
    -------
    frames
        By kind of item: session (its number here), item_id, start_ms, end_ms, the wanted columns,
        and for each z or percentile the column ``<feature>_n``: values that its baseline rests on.
        In order of session and start. Items of an unknown role are left out, for they never flag.
    """
    features = list(features)
    stretched = {
        item: sorted(name for name in names if name.startswith(("prev_", "next_")))
        for item, names in wanted.items()
    }
    talked = {name.split("_", 2)[2] for names in stretched.values() for name in names}
    asked = {**wanted, "turn": wanted.get("turn", set()) | talked}
    measured = Measured([tables["measures"] for tables in sessions], features, asked)
    turns = stacked([tables["turns"] for tables in sessions])
    talk = _Talk(turns, measured, talked)
    made = {}
    for item, names in wanted.items():
        items = measured.joined(item, _items(item, sessions, measured), names)
        if stretched[item]:
            items = _with_stretches(item, items, talk, stretched[item])
        made[item] = items
    return made


def stacked(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The same table of several sessions, one under the other, with the number of the session."""
    numbers = np.repeat(np.arange(len(frames)), [frame.height for frame in frames])
    return pl.concat(frames).with_columns(pl.Series(SESSION, numbers, pl.Int64))


def bounds(item: str, tables: Tables) -> Callable[[int], tuple[int, int]]:
    """From the id of an item of a session to its first millisecond, and the first after it."""
    if item.startswith("window"):
        long_ms, first_ms = WINDOWS_MS[item], min(tables["turns"]["start_ms"].to_list(), default=0)
        return lambda number: (number * long_ms + first_ms, (number + 1) * long_ms + first_ms)
    told = tables[f"{item}s"].select(f"{item}_id", "start_ms", "end_ms").rows()
    return {item_id: (start_ms, end_ms) for item_id, start_ms, end_ms in told}.__getitem__


def _counts(features: Iterable[Feature]) -> list[str]:
    """Features that a stretch sums: matches of lexicons in turns."""
    return [f.name for f in features if f.item == "turn" and f.unit == "matches"]


def _items(item: str, sessions: Sequence[Tables], measured: Measured) -> pl.DataFrame:
    """Items with their own columns, in their order."""
    if item.startswith("window"):
        # One row per window and speaker.
        roles = stacked([tables["roles"] for tables in sessions])
        items = measured.windows(item).join(
            roles.select(SESSION, "speaker", "role"), on=SESSION, maintain_order="left_right"
        )
    else:
        items = stacked([tables[f"{item}s"] for tables in sessions])
        items = items.rename({f"{item}_id": "item_id"})
        if item == "turn":
            items = _with_readings(items, sessions)
    starts_ms = [tables["turns"]["start_ms"].min() or 0 for tables in sessions]
    first_ms = pl.Series(np.array(starts_ms, np.int64)[items[SESSION].to_numpy()])
    if item.startswith("window"):
        start_ms = pl.col("item_id") * WINDOWS_MS[item] + first_ms
        items = items.with_columns(start_ms=start_ms, end_ms=start_ms + WINDOWS_MS[item])
    known = [
        (pl.col(name) != "unknown").fill_null(value=True)
        for name in ROLE_COLUMNS
        if name in items.columns
    ]
    return (
        items.with_columns(
            length_ms=pl.col("end_ms") - pl.col("start_ms"),
            since_start_ms=pl.col("start_ms") - first_ms,
        )
        .filter(known)
        .sort(_ORDER, maintain_order=True)
    )


def _with_readings(turns: pl.DataFrame, sessions: Sequence[Tables]) -> pl.DataFrame:
    """Turns with the words that carry their reading, and the examples that they resemble."""
    readings = stacked([tables.get("readings", READINGS.empty()) for tables in sessions])
    told = readings.filter(pl.col("clause").is_not_null()).select(
        SESSION,
        "start_ms",
        "end_ms",
        "speaker",
        pl.col("clause").alias("reads_in"),
        pl.col("resembles").list.join("\u201d and \u201c"),
    )
    on = [SESSION, "start_ms", "end_ms", "speaker"]
    return turns.join(told, on=on, how="left", maintain_order="left")


class _Talk:
    """Stretches of talk, with the sums that any of the columns needs.

    Parameters
    ----------
    turns
        Of all sessions.
    rest
        What is asked of stretches: names of columns without side and person.
    """

    def __init__(self, turns: pl.DataFrame, measured: Measured, rest: set[str]) -> None:
        self._turns = turns
        self._measured = measured
        self._counts = sorted(rest - _STRETCH.keys())
        self._sides: dict[tuple[str, str], pl.DataFrame] = {}

    def side(self, side: str, person: str) -> pl.DataFrame:
        """Stretches of one person by `at_ms`, the start of a turn.

        For each turn its stretch up to and with it (prev), or from it on (next).
        """
        if (side, person) not in self._sides:
            frame = self._after if side == "next" else self._before
            self._sides[side, person] = frame.filter(pl.col("role") == person)
        return self._sides[side, person]

    @cached_property
    def _floor(self) -> pl.DataFrame:
        """Turns but backchannels, in order of start, with counts."""
        turns = self._turns.filter(~pl.col("is_backchannel").fill_null(value=False))
        turns = turns.sort(SESSION, "start_ms", "turn_id").rename({"turn_id": "item_id"})
        turns = turns.with_columns(at_ms=pl.col("start_ms"))
        return self._measured.joined("turn", turns, set(self._counts))

    @cached_property
    def _first(self) -> NDArray[np.bool_]:
        """Whether a stretch begins with the turn."""
        changes = pl.any_horizontal(
            pl.col(name) != pl.col(name).shift(1) for name in (SESSION, "speaker")
        )
        first: NDArray[np.bool_] = (
            self._floor.select(changes.fill_null(value=True)).to_series().to_numpy()
        )
        return first

    @cached_property
    def _before(self) -> pl.DataFrame:
        floor, first = self._floor, self._first
        start_ms = floor["start_ms"].to_numpy()[_latest(first)]
        return floor.with_columns(
            *self._sums(floor, first),
            length_ms=pl.col("end_ms") - pl.Series(start_ms, dtype=pl.Int64),
            edge_ms=pl.col("end_ms"),
        )

    @cached_property
    def _after(self) -> pl.DataFrame:
        floor = self._floor.reverse()
        last = np.append(np.array([True]), self._first[::-1])[: floor.height]
        end_ms = floor["end_ms"].to_numpy()[_latest(last)]
        return floor.with_columns(
            *self._sums(floor, last),
            length_ms=pl.Series(end_ms, dtype=pl.Int64) - pl.col("start_ms"),
            edge_ms=pl.col("start_ms"),
        ).reverse()

    def _sums(self, floor: pl.DataFrame, edge: NDArray[np.bool_]) -> list[pl.Series]:
        """Sums from the edge of each stretch on; null if one of the summed is null.

        A running sum over all turns, less what it was before the edge. All are whole numbers, so
        nothing is lost by it.
        """
        columns = floor.select("n_words", *self._counts)
        at = _latest(edge)

        def since(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
            total = np.cumsum(numbers, axis=0)
            since_edge: NDArray[np.float64] = total - (total - numbers)[at]
            return since_edge

        numbers = columns.cast(pl.Float64).to_numpy()
        missing = np.isnan(numbers)
        if missing.any():
            sums = since(np.where(missing, 0, numbers))
            sums[since(missing.astype(np.float64)) > 0] = np.nan
        else:
            sums = since(numbers)
        return [
            pl.Series(name, sums[:, number], nan_to_null=True).cast(dtype)
            for number, (name, dtype) in enumerate(columns.schema.items())
        ]


def _latest(edge: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each place the last place at or before it where a stretch has its edge."""
    return np.maximum.accumulate(np.where(edge, np.arange(len(edge)), 0))


def _with_stretches(item: str, items: pl.DataFrame, talk: _Talk, wanted: list[str]) -> pl.DataFrame:
    """`items` with what their columns say of the stretches of talk before and after them."""
    names = [name.split("_", 2) for name in wanted]
    # Spans and silences are measured apart, so their ends may differ by some frames; the middle of
    # a silence is safely after what was said before it and before what was said next.
    at = pl.col("start_ms") if item == "turn" else (pl.col("start_ms") + pl.col("end_ms")) // 2
    items = items.with_columns(at.alias("at_ms"))
    if item != "turn":
        items = items.sort(SESSION, "at_ms", maintain_order=True)
    for side in _SIDES:
        for person in PAIR:
            rest = [r for s, p, r in names if s == side and p == person]
            if not rest:
                continue
            prefix = f"{side}_{person}_"
            items = items.join_asof(
                talk.side(side, person).select(
                    SESSION,
                    "at_ms",
                    "edge_ms",
                    *(pl.col(r).alias(prefix + r) for r in rest if r != "gap_ms"),
                ),
                on="at_ms",
                by=SESSION,
                check_sortedness=False,  # within a session they are sorted; polars looks across
                strategy="backward" if side == "prev" else "forward",
                allow_exact_matches=item != "turn" and side == "next",
            )
            gap = (
                pl.col("start_ms") - pl.col("edge_ms")
                if side == "prev"
                else pl.col("edge_ms") - pl.col("end_ms")
            )
            items = items.with_columns(gap.alias(f"{prefix}gap_ms")).drop("edge_ms")
    items = items.drop("at_ms")
    return items if item == "turn" else items.sort(_ORDER, maintain_order=True)
