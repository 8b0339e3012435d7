"""Features of readings: how likely a turn shows each marker, as if its speaker were the client.

========================  ==================================================================
feature                   is
========================  ==================================================================
``reads_as_<marker>``     probability that the turn shows the marker (``reads_as_w5``)
``reads_mostly_as_<marker>``  1 where it is the likeliest marker of the turn, else 0
``reads_as_withdrawal``   probability that it shows any marker of the kind
``reads_as_confrontation``  likewise
``reads_as_rupture``      probability that it shows any marker
========================  ==================================================================
"""

from functools import partial

import polars as pl

from pipeline.core.tables import READINGS, Tables
from pipeline.core.vocabulary import MARKERS, RUPTURES
from pipeline.measures.feature import Feature, Given

_NULL = "no reader was installed that knows the language, an acknowledgement, or no words"
_TURN = ["start_ms", "end_ms", "speaker"]


def features(given: Given) -> tuple[Feature, ...]:
    """Features of the table `readings`; null where it is not there."""
    del given
    made = [
        _feature("reads_as_rupture", "the turn shows any marker of a rupture", _sum(MARKERS)),
    ]
    for kind in RUPTURES:
        of_kind = [marker for marker, its in MARKERS.items() if its == kind]
        made.append(
            _feature(f"reads_as_{kind}", f"the turn shows any marker of {kind}", _sum(of_kind))
        )
    for marker in MARKERS:
        name = marker.lower()
        shows = _sum([marker])
        made += [
            _feature(f"reads_as_{name}", f"the turn shows {marker}", shows),
            _feature(
                f"reads_mostly_as_{name}",
                f"1: {marker} is the likeliest of the markers",
                (pl.col("marker").sort_by("probability").last() == marker).cast(pl.Float64),
            ),
        ]
    return tuple(sorted(made, key=lambda feature: feature.name))


def _sum(markers: object) -> pl.Expr:
    return pl.col("probability").filter(pl.col("marker").is_in(list(markers))).sum()  # type: ignore[call-overload]


def _feature(name: str, means: str, value: pl.Expr) -> Feature:
    return Feature(
        name=name,
        item="turn",
        unit="0-1",
        group="speaker",
        needs="words",
        min_mad=0.05,  # one word more or less moves a probability by as much
        means=means,
        null=_NULL,
        source="Tether, pipeline/engines/reading",
        compute=partial(_of_turns, value),
    )


def _of_turns(value: pl.Expr, tables: Tables, turns: pl.DataFrame) -> pl.Series:
    """A value of each turn; turns that were cut otherwise when they were read have none."""
    readings = tables.get("readings", READINGS.empty())
    own = readings.group_by(_TURN).agg(value.alias("value"))
    return turns.join(own, on=_TURN, how="left", maintain_order="left")["value"]
