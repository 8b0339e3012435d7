"""Both views of a diarization that knows overlap, as one table."""

from collections.abc import Iterable

import polars as pl

from pipeline.core.tables import SPANS

Stretch = tuple[int, int, str | int]
"""Start and end, ms, and who speaks."""


def spans(regular: Iterable[Stretch], exclusive: Iterable[Stretch]) -> pl.DataFrame:
    """Table `spans` of "speaker 1", "speaker 2", ... in order of first speech.

    A stretch that is the same in both views is one row::

        regular     ████████████  speaker 1          regular = exclusive   ███████        speaker 1
                             ██████████  speaker 2   regular only                 █████   speaker 1
        exclusive   ██████████                       exclusive only          ...
                              █████████
    """
    views = [set(regular), set(exclusive)]
    rows = sorted(row for row in views[0] | views[1] if row[0] < row[1])
    names = {who: n for n, who in enumerate(dict.fromkeys(row[2] for row in rows), start=1)}
    return SPANS.frame(
        {
            "start_ms": start,
            "end_ms": end,
            "speaker": f"speaker {names[who]}",
            "regular": (start, end, who) in views[0],
            "exclusive": (start, end, who) in views[1],
        }
        for start, end, who in rows
    )
