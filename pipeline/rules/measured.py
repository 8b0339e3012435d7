"""From the long table `measures` of sessions to columns of their items."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from pipeline.ports import Feature
from pipeline.tables import MEASURES

SESSION = "session"
"""Column that numbers the sessions which are looked at in one go."""
_BASELINE = {"_z": "z", "_pct": "pct", "_n": "n_baseline"}


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
        self._parts: dict[tuple[str, str], list[tuple[int, pl.DataFrame]]] = {}
        self._none = MEASURES.empty().drop("item", "feature")
        for number, measures in enumerate(sessions):
            rows = measures.drop("item", "feature")
            for key, start, length in runs(measures):
                # All that was measured of windows says which windows there are.
                if key in self._columns or key[0].startswith("window"):
                    part = rows.slice(start, length)
                    self._parts.setdefault(key, []).append((number, part))

    def of(self, item: str, feature: str) -> pl.DataFrame:
        """Measures of one feature."""
        return self._together(self._parts.get((item, feature), []))

    def windows(self, item: str) -> pl.DataFrame:
        """Session and number of all windows of a kind of which anything was measured."""
        parts = [part for (kind, _), parts in self._parts.items() if kind == item for part in parts]
        ids = self._together(parts).select(SESSION, "item_id")
        return ids.unique().sort(SESSION, "item_id")

    def _together(self, parts: Sequence[tuple[int, pl.DataFrame]]) -> pl.DataFrame:
        heights = [part.height for _, part in parts]
        numbers = np.repeat([number for number, _ in parts], heights).astype(np.int64)
        together = pl.concat([self._none, *(part for _, part in parts)])
        return together.with_columns(pl.Series(SESSION, numbers))

    def joined(self, item: str, items: pl.DataFrame, wanted: set[str]) -> pl.DataFrame:
        """`items` with value, z, percentile and n of features; a column that it has is kept."""
        # Features that measure the same items, as most do, are joined together.
        alike: list[tuple[pl.DataFrame, list[pl.Series]]] = []
        for (kind, feature), names in self._columns.items():
            if kind != item or not wanted & names.keys():
                continue
            # Whether a baseline is small takes its value and its n; else one column will do.
            scored = {name for name, column in names.items() if column in {"z", "pct"}} & wanted
            needed = (names.keys() if scored else wanted) - set(items.columns)
            values = self.of(item, feature)
            # A window has one row per speaker, and a feature of the pair is the same for both.
            per_speaker = item.startswith("window") and (item, feature) in self._of_speakers
            on = [SESSION, "item_id", "speaker"] if per_speaker else [SESSION, "item_id"]
            ids = values.select(on)
            columns = [values[names[name]].alias(name) for name in names if name in needed]
            for known, others in alike:
                if known.equals(ids):
                    others.extend(columns)
                    break
            else:
                alike.append((ids, columns))
        for ids, columns in alike:
            known = ids.hstack(columns)
            items = items.join(known, on=ids.columns, how="left", maintain_order="left")
        return items


def runs(measures: pl.DataFrame) -> Iterator[tuple[tuple[str, str], int, int]]:
    """Item and feature, first row and number of rows, of consecutive rows that share them.

    Features are measured one after the other, so there are few.
    """
    named = measures.select("item", "feature")
    lengths = (column.rle().struct.unnest()["len"].to_numpy() for column in named)
    ends = np.unique(np.concatenate([np.cumsum(each, dtype=np.int64) for each in lengths]))
    starts = np.append(0, ends)[:-1]
    for key, start, end in zip(named[starts].rows(), starts.tolist(), ends.tolist(), strict=True):
        yield key, start, end - start
