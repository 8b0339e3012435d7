"""The columns that a rule may name, and the frame that holds them for one session.

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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.datatypes import DataType, DataTypeClass

from pipeline.ports import Feature
from pipeline.rules.rulefile import Family
from pipeline.tables import WINDOWS_MS, Tables

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
_PEOPLE = ("therapist", "client")
_BASELINE = {"_z": "z", "_pct": "pct", "_n": "n_baseline"}
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
        for person in _PEOPLE:
            for name, needs in _STRETCH.items():
                columns[f"{side}_{person}_{name}"] = Known(pl.Int64, needs)
            for name in _counts(features):
                columns[f"{side}_{person}_{name}"] = Known(pl.Float64, "words")
    return columns


def frames(
    wanted: Mapping[str, set[str]], tables: Tables, features: Iterable[Feature]
) -> dict[str, pl.DataFrame]:
    """The items of a session, of each kind that is wanted, with the columns that are wanted.

    Returns
    -------
    frames
        By kind of item: item_id, start_ms, end_ms, the wanted columns, and for each z or percentile
        the column ``<feature>_n``: values that its baseline rests on. In order of start. Items of
        an unknown role are left out, for they never flag.
    """
    features = list(features)
    stretched = {
        item: sorted(name for name in names if name.startswith(("prev_", "next_")))
        for item, names in wanted.items()
    }
    talked = {name.split("_", 2)[2] for names in stretched.values() for name in names}
    named = {name for names in wanted.values() for name in names} | talked
    measured = _Measured(tables["measures"], features, named)
    talk = _Talk(tables["turns"], measured, talked)
    made = {}
    for item, names in wanted.items():
        items = measured.joined(item, _items(item, tables), names)
        if stretched[item]:
            items = _with_stretches(item, items, talk, stretched[item])
        for name in ROLE_COLUMNS:
            if name in items.columns:
                items = items.filter((pl.col(name) != "unknown").fill_null(value=True))
        made[item] = items.sort("start_ms", "end_ms", "item_id", maintain_order=True)
    return made


def frame(item: str, tables: Tables, features: Iterable[Feature], wanted: set[str]) -> pl.DataFrame:
    """As `frames`, of one kind of item."""
    return frames({item: wanted}, tables, features)[item]


def bounds(item: str, tables: Tables) -> dict[int, tuple[int, int]]:
    """First millisecond of each item of a session, and the first after it, by its id."""
    items = _items(item, tables).select("item_id", "start_ms", "end_ms")
    return {item_id: (start_ms, end_ms) for item_id, start_ms, end_ms in items.iter_rows()}


def _counts(features: Iterable[Feature]) -> list[str]:
    """Features that a stretch sums: matches of lexicons in turns."""
    return [f.name for f in features if f.item == "turn" and f.unit == "matches"]


def _items(item: str, tables: Tables) -> pl.DataFrame:
    turns = tables["turns"]
    first_ms = turns["start_ms"].min() if turns.height else 0
    if item.startswith("window"):
        items = _windows(item, tables, first_ms)
    else:
        items = tables[f"{item}s"].rename({f"{item}_id": "item_id"})
    return items.with_columns(
        (pl.col("end_ms") - pl.col("start_ms")).alias("length_ms"),
        (pl.col("start_ms") - first_ms).alias("since_start_ms"),
    )


def _windows(item: str, tables: Tables, first_ms: object) -> pl.DataFrame:
    """One row per window and speaker."""
    length_ms = WINDOWS_MS[item]
    numbers = tables["measures"].filter(pl.col("item") == item).select("item_id")
    numbers = numbers.unique().sort("item_id")
    start_ms = pl.col("item_id") * length_ms + pl.lit(first_ms, dtype=pl.Int64)
    return numbers.join(tables["roles"].select("speaker", "role"), how="cross").with_columns(
        start_ms.alias("start_ms"), (start_ms + length_ms).alias("end_ms")
    )


class _Measured:
    """The measures of a session that columns are made of, apart by item and feature."""

    def __init__(
        self, measures: pl.DataFrame, features: Sequence[Feature], named: set[str]
    ) -> None:
        self._columns: dict[str, dict[str, dict[str, str]]] = {}
        for feature in features:
            columns = {feature.name: "value"}
            columns |= {feature.name + end: column for end, column in _BASELINE.items()}
            if named & columns.keys():
                self._columns.setdefault(feature.item, {})[feature.name] = columns
        chosen = {name for columns in self._columns.values() for name in columns}
        own = measures.filter(
            pl.col("item").is_in(list(self._columns)) & pl.col("feature").is_in(list(chosen))
        )
        self._parts = own.partition_by("item", "feature", as_dict=True)
        self._none = own.clear()

    def of(self, item: str, feature: str) -> pl.DataFrame:
        """Measures of one feature."""
        return self._parts.get((item, feature), self._none)

    def joined(self, item: str, items: pl.DataFrame, wanted: set[str]) -> pl.DataFrame:
        """`items` with value, z, percentile and n of features; a column that it has is kept."""
        added: list[pl.Series] = []
        for feature, names in self._columns.get(item, {}).items():
            if not wanted & names.keys():
                continue
            # Whether a baseline is small takes its value and its n; else one column will do.
            scored = {name for name, column in names.items() if column in {"z", "pct"}} & wanted
            needed = names.keys() if scored else wanted
            columns = [
                pl.col(column).alias(name)
                for name, column in names.items()
                if name in needed and name not in items.columns
            ]
            values = self.of(item, feature)
            # A window has one row per speaker, and a feature of the pair is the same for both.
            if item.startswith("window") and values["speaker"].null_count() == 0:
                on = ["item_id", "speaker"]
                joined = items.select(on).join(
                    values.select(*on, *columns), on=on, how="left", maintain_order="left"
                )
                added += joined.drop(on).get_columns()
            else:
                own = values.select("item_id", *columns)
                added += _at(items["item_id"], own).get_columns()
        return items.with_columns(added)


def _at(ids: pl.Series, known: pl.DataFrame) -> pl.DataFrame:
    """The rows of `known` for each of the ids, null where it has none; ids count from 0."""
    columns = known.drop("item_id")
    if known.is_empty():
        return columns.clear(len(ids))
    asked, there = ids.to_numpy(), known["item_id"].to_numpy()
    rows = np.full(1 + max(asked.max(initial=-1), there.max()), -1)
    rows[there] = np.arange(len(there))
    found = pl.Series(rows[asked])
    return columns[found.set(found < 0, None).cast(pl.UInt32)]


class _Talk:
    """Stretches of talk, with the sums that any of the columns needs.

    Parameters
    ----------
    rest
        What is asked of stretches: names of columns without side and person.
    """

    def __init__(self, turns: pl.DataFrame, measured: _Measured, rest: set[str]) -> None:
        self._turns = turns
        self._measured = measured
        self._counts = sorted(rest - _STRETCH.keys())

    def side(self, side: str, person: str) -> pl.DataFrame:
        """Stretches of one person by `at_ms`, the start of a turn.

        For each turn its stretch up to and with it (prev), or from it on (next).
        """
        frame = self._after if side == "next" else self._before
        return frame.filter(pl.col("role") == person)

    @cached_property
    def _floor(self) -> pl.DataFrame:
        """Turns but backchannels, in order of start, with counts."""
        turns = self._turns.filter(~pl.col("is_backchannel").fill_null(value=False))
        turns = turns.sort("start_ms", "turn_id").with_columns(at_ms=pl.col("start_ms"))
        added = []
        for name in self._counts:
            values = self._measured.of("turn", name)
            own = values.select("item_id", pl.col("value").alias(name))
            added += _at(turns["turn_id"], own).get_columns()
        return turns.with_columns(added)

    @cached_property
    def _first(self) -> NDArray[np.bool_]:
        """Whether a stretch begins with the turn."""
        changes = self._floor["speaker"] != self._floor["speaker"].shift(1)
        first: NDArray[np.bool_] = changes.fill_null(value=True).to_numpy()
        return first

    @cached_property
    def _before(self) -> pl.DataFrame:
        floor, first = self._floor, self._first
        start_ms = floor["start_ms"].to_numpy()[_latest(first)]
        return floor.with_columns(
            *(_sums(floor[name], first) for name in ("n_words", *self._counts)),
            length_ms=pl.col("end_ms") - pl.Series(start_ms, dtype=pl.Int64),
            edge_ms=pl.col("end_ms"),
        )

    @cached_property
    def _after(self) -> pl.DataFrame:
        floor = self._floor.reverse()
        last = np.append(np.array([True]), self._first[::-1])[: floor.height]
        end_ms = floor["end_ms"].to_numpy()[_latest(last)]
        return floor.with_columns(
            *(_sums(floor[name], last) for name in ("n_words", *self._counts)),
            length_ms=pl.Series(end_ms, dtype=pl.Int64) - pl.col("start_ms"),
            edge_ms=pl.col("start_ms"),
        ).reverse()


def _latest(edge: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each place the last place at or before it where a stretch has its edge."""
    return np.maximum.accumulate(np.where(edge, np.arange(len(edge)), 0))


def _sums(values: pl.Series, edge: NDArray[np.bool_]) -> pl.Series:
    """Sums from the edge of each stretch on; null if one of the summed is null.

    A running sum over all turns, less what it was before the edge.
    """
    if not len(values):
        return values
    at = _latest(edge)

    def since(numbers: NDArray[Any]) -> NDArray[Any]:
        total = np.cumsum(numbers)
        since_edge: NDArray[Any] = total - (total - numbers)[at]
        return since_edge

    sums = pl.Series(values.name, since(values.fill_null(0).to_numpy()))
    if values.null_count():
        sums = sums.set(pl.Series(since(values.is_null().to_numpy().astype(np.int64))) > 0, None)
    return sums


def _with_stretches(item: str, items: pl.DataFrame, talk: _Talk, wanted: list[str]) -> pl.DataFrame:
    names = [name.split("_", 2) for name in wanted]
    # Spans and silences are measured apart, so their ends may differ by some frames; the middle of
    # a silence is safely after what was said before it and before what was said next.
    at = pl.col("start_ms") if item == "turn" else (pl.col("start_ms") + pl.col("end_ms")) // 2
    items = items.with_columns(at.alias("at_ms")).sort("at_ms")
    for side in _SIDES:
        for person in _PEOPLE:
            rest = [r for s, p, r in names if s == side and p == person]
            if not rest:
                continue
            prefix = f"{side}_{person}_"
            items = items.join_asof(
                talk.side(side, person).select(
                    "at_ms",
                    "edge_ms",
                    *(pl.col(r).alias(prefix + r) for r in rest if r != "gap_ms"),
                ),
                on="at_ms",
                strategy="backward" if side == "prev" else "forward",
                allow_exact_matches=item != "turn" and side == "next",
            )
            gap = (
                pl.col("start_ms") - pl.col("edge_ms")
                if side == "prev"
                else pl.col("edge_ms") - pl.col("end_ms")
            )
            items = items.with_columns(gap.alias(f"{prefix}gap_ms")).drop("edge_ms")
    return items.drop("at_ms")
