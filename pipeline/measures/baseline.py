"""Baselines: how unusual a value is for this speaker, or this pair, in this session.

Within a feature's group the values are brought to a common footing, then compared::

    value ── log1p (durations) ── minus drift (pitch, level, rate) ──┬── robust z
                                                                     └── percentile rank

- Robust z: ``(x - median) / (1.4826 * MAD)`` (Leys et al. 2013), with a smallest MAD that each
  feature declares, for a count that is mostly zero has a MAD of zero. The smallest MAD of a
  ``log`` feature is one of the logarithm.
- Drift: a line with the median of the slopes between each value and the one half a session later
  (Theil 1950, incomplete method; a quarter of the values may be wild). It is removed from
  ``detrend_n`` values on; a line through fewer is mostly noise.
- Percentile rank: mid-rank, ``(values under it + half of those equal) / n``; half of one's own
  value counts, so the median lies at 0.5.
- No baseline (z and pct null) under ``least_n`` values, and where all values of the group begin
  within the first ``warmup_ms`` of speech: how people begin is not how they usually are. Of item
  ``session`` there is one value a session, so it has a baseline over earlier sessions only.

**Over earlier sessions** (`Earlier`; off by default). Values of earlier sessions of the same client
join the groups of this one, by role: the client's the client's, the therapist's and the pair's
only where it was the same therapist. A speaker whose role is unknown, or whose role two speakers
have, is compared within this session alone. Drift is removed within each session, never across:
what changed from one session to the next is what such a baseline is to show. ``n_baseline`` counts
the values of all sessions, and everything said above of too few holds for all of them together.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from pipeline import config
from pipeline.core.tables import MEASURES, Tables
from pipeline.core.vocabulary import WINDOWS, WINDOWS_MS
from pipeline.measures.feature import Feature

# A normal distribution's standard deviation over its MAD.
_MAD_TO_SD = 1.4826
_GROUP = ["item", "feature", "group"]
_KEYS = ["item", "item_id", "speaker", "feature"]


@dataclass(frozen=True)
class Earlier:
    """An earlier session of the same client.

    Attributes
    ----------
    tables
        Its `values`, `roles`, `turns`, `silences`, `overlaps`.
    same_therapist
        The therapist is known to be the same.
    """

    tables: Tables
    same_therapist: bool


def score(
    values: pl.DataFrame,
    features: Iterable[Feature],
    tables: Tables,
    settings: config.Baseline,
    earlier: Iterable[Earlier] = (),
) -> pl.DataFrame:
    """Add z and percentile to values.

    Parameters
    ----------
    values
        Columns item, item_id, speaker, feature, value.
    features
        What the values are; a value of a feature that is not among them is dropped.
    tables
        `turns`, `silences`, `overlaps`: when each item is, and whose. With earlier sessions also
        `roles`.
    earlier
        Sessions whose values join the baseline.

    Returns
    -------
    DataFrame
        Table `measures`, sorted by item, feature, speaker and item_id. ``n_baseline`` counts the
        values of the group that are not null, the item's own and those of earlier sessions
        included.
    """
    declared = _declared(features)
    sessions = [_placed(values, declared, tables)]
    sessions += [_joining(each, declared, tables["roles"]) for each in earlier]
    known = pl.concat(
        frame.with_columns(pl.lit(number).alias("session")) for number, frame in enumerate(sessions)
    )
    measured = known.filter(pl.col("value").is_not_null()).sort(
        *_GROUP, "session", "middle_ms", "item_id"
    )
    measured = measured.with_columns(
        pl.when("log").then(pl.col("value").log1p()).otherwise("value").alias("x"),
        pl.len().over(_GROUP).alias("n"),
    )
    measured = _without_drift(measured, settings.detrend_n)
    median = pl.col("x").median().over(_GROUP)
    spread = (pl.col("x") - median).abs().median().over(_GROUP)
    z = (pl.col("x") - median) / (_MAD_TO_SD * pl.max_horizontal(spread, "min_mad"))
    pct = (pl.col("x").rank("average").over(_GROUP) - 0.5) / pl.col("n")
    warm = (pl.col("since_ms") >= settings.warmup_ms).any().over(_GROUP)
    usable = (pl.col("n") >= settings.least_n) & warm.fill_null(value=False)
    here = pl.col("session") == 0
    measured = measured.select(
        *_KEYS,
        "session",
        pl.when(usable).then(z).alias("z"),
        pl.when(usable).then(pct).alias("pct"),
    ).filter(here)
    counted = known.with_columns(pl.col("value").count().over(_GROUP).alias("n_baseline"))
    scored = counted.filter(here).join(
        measured.drop("session"), on=_KEYS, how="left", nulls_equal=True
    )
    return MEASURES.conform(
        scored.select(MEASURES.names).sort("item", "feature", "speaker", "item_id")
    )


def _placed(values: pl.DataFrame, declared: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """`values` with what is declared of them, when their items are, and their groups."""
    return (
        values.join(declared, on=["item", "feature"])
        .join(_items(tables), on=["item", "item_id"], how="left")
        .with_columns(_group().alias("group"))
        .select(
            *_KEYS, "value", "within", "min_mad", "log", "detrend", "since_ms", "middle_ms", "group"
        )
    )


def _joining(each: Earlier, declared: pl.DataFrame, roles: pl.DataFrame) -> pl.DataFrame:
    """Values of an earlier session that belong to groups of this one, under its labels."""
    names = _same_people(each, roles)

    def renamed(table: str, *columns: str) -> pl.DataFrame:
        return each.tables[table].with_columns(
            pl.col(name).replace_strict(names, default=None, return_dtype=pl.String)
            for name in columns
        )

    tables = {
        "turns": each.tables["turns"],
        "silences": renamed("silences", "before_speaker", "after_speaker"),
        "overlaps": renamed("overlaps", "holder", "other"),
    }
    placed = _placed(renamed("values", "speaker"), declared, tables)
    named = pl.col("group").is_not_null()
    of_the_pair = pl.lit(len(names) > 1) & (named | pl.col("item").is_in(WINDOWS))
    return placed.filter(pl.when(pl.col("within") == "speaker").then(named).otherwise(of_the_pair))


def _same_people(each: Earlier, roles: pl.DataFrame) -> dict[str, str]:
    """From labels of an earlier session to those of this one."""
    same = ("client", "therapist") if each.same_therapist else ("client",)
    then, now = _only(each.tables["roles"]), _only(roles)
    return {then[role]: now[role] for role in same if role in then and role in now}


def _only(roles: pl.DataFrame) -> Mapping[str, str]:
    """From each role that one speaker has to that speaker."""
    single = roles.filter(pl.len().over("role") == 1)
    return dict(single.select("role", "speaker").iter_rows())


def without_voice_of(
    measures: pl.DataFrame, roles: pl.DataFrame, features: Iterable[Feature]
) -> pl.DataFrame:
    """`measures` without the voice of the therapist, and of anybody who may be the therapist.

    Call it when roles are known, unless ``features.therapist_voice`` is set; rules, report and
    exports see only what it gives. Timing and words stay.
    """
    hidden = roles.filter(pl.col("role").is_in(("therapist", "unknown")))["speaker"]
    return withheld(measures, features, "voice", hidden.to_list())


def withheld(
    measures: pl.DataFrame,
    features: Iterable[Feature],
    family: str,
    speakers: Collection[str] | None = None,
) -> pl.DataFrame:
    """`measures` with null for what serves `family`, of `speakers` (None: of all and the pair)."""
    serving = pl.DataFrame(
        [(f.item, f.name) for f in features if f.needs == family],
        schema={"item": pl.String, "feature": pl.String},
        orient="row",
    ).with_columns(hide=pl.lit(value=True))
    theirs = pl.lit(value=True) if speakers is None else pl.col("speaker").is_in(list(speakers))
    hide = (pl.col("hide") & theirs).fill_null(value=False)
    marked = measures.join(serving, on=["item", "feature"], how="left", maintain_order="left")
    return MEASURES.conform(
        marked.select(
            *(name for name in MEASURES.names if name not in ("value", "z", "pct", "n_baseline")),
            *(pl.when(~hide).then(pl.col(name)).alias(name) for name in ("value", "z", "pct")),
            pl.when(hide).then(0).otherwise("n_baseline").alias("n_baseline"),
        ).select(MEASURES.names)
    )


def _declared(features: Iterable[Feature]) -> pl.DataFrame:
    rows = [(f.item, f.name, f.group, f.min_mad, f.log, f.detrend) for f in features]
    types = {
        "item": pl.String,
        "feature": pl.String,
        "within": pl.String,
        "min_mad": pl.Float64,
        "log": pl.Boolean,
        "detrend": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=types, orient="row")


def _items(tables: Tables) -> pl.DataFrame:
    """When each item is and, for what happens between two, between whom.

    Returns
    -------
    DataFrame
        item, item_id, since_ms (from the first speech to its start; of the session, to its end),
        middle_ms, pattern.
    """
    turns, silences, overlaps = tables["turns"], tables["silences"], tables["overlaps"]
    first = _whole(turns["start_ms"].min()) if turns.height else 0
    middle = ((pl.col("start_ms") + pl.col("end_ms")) // 2).alias("middle_ms")
    nobody = pl.lit(None, pl.String)
    between = pl.concat_str("before_speaker", "after_speaker", separator="\0", ignore_nulls=False)
    both = pl.concat_str("holder", "other", separator="\0", ignore_nulls=False)
    frames = [
        source.select(
            pl.lit(item).alias("item"),
            pl.col(f"{item}_id").alias("item_id"),
            (pl.col("start_ms") - first).alias("since_ms"),
            middle,
            pattern.alias("pattern"),
        )
        for item, source, pattern in (
            ("turn", turns, nobody),
            ("silence", silences.filter(pl.col("kind") != "edge"), between),
            ("overlap", overlaps, both),
        )
    ]
    if turns.height:
        length = _whole(turns["end_ms"].max()) - first
        frames += [_windows(item, each, first, length) for item, each in WINDOWS_MS.items()]
        whole = [("session", 0, length, first + length // 2, None)]
        frames.append(pl.DataFrame(whole, schema=frames[0].schema, orient="row"))
    return pl.concat(frames)


def _windows(item: str, length_ms: int, first: int, whole_ms: int) -> pl.DataFrame:
    numbers = pl.int_range(-(-whole_ms // length_ms), dtype=pl.Int64, eager=True)
    since = pl.col("item_id") * length_ms
    return pl.DataFrame({"item_id": numbers}).select(
        pl.lit(item).alias("item"),
        "item_id",
        since.alias("since_ms"),
        (first + since + length_ms // 2).alias("middle_ms"),
        pl.lit(None, pl.String).alias("pattern"),
    )


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _group() -> pl.Expr:
    """What a value is compared within: its speaker, its pattern of speakers, or the session."""
    return (
        pl.when(pl.col("within") == "speaker")
        .then("speaker")
        .when(pl.col("within") == "pair")
        .then(pl.col("pattern"))
        .otherwise(None)
    )


def _without_drift(measured: pl.DataFrame, least_n: int) -> pl.DataFrame:
    """Subtract from x the drift of its session; rows are sorted by time within each group."""
    own = [*_GROUP, "session"]
    half = pl.len().cast(pl.Int64) // 2
    rise = pl.col("x").shift(-half) - pl.col("x")
    run = pl.col("middle_ms").shift(-half) - pl.col("middle_ms")
    slope = (rise / pl.when(run > 0).then(run)).median().over(own)
    centre = pl.col("middle_ms").median().over(own)
    drift = slope.fill_null(0) * (pl.col("middle_ms") - centre)
    drifts = pl.col("detrend") & (pl.len().over(own) >= least_n)
    return measured.with_columns(
        pl.when(drifts).then(pl.col("x") - drift).otherwise("x").alias("x")
    )
