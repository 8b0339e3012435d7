"""How far measures are off: what is heard of composed dialogues, beside what was planted in them.

The truth of a measure is its value over the true spans and words, with the overlaps that the script
planted; what a run hears goes through the same code. So the errors are those of hearing and of
cutting turns; a definition that is wrong shows in the tests of each measure, not here.
"""

from collections.abc import Callable, Iterable

import polars as pl

from pipeline import config, lexicons, measures
from pipeline.core.tables import OVERLAPS
from pipeline.evaluation.errors import dialogue as dialogue_error
from pipeline.evaluation.errors.dialogue import LABELS, Tables
from pipeline.evaluation.material.dialogue_truth import Dialogue

KEYS = ["item", "item_id", "speaker", "feature"]


def planted(dialogue: Dialogue, settings: config.Settings) -> Tables:
    """Tables of the truth."""
    tables = dialogue_error.from_truth(dialogue, settings)
    rows = (
        {
            "overlap_id": number,
            "start_ms": each.start_ms,
            "end_ms": each.end_ms,
            "holder": LABELS[each.holder],
            "other": LABELS[each.other],
            "holder_role": "unknown",
            "other_role": "unknown",
            "kind": each.kind,
            "holder_turn": number,
            "other_turn": number,
            "into_ms": 0,
            "went_on": each.went_on,
        }
        for number, each in enumerate(dialogue.overlaps)
    )
    return tables | {"overlaps": OVERLAPS.frame(rows)}


def measured(tables: Tables, settings: config.Settings) -> pl.DataFrame:
    """Values of all measures; those of the voice, and of words as such, are null."""
    return measures.measure_all(tables, measures.catalogue(settings, lexicons.load("en")))


def differences(
    dialogues: Iterable[Dialogue], run: Callable[[Dialogue], Tables], settings: config.Settings
) -> pl.DataFrame:
    """Each value of a window or session that is known in truth: item, feature, truth, found."""
    parts = []
    for dialogue in dialogues:
        truth = measured(planted(dialogue, settings), settings)
        found = measured(run(dialogue), settings)
        of_windows = truth.filter(pl.col("item").is_in(("window_60s", "session")))
        parts.append(
            of_windows.drop_nulls("value")
            .rename({"value": "truth"})
            .join(found.rename({"value": "found"}), on=KEYS, how="left", nulls_equal=True)
        )
    return pl.concat(parts)


def errors(different: pl.DataFrame) -> pl.DataFrame:
    """For each item and feature: n, values not found, and the size of the errors.

    Returns
    -------
    DataFrame
        item, feature, n, lost, typical (median of the true values), median and p90 (of the sizes of
        the errors), bias (their median with its sign).
    """
    off = pl.col("found") - pl.col("truth")
    return (
        different.group_by("item", "feature")
        .agg(
            pl.len().alias("n"),
            pl.col("found").is_null().sum().alias("lost"),
            pl.col("truth").median().alias("typical"),
            off.abs().median().alias("median"),
            off.abs().quantile(0.9).alias("p90"),
            off.median().alias("bias"),
        )
        .sort("feature", "item")
    )
