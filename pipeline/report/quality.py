"""Quality of the recording, and which rules were not used because of it."""

from dataclasses import dataclass

import polars as pl

from pipeline.core.tables import DIARIZATION, MEDIA, QUALITY, Tables
from pipeline.report import labels, number_format
from pipeline.workspace.provenance import DisabledFamily

_WHOLE = "Whole recording"
_LEAST = 0.001
"""Smaller values of a measure without a unit are shown as "under" this: digits mean nothing."""


@dataclass(frozen=True)
class Measured:
    """A measure of quality.

    Attributes
    ----------
    values
        In the order of the table's columns; empty where a column has no such measure.
    poor
        Whether a family of rules is not used because of it.
    follows
        The consequence, in words.
    """

    name: str
    values: tuple[str, ...]
    poor: bool
    follows: str


@dataclass(frozen=True)
class Quality:
    """The table; its columns are the channels and the whole recording."""

    columns: tuple[str, ...]
    rows: tuple[Measured, ...]


def quality(tables: Tables) -> Quality:
    """One row for each measure; those that ruled out rules come first."""
    measures = tables.get("quality", QUALITY.empty())
    channels = measures["channel"].unique().sort(nulls_last=True).to_list()
    rows = []
    for (measure,), of_measure in measures.group_by("measure", maintain_order=True):
        name = str(measure)
        values = dict(of_measure.select("channel", "value").iter_rows())
        cells = [_value(name, values[c]) if c in values else "" for c in channels]
        poor = of_measure.filter(pl.col("disables").list.len() > 0)
        follows = "; ".join(_follows(row) for row in poor.iter_rows(named=True))
        rows.append(
            Measured(
                labels.QUALITY.get(name, (number_format.label(name), ""))[0],
                tuple(cells),
                poor.height > 0,
                follows or ("good enough" if any(v is not None for v in values.values()) else ""),
            )
        )
    rows.sort(key=lambda row: not row.poor)
    return Quality(
        tuple(_WHOLE if c is None else f"Channel {c + 1}" for c in channels), tuple(rows)
    )


def ends_known(tables: Tables) -> bool:
    """False if an imported file gives no ends, so that lengths of speech and pauses are guesses."""
    return not tables.get("diarization", DIARIZATION.empty())["ends_estimated"].any()


def disabled(tables: Tables) -> tuple[DisabledFamily, ...]:
    """Families of rules that were not used, grouped by reason."""
    rows = tables.get("quality", QUALITY.empty()).select("disables", "because")
    pairs = [
        (because or "the recording is too poor", family)
        for families, because in rows.iter_rows()
        for family in families or ()
    ]
    reasons: dict[str, list[str]] = {}
    for because, family in dict.fromkeys(pairs):
        reasons.setdefault(because.rstrip("."), []).append(family)
    return tuple(
        DisabledFamily(number_format.listed(families), because)
        for because, families in reasons.items()
    )


def is_cut_off(tables: Tables) -> bool:
    """Whether the recording is at least a second shorter than its header announces."""
    media = tables.get("media", MEDIA.empty())
    return any(
        (media["promised_ms"] - media["duration_ms"]).fill_null(0) >= number_format.SECOND_MS
    )


def _follows(row: dict[str, object]) -> str:
    families, because = row["disables"], row["because"] or "the recording is too poor"
    assert isinstance(families, list)
    return f"rules based on {number_format.listed(families)} were not used: {because}"


def _value(measure: str, value: float | None) -> str:
    if value is None:
        return "not measured"
    unit = labels.QUALITY.get(measure, ("", ""))[1]
    if not unit and 0 < abs(value) < _LEAST:
        return f"under {_LEAST}"
    return (
        number_format.percent(value)
        if unit == "%"
        else f"{number_format.number(value)} {unit}".strip()
    )
