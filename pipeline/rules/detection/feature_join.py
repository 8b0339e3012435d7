"""From the long table `measures` of sessions to columns of their items."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.core.tables import MEASURES
from pipeline.measures.feature import Feature

SESSION = "session"
"""Column that numbers the sessions which are looked at in one go."""
_BASELINE = {"_z": "z", "_pct": "pct", "_n": "n_baseline"}
_TYPES = MEASURES.empty().schema
_Run = tuple[int, int, int]
"""Number of a session, first of some consecutive rows of its measures, and how many they are."""


class Measured:
    """The measures of sessions that columns are made of, apart by item and feature.

    Parameters
    ----------
    sessions
        Table `measures` of each.
    wanted
        Columns that are made of them, by kind of item.
    """

    def __init__(
        self,
        sessions: Sequence[pl.DataFrame],
        features: Sequence[Feature],
        wanted: Mapping[str, set[str]],
    ) -> None:
        self._columns: dict[tuple[str, str], dict[str, str]] = {}
        for feature in features:
            columns = {feature.name: "value"}
            columns |= {feature.name + end: column for end, column in _BASELINE.items()}
            if wanted.get(feature.item, set()) & columns.keys():
                self._columns[feature.item, feature.name] = columns
        self._of_speakers = {(f.item, f.name) for f in features if f.group == "speaker"}
        self._sessions = tuple(sessions)
        self._runs: dict[tuple[str, str], list[_Run]] = {}
        for key, run in _runs(sessions):
            self._runs.setdefault(key, []).append(run)
        self._ids = [measures["item_id"].to_numpy() for measures in sessions]
        self._series: dict[str, list[pl.Series]] = {}

    def windows(self, item: str) -> pl.DataFrame:
        """Session and number of all windows of a kind of which anything was measured."""
        runs = [run for (kind, _), own in self._runs.items() if kind == item for run in own]
        session, item_id = self._places(runs)
        there = np.zeros((session.max(initial=-1) + 1, item_id.max(initial=-1) + 1), np.bool_)
        there[session, item_id] = True
        numbers, ids = np.nonzero(there)
        return pl.DataFrame({SESSION: numbers, "item_id": ids})

    def joined(self, item: str, items: pl.DataFrame, wanted: set[str]) -> pl.DataFrame:
        """`items` with value, z, percentile and n of features; a column that it has is kept."""
        made: list[pl.Series] = []
        rows = _RowsOf(items)
        for (kind, feature), names in self._columns.items():
            if kind != item or not wanted & names.keys():
                continue
            # Whether a baseline is small takes its value and its n; else one column will do.
            scored = {name for name, column in names.items() if column in {"z", "pct"}} & wanted
            needed = (names.keys() if scored else wanted) - set(items.columns)
            runs = self._runs.get((item, feature), [])
            # A window has one row per speaker, and a feature of the pair is the same for both.
            apart = item.startswith("window") and (item, feature) in self._of_speakers
            places = self._places(runs)
            at = rows.at(*places, self._speakers(runs) if apart else None)
            for name, column in names.items():
                if name in needed:
                    values = np.append(self._of(column, runs), np.nan)[at]
                    made.append(pl.Series(name, values, nan_to_null=True).cast(_TYPES[column]))
        return items.with_columns(made)

    def _places(self, runs: Sequence[_Run]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Session and item of the rows of some runs."""
        numbers = np.array([number for number, _, _ in runs], np.int64)
        session = np.repeat(numbers, [rows for _, _, rows in runs])
        ids = (self._ids[number][first : first + rows] for number, first, rows in runs)
        return session, np.concatenate([np.empty(0, np.int64), *ids])

    def _speakers(self, runs: Sequence[_Run]) -> pl.Series:
        none = MEASURES.empty()["speaker"]
        speakers = (self._sessions[n]["speaker"].slice(first, rows) for n, first, rows in runs)
        return pl.concat([none, *speakers])

    def _of(self, column: str, runs: Sequence[_Run]) -> NDArray[Any]:
        """A column of the rows of some runs; of null it is NaN."""
        if column not in self._series:
            self._series[column] = [measures[column] for measures in self._sessions]
        series = self._series[column]
        none = np.empty(0, np.int64)
        return np.concatenate(
            [none, *(series[n].slice(first, rows).to_numpy() for n, first, rows in runs)]
        )


class _RowsOf:
    """Where items are measured.

    Parameters
    ----------
    items
        With session and item_id, and of windows with a speaker.
    """

    def __init__(self, items: pl.DataFrame) -> None:
        self._items = items
        self._session, self._item_id = (items[n].to_numpy() for n in (SESSION, "item_id"))
        # Most features measure the same items as others do.
        self._known: list[tuple[Any, NDArray[np.int64]]] = []

    def at(
        self,
        session: NDArray[np.int64],
        item_id: NDArray[np.int64],
        speaker: pl.Series | None,
    ) -> NDArray[np.int64]:
        """For each item the row in which it is measured; -1: it is not.

        Parameters
        ----------
        session, item_id
            Of each row.
        speaker
            Of each row, where every speaker is measured apart.
        """
        for (*places, who), at in self._known:
            same = who is speaker is None or (
                who is not None and speaker is not None and who.equals(speaker)
            )
            if same and all(map(np.array_equal, places, (session, item_id))):
                return at
        at = np.full(self._items.height, -1)
        if speaker is None:
            at = self._looked_up(session, item_id, np.arange(len(session)), slice(None))
        else:
            for name in speaker.unique():
                rows = (speaker == name).arg_true().to_numpy()
                own = (self._items["speaker"] == name).arg_true().to_numpy()
                at[own] = self._looked_up(session[rows], item_id[rows], rows, own)
        self._known.append(((session, item_id, speaker), at))
        return at

    def _looked_up(
        self,
        session: NDArray[np.int64],
        item_id: NDArray[np.int64],
        rows: NDArray[np.int64],
        items: NDArray[np.int64] | slice,
    ) -> NDArray[np.int64]:
        """Of some rows the one of each of some items."""
        asked = self._session[items], self._item_id[items]
        shape = [
            max(a.max(initial=0), b.max(initial=0)) + 1
            for a, b in zip(asked, (session, item_id), strict=True)
        ]
        table = np.full(shape, -1)
        table[session, item_id] = rows
        found: NDArray[np.int64] = table[asked]
        return found


def _runs(sessions: Sequence[pl.DataFrame]) -> Iterator[tuple[tuple[str, str], _Run]]:
    """Item and feature of each run of rows that share them.

    Features are measured one after the other, so there are few.
    """
    none = MEASURES.empty()
    first = np.cumsum([0, *(measures.height for measures in sessions)])
    named = []
    for name in ("item", "feature"):
        runs = pl.concat([each[name] for each in (none, *sessions)]).rle().struct
        ends = np.cumsum(runs.field("len").to_numpy(), dtype=np.int64)
        named.append((ends, runs.field("value").to_list()))
    bounds = np.unique(np.concatenate([first, *(ends for ends, _ in named)]))
    starts = bounds[:-1]
    number = np.searchsorted(first, starts, side="right") - 1
    columns = (number, starts - first[number], np.diff(bounds))
    rows = zip(*(column.tolist() for column in columns), strict=True)
    names = ([said[n] for n in np.searchsorted(ends, starts, side="right")] for ends, said in named)
    yield from zip(zip(*names, strict=True), rows, strict=True)
