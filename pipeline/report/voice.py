"""The client's pitch and level over the session, each relative to the client's own median.

Only the client's: the therapist is at work, so measures of the therapist's voice are not shown.
"""

from dataclasses import dataclass

import polars as pl

from pipeline.core.tables import FRAMES, SPANS, Tables
from pipeline.report import number_format
from pipeline.report.speakers import Person

# How the curves are drawn; nothing else depends on these.
_BUCKETS = 260
_BUCKET_STEP_MS = 5_000
FEWEST_FRAMES = 25  # a quarter of a second
_HEIGHT = 44
_SEMITONES_PER_OCTAVE = 12


@dataclass(frozen=True)
class Curve:
    """A line over the session.

    Attributes
    ----------
    columns, height
        Size of its view box; one column for each stretch of time.
    path
        SVG path data; a gap where too little was measured.
    middle_y, band_y, band_height
        Position of the session's median and of its middle half.
    bound
        Range of the picture, such as "±4.0 semitones".
    summary
        One sentence for readers who cannot see it.
    """

    columns: int
    height: int
    path: str
    middle_y: float
    band_y: float
    band_height: float
    bound: str
    summary: str


def pitch(tables: Tables, client: Person, duration_ms: int) -> Curve | None:
    """The client's pitch over the session; None without frames."""
    return _curve(pitches(tables, client), duration_ms, "semitones", "pitch")


def level(tables: Tables, client: Person, duration_ms: int) -> Curve | None:
    """The client's level over the session; None without frames."""
    return _curve(levels(tables, client), duration_ms, "dB", "level")


def pitches(tables: Tables, client: Person) -> pl.DataFrame:
    """Columns t_ms and value: semitones from the client's median, voiced frames only."""
    frames = _frames_of(tables, client).drop_nulls("f0_hz")
    octaves = (pl.col("f0_hz") / pl.col("f0_hz").median()).log(2)
    return frames.select("t_ms", value=_SEMITONES_PER_OCTAVE * octaves)


def levels(tables: Tables, client: Person) -> pl.DataFrame:
    """Columns t_ms and value: decibels from the client's median."""
    frames = _frames_of(tables, client).drop_nulls("level_dbfs")
    return frames.select("t_ms", value=pl.col("level_dbfs") - pl.col("level_dbfs").median())


def enough(values: pl.DataFrame) -> bool:
    """Whether there are enough frames for a median."""
    return values.height >= FEWEST_FRAMES


def _frames_of(tables: Tables, person: Person) -> pl.DataFrame:
    """Frames of that person's speech: on their own channel, or where they speak alone on a mix."""
    frames = tables.get("frames", FRAMES.empty()).sort("t_ms")
    spans = tables.get("spans", SPANS.empty()).filter("regular").sort("start_ms")
    mine = pl.col("speaker").is_in(person.speakers)
    of_person = _during(frames, spans.filter(mine))
    if spans.filter(mine)["channel"].null_count() == 0:
        return of_person.filter(pl.col("channel").eq(pl.col("span_channel")).fill_null(value=True))
    others = _during(frames, spans.filter(~mine))
    return of_person.join(others, on="t_ms", how="anti", maintain_order="left")


def _during(frames: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Frames within a span, with the span's channel."""
    bounds = spans.select("start_ms", "end_ms", pl.col("channel").alias("span_channel"))
    return frames.join_asof(
        bounds, left_on="t_ms", right_on="start_ms", strategy="backward"
    ).filter(pl.col("t_ms") < pl.col("end_ms"))


def _curve(values: pl.DataFrame, duration_ms: int, unit: str, what: str) -> Curve | None:
    if not enough(values):
        return None
    steps = -(-duration_ms // (_BUCKETS * _BUCKET_STEP_MS))
    bucket_ms = steps * _BUCKET_STEP_MS
    columns = -(-duration_ms // bucket_ms)
    buckets = (
        values.group_by(pl.col("t_ms") // bucket_ms)
        .agg(pl.col("value").median(), pl.len().alias("n"))
        .filter(pl.col("n") >= FEWEST_FRAMES)
        .sort("t_ms")
    )
    if buckets.is_empty():
        return None
    middles = buckets["value"]
    reach = max(1.0, float(middles.abs().max() or 0))  # type: ignore[arg-type]
    scale = _HEIGHT / (2 * reach)

    def y(value: float) -> float:
        return round(_HEIGHT / 2 - value * scale, 1)

    low, high = (float(middles.quantile(q) or 0) for q in (0.25, 0.75))
    points = [(int(at), y(float(value))) for at, value, _ in buckets.iter_rows()]
    return Curve(
        columns=columns,
        height=_HEIGHT,
        path=_path(points),
        middle_y=y(0),
        band_y=y(high),
        band_height=round(y(low) - y(high), 1),
        bound=f"\u00b1{reach:.1f} {unit}",
        summary=(
            f"Median {what} of each {number_format.length(bucket_ms)} of the session. "
            f"Half of these values lie between {low:+.1f} and {high:+.1f} {unit} "
            "of the client's own median."
        ),
    )


def _path(points: list[tuple[int, float]]) -> str:
    """Lines through neighbouring columns; a single column becomes a dot."""
    parts: list[str] = []
    before: int | None = None
    for at, y in points:
        joined = before is not None and at == before + 1
        parts.append(f"{'L' if joined else 'M'}{at + 0.5:g} {y:g}{'' if joined else 'h0'}")
        before = at
    return "".join(parts)
