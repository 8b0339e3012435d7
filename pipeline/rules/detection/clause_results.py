"""Results of rules for each item: held, counted as consecutive, ruled out.

A rule `r` gives these columns for the items of a session::

    r:0.1     the second alternative of its first clause held
    r:held    all its clauses held
    r:among   the item counts when consecutive items are counted
    r:guard   number of the first exception that holds; null: none
    r:small   a clause that held was set aside because its baseline was small; only if it has one
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.rules.detection.feature_join import SESSION
from pipeline.rules.language.compiler import Compiled


@dataclass(frozen=True, eq=False)
class Judged:
    """Items of one kind, of several sessions, with the results of rules.

    Attributes
    ----------
    items
        In order of session and start.
    outcomes
        A row for each item, with the columns of `expressions`.
    """

    items: pl.DataFrame
    outcomes: pl.DataFrame

    @classmethod
    def by(
        cls,
        rules: Iterable[Compiled],
        items: pl.DataFrame,
        min_n: int,
        more: Iterable[pl.Expr] = (),
    ) -> "Judged":
        """The results of `rules` for `items`, and of the expressions in `more`."""
        columns = (expr for compiled in rules for expr in expressions(compiled, min_n))
        return cls(items, items.select(*columns, *more))

    @cached_property
    def session(self) -> NDArray[np.int64]:
        """Number of the session of each item."""
        number: NDArray[np.int64] = self.items[SESSION].to_numpy()
        return number

    @cached_property
    def start_ms(self) -> NDArray[np.int64]:
        """Start of each item."""
        start_ms: NDArray[np.int64] = self.items["start_ms"].to_numpy()
        return start_ms

    def said(self, compiled: Compiled, what: str) -> NDArray[np.bool_]:
        """A rule's result for each item: held, among, small, or guard (an exception holds)."""
        column = self.outcomes.get_column(name(compiled, what), default=None)
        if column is None:
            return np.zeros(self.items.height, np.bool_)
        result: NDArray[np.bool_] = (column.is_not_null() if what == "guard" else column).to_numpy()
        return result


def name(compiled: Compiled, what: str) -> str:
    """Name of a column of a rule's results."""
    return f"{compiled.rule.id}:{what}"


def expressions(compiled: Compiled, min_n: int) -> Iterator[pl.Expr]:
    """The columns of a rule's results.

    Parameters
    ----------
    min_n
        A baseline of fewer values is small.
    """
    parts, skipped_small_baseline = [], []
    for number, part in enumerate(compiled.where):
        # An alternative that had to be set aside proves nothing.
        alone = len(part) == 1
        held = [test.held(min_n, set_aside_holds=alone) for test in part]
        parts.append(pl.any_horizontal(held) if len(held) > 1 else held[0])
        for inner, (test, expr) in enumerate(zip(part, held, strict=True)):
            yield expr.alias(name(compiled, f"{number}.{inner}"))
            if test.main.baselines:
                skipped_small_baseline.append(expr & test.small(min_n))
    everything = pl.all_horizontal(parts)
    yield everything.alias(name(compiled, "held"))
    among = compiled.among.expr if compiled.among else everything
    yield among.alias(name(compiled, "among"))
    guard = pl.lit(None, dtype=pl.Int64)
    for number, test in reversed(list(enumerate(compiled.unless))):
        fires = test.held(min_n, set_aside_holds=False)
        guard = pl.when(fires).then(pl.lit(number, dtype=pl.Int64)).otherwise(guard)
    yield guard.alias(name(compiled, "guard"))
    if skipped_small_baseline:
        yield pl.any_horizontal(skipped_small_baseline).alias(name(compiled, "small"))
