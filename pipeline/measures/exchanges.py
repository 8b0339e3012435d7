"""Turns as a reader gets them: each with what was said before it."""

from collections.abc import Iterator
from itertools import groupby

import polars as pl

from pipeline.core.tables import READINGS
from pipeline.engines.protocols import Exchange, Reader

BEFORE = 4
"""Turns before a reply that are read."""
_DIGITS = 4


def read(turns: pl.DataFrame, reader: Reader) -> pl.DataFrame:
    """Table `readings`: what each turn shows.

    Parameters
    ----------
    turns
        Table `turns`; roles are not needed. Acknowledgements and turns without words are not read.

    Raises
    ------
    EngineError
        The reader failed.
    """
    pairs = list(_exchanges(turns))
    rows: list[dict[str, object]] = []
    for (place, _), reading in zip(
        pairs, reader.read([exchange for _, exchange in pairs]), strict=True
    ):
        likeliest = max(reading.probabilities, key=lambda each: reading.probabilities[each])
        for marker, probability in reading.probabilities.items():
            shown = marker == likeliest and reading.clause is not None
            rows.append(
                {
                    **place,
                    "marker": marker,
                    "probability": round(probability, _DIGITS),
                    "clause": reading.clause if shown else None,
                    "resembles": list(reading.resembles) if shown else None,
                }
            )
    return READINGS.frame(rows)


def _exchanges(turns: pl.DataFrame) -> Iterator[tuple[dict[str, object], Exchange]]:
    """Place and exchange of each turn that is read, in order of start."""
    floor = turns.filter(
        (pl.col("n_words") > 0) & ~pl.col("is_backchannel").fill_null(value=False)
    ).sort("start_ms", "turn_id")
    rows = list(floor.select("start_ms", "end_ms", "speaker", "text").iter_rows())
    before: list[tuple[str, str]] = []
    end_ms: int | None = None
    for speaker, stretch in groupby(rows, key=lambda row: row[2]):
        said: list[str] = []
        for start, end, _, text in stretch:
            context = tuple((who == speaker, words) for who, words in before[-BEFORE:])
            if said:
                context = (*context, (True, " ".join(said)))[-BEFORE:]
            wait_ms = None if end_ms is None else max(start - end_ms, 0)
            yield (
                {"start_ms": start, "end_ms": end, "speaker": speaker},
                Exchange(context, text, wait_ms),
            )
            said.append(text)
            end_ms = end if end_ms is None else max(end_ms, end)
        before.append((speaker, " ".join(said)))
