"""What a rule says of each item, as expressions: held, counted among, guarded.

For a rule `r` these columns come of the items of a session::

    r:0.1     the second alternative of its first clause held
    r:held    all its clauses held
    r:among   the item counts when consecutive items are counted
    r:guard   number of the first guard that fires; null: none
"""

from collections.abc import Iterator

import polars as pl

from pipeline.rules.compiling import Compiled


def name(compiled: Compiled, what: str) -> str:
    """Name of a column of a rule's outcomes."""
    return f"{compiled.rule.id}:{what}"


def expressions(compiled: Compiled, min_n: int) -> Iterator[pl.Expr]:
    """The columns of a rule's outcomes.

    Parameters
    ----------
    min_n
        Values under which a baseline is small.
    """
    parts = []
    for number, part in enumerate(compiled.where):
        # Among alternatives, one that had to be set aside proves nothing.
        alone = len(part) == 1
        held = [test.held(min_n, set_aside_holds=alone) for test in part]
        parts.append(pl.any_horizontal(held) if len(held) > 1 else held[0])
        for inner, expr in enumerate(held):
            yield expr.alias(name(compiled, f"{number}.{inner}"))
    everything = pl.all_horizontal(parts)
    yield everything.alias(name(compiled, "held"))
    among = compiled.among.expr if compiled.among else everything
    yield among.alias(name(compiled, "among"))
    guard = pl.lit(None, dtype=pl.Int64)
    for number, test in reversed(list(enumerate(compiled.unless))):
        fires = test.held(min_n, set_aside_holds=False)
        guard = pl.when(fires).then(pl.lit(number, dtype=pl.Int64)).otherwise(guard)
    yield guard.alias(name(compiled, "guard"))
