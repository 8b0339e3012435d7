"""Match moments with coded ruptures, one to one: as many as possible, then the nearest.

A **place** is a stretch ``[low, high]`` on an axis: milliseconds, or numbers of utterances. The
distance of two places is the gap between them, 0 where they meet::

    utterances   4   5   6   7   8   9
    moment           ├───┤                       5-6
    event                        ■               8: two utterances away

Codes of one kind within the tolerance of each other are one **event**: three curt answers coded in
a row are one withdrawal. Each moment may then find one event, and each event may be found by one
moment, if they are of one kind and within the tolerance. Of all ways to pair them, the one with the
most pairs is taken; of these the one with the smallest total gap, then the most equal markers.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import scipy


@dataclass(frozen=True, order=True)
class Place:
    """A stretch on the axis, both ends in it."""

    low: int
    high: int

    def gap(self, other: "Place") -> int:
        """Distance to `other`; 0 where they meet.

        >>> Place(5, 6).gap(Place(8, 8)), Place(5, 8).gap(Place(6, 6))
        (2, 0)
        """
        return max(0, other.low - self.high, self.low - other.high)


@dataclass(frozen=True)
class Pair:
    """Number of the moment, number of the event."""

    moment: int
    event: int


def chains(places: Sequence[Place], tolerance: int) -> list[list[int]]:
    """Group places, each within `tolerance` of an earlier one of its group; by number.

    >>> chains([Place(20, 20), Place(1, 1), Place(3, 3), Place(5, 5)], 2)
    [[1, 2, 3], [0]]
    """
    found: list[list[int]] = []
    reach = 0
    for number in sorted(range(len(places)), key=lambda number: (places[number], number)):
        if found and places[number].low - reach <= tolerance:
            found[-1].append(number)
            reach = max(reach, places[number].high)
        else:
            found.append([number])
            reach = places[number].high
    return found


def pairs(
    moments: Sequence[Place],
    events: Sequence[Place],
    tolerance: int,
    same: Collection[tuple[int, int]] = (),
) -> list[Pair]:
    """A largest set of pairs within `tolerance`, see the module; in order of the moments.

    Parameters
    ----------
    moments, events
        Of one kind and one session.
    same
        Pairs (moment, event) whose markers are equal.
    """
    most = min(len(moments), len(events))
    if not most:
        return []
    gaps = np.array([[moment.gap(event) for event in events] for moment in moments])
    reachable = gaps <= tolerance
    if not reachable.any():
        return []
    # No difference in markers outweighs a step of the gap, and no gaps outweigh a pair.
    costs = gaps.astype(np.float64) * (most + 1)
    costs += 1
    for moment, event in same:
        costs[moment, event] -= 1
    a_pair = (most + 1) * ((tolerance + 1) * (most + 1) + 1)
    costs = np.where(reachable, costs - a_pair, 0.0)
    rows, columns = scipy.optimize.linear_sum_assignment(costs)
    return [
        Pair(int(row), int(column))
        for row, column in zip(rows, columns, strict=True)
        if reachable[row, column]
    ]
