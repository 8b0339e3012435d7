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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl
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


def frame(item: str, tables: Tables, features: Iterable[Feature], wanted: set[str]) -> pl.DataFrame:
    """The items of a session with the `wanted` columns.

    Returns
    -------
    frame
        item_id, start_ms, end_ms, the wanted columns, and for each z or percentile the column
        ``<feature>_n``: values that its baseline rests on. In order of start. Items of an unknown
        role are left out, for they never flag.
    """
    features = list(features)
    items = _items(item, tables)
    measures = tables["measures"].filter(pl.col("item") == item)
    for feature in features:
        names = {feature.name: "value"}
        names |= {feature.name + end: column for end, column in _BASELINE.items()}
        if feature.item == item and wanted & names.keys():
            items = _with_feature(items, measures, feature.name, names)
    stretches = {name for name in wanted if name.startswith(("prev_", "next_"))}
    if stretches:
        items = _with_stretches(item, items, tables, sorted(stretches))
    for name in ROLE_COLUMNS:
        if name in items.columns:
            items = items.filter((pl.col(name) != "unknown").fill_null(value=True))
    return items.sort("start_ms", "end_ms", "item_id")


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
    numbers = tables["measures"].filter(pl.col("item") == item).select("item_id").unique()
    start_ms = pl.col("item_id") * length_ms + pl.lit(first_ms, dtype=pl.Int64)
    return numbers.join(tables["roles"].select("speaker", "role"), how="cross").with_columns(
        start_ms.alias("start_ms"), (start_ms + length_ms).alias("end_ms")
    )


def _with_feature(
    items: pl.DataFrame, measures: pl.DataFrame, feature: str, names: Mapping[str, str]
) -> pl.DataFrame:
    """`items` with value, z, percentile and n of a feature; a column that it has is kept."""
    new = {name: column for name, column in names.items() if name not in items.columns}
    on = ["item_id"]
    values = measures.filter(pl.col("feature") == feature)
    # A window has one row per speaker, and a feature of the pair is the same for both.
    if "speaker" in items.columns and values["speaker"].null_count() == 0:
        on.append("speaker")
    columns = [pl.col(column).alias(name) for name, column in new.items()]
    return items.join(values.select(*on, *columns), on=on, how="left", maintain_order="left")


def _with_stretches(
    item: str, items: pl.DataFrame, tables: Tables, wanted: list[str]
) -> pl.DataFrame:
    names = [name.split("_", 2) for name in wanted]
    counts = sorted({rest for _, _, rest in names} - _STRETCH.keys())
    turns = _floor(tables, counts)
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
            theirs = _stretches(turns.filter(pl.col("role") == person), counts, side)
            items = items.join_asof(
                theirs.select(
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


def _floor(tables: Tables, counts: list[str]) -> pl.DataFrame:
    """Turns but backchannels, in order of start, with counts and the number of their stretch."""
    turns = tables["turns"].filter(~pl.col("is_backchannel").fill_null(value=False))
    turns = turns.sort("start_ms", "turn_id").with_columns(at_ms=pl.col("start_ms"))
    measures = tables["measures"].filter(pl.col("item") == "turn")
    for name in counts:
        values = measures.filter(pl.col("feature") == name)
        values = values.select(pl.col("item_id").alias("turn_id"), pl.col("value").alias(name))
        turns = turns.join(values, on="turn_id", how="left", maintain_order="left")
    changes = pl.col("speaker") != pl.col("speaker").shift(1)
    return turns.with_columns(stretch=changes.fill_null(value=False).cum_sum())


def _stretches(turns: pl.DataFrame, counts: list[str], side: str) -> pl.DataFrame:
    """For each turn its stretch up to and with it (prev), or from it on (next)."""
    backward = side == "next"
    sums = []
    for name in ("n_words", *counts):
        total = pl.col(name).cum_sum(reverse=backward)
        unknown = pl.col(name).is_null().cast(pl.Int64).cum_sum(reverse=backward) > 0
        sums.append(pl.when(~unknown).then(total).over("stretch").alias(name))
    first = pl.col("start_ms").first().over("stretch") if not backward else pl.col("start_ms")
    last = pl.col("end_ms").last().over("stretch") if backward else pl.col("end_ms")
    edge = pl.col("start_ms") if backward else pl.col("end_ms")
    return turns.with_columns(*sums, (last - first).alias("length_ms"), edge.alias("edge_ms")).sort(
        "at_ms"
    )
