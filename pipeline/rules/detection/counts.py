"""How often a condition must hold to make a hit.

`at_least`, `in_a_row` and `of_last` are one test: **k of n consecutive items, within a time.**

::

    items        .  x  .  x  x  .  .  x        x holds
    2 of 3          └──┬──┘                    a window with enough items
                       └──┬──┘                 shares an item with it: both are one hit

Time is measured from start to start, so that a stricter condition, which removes items, only gives
hits that lie within earlier ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Count:
    """`hits` of `items` consecutive items, whose starts lie within `within_ms` (None: any)."""

    hits: int
    items: int
    within_ms: int | None = None


def groups(held: Sequence[bool], starts_ms: Sequence[int], count: Count) -> list[list[int]]:
    """Positions of the items that held, for each hit; items are in order of start.

    >>> groups([True, True, False, True], [0, 10, 20, 90], Count(hits=2, items=2))
    [[0, 1]]
    >>> groups([True, True, True, True], [0, 10, 20, 90], Count(hits=2, items=2, within_ms=30))
    [[0, 1, 2]]
    >>> groups([True, False, True, False, True], [0, 10, 20, 90, 95], Count(hits=2, items=3))
    [[0, 2, 4]]
    """
    found: list[list[int]] = []
    where = [position for position, holds in enumerate(held) if holds]
    for number, first in enumerate(where):
        last_ms = None if count.within_ms is None else starts_ms[first] + count.within_ms
        window = [
            position
            for position in where[number : number + count.items]
            if position < first + count.items
            and (last_ms is None or starts_ms[position] <= last_ms)
        ]
        if len(window) < count.hits:
            continue
        if found and first <= found[-1][-1]:
            found[-1] += [position for position in window if position > found[-1][-1]]
        else:
            found.append(window)
    return found
