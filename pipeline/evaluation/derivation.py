"""Turns and all that follows from tables written by hand, by the product's own stages.

Whoever measures or tests Tether on a conversation that never was a recording writes down what a
recording would give (spans, words, frames, ...) and takes the rest from here, so that nothing is
wired otherwise than in `pipeline.session`.
"""

from functools import cache
from typing import Literal

import polars as pl

from pipeline import config, lexicons, measures
from pipeline.core.tables import Metadata, Recording, Tables
from pipeline.measures import wording
from pipeline.rules import RuleBook
from pipeline.session import stages
from pipeline.session.plan import LanguageResources

Until = Literal["turns", "values", "roles", "measures", "moments"]
"""The last stage to run."""


@cache
def english() -> LanguageResources:
    """Lexicons, features and rules of the default settings, in English."""
    settings, known = config.load(), lexicons.load("en")
    features = measures.catalogue(settings, *wording.features(known, settings.features))
    return LanguageResources(known, features, RuleBook.read(settings, features, known))


def derived(
    tables: Tables,
    resources: LanguageResources,
    settings: config.Settings,
    metadata: Metadata | None = None,
    *,
    until: Until = "moments",
) -> dict[str, pl.DataFrame]:
    """`tables` with what the stages from `turns` to `until` make of them.

    Parameters
    ----------
    tables
        What was heard: `media`, `losses`, `spans`, `diarization`, `words`, `transcription`;
        `frames` for values, `quality` for moments.
    metadata
        What is known of the speakers; None: nothing.
    """
    made = dict(tables)
    known = Metadata() if metadata is None else metadata
    duration_ms = int(made["media"]["duration_ms"][0])
    recording = Recording("0" * 64, duration_ms, None, int(made["media"]["channels"][0]), known)
    for stage in (
        *stages.counting(settings, resources),
        *stages.deciding(recording, resources, settings, {}, ()),
    ):
        made |= stage.work(made)
        if stage.name == until:
            break
    return made
