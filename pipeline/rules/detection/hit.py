"""A hit: a place where a rule holds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from pipeline.core.schema import split
from pipeline.core.tables import HITS


class Hit(NamedTuple):
    """A row of table `hits`, with what moments need in addition.

    Attributes
    ----------
    small_baseline
        A clause of its evidence was set aside because its baseline was small.
    """

    hit_id: int
    rule: str
    kind: str
    marker: str
    primary: bool
    weight: float
    item: str
    item_ids: Sequence[int]
    start_ms: int
    end_ms: int
    clauses: Sequence[Mapping[str, object]]
    params: str
    suppressed_by: str | None
    small_baseline: bool


def tables(sessions: Sequence[Sequence[Hit]]) -> list[pl.DataFrame]:
    """Table `hits` of each session."""
    every = [hit for hits in sessions for hit in hits]
    values = zip(*every, strict=True) if every else [() for _ in Hit._fields]
    columns = dict(zip(Hit._fields, values, strict=True))
    del columns["small_baseline"]
    return split(HITS.of(columns), map(len, sessions))
