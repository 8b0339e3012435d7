"""Turns and all that follows from tables written by hand, by the product's own stages.

Whoever measures or tests Tether on a conversation that never was a recording writes down what a
recording would give (spans, words, frames, ...) and takes the rest from here, so that nothing is
wired otherwise than in `pipeline.session`.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import polars as pl

from pipeline import config, lexicons, measures
from pipeline.core.tables import Metadata, Recording, Tables
from pipeline.rules import RuleBook
from pipeline.session import runner
from pipeline.session.context import Context
from pipeline.session.plan import LanguageResources
from pipeline.session.prior_sessions import Past
from pipeline.workspace.stage_cache import Outcome

Until = Literal["turns", "values", "roles", "measures", "moments"]
"""The last stage to run."""


@cache
def english() -> LanguageResources:
    """Lexicons, features and rules of the default settings, in English."""
    settings, known = config.load(), lexicons.load("en")
    features = measures.catalogue(settings, known)
    return LanguageResources(known, features, RuleBook.read(settings, features, known))


@dataclass
class _Written(Context):
    """A conversation that nobody recorded."""

    written: Recording
    known: LanguageResources

    @cached_property
    def recording(self) -> Recording:
        """As it was written."""
        return self.written

    @cached_property
    def resources(self) -> LanguageResources:
        """Those given."""
        return self.known

    @cached_property
    def past(self) -> tuple[Past, ...]:
        """None."""
        return ()


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
    media = made["media"].row(0, named=True)
    known = Metadata() if metadata is None else metadata
    recording = Recording("0" * 64, media["duration_ms"], None, media["channels"], known)
    context = _Written(settings, {}, Outcome({}, {}, {}, {}, {}), recording, resources)
    for stage in runner.chosen(runner.without_engines()):
        made |= stage.run(context, made)
        if stage.name == until:
            break
    return made
