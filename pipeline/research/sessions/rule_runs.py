"""Processed sessions under other settings.

Nothing here writes to the workspace. The stages that depend on the other settings are computed
again in memory from the results of the last run: turns and values where lexicons or their settings
differ; roles, measures and moments where their settings differ. Results of engines are kept. Where
only rules differ, the usual case, many sessions are computed together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from pipeline.config import Settings
from pipeline.core.errors import DamagedError, InputError, StoreError
from pipeline.core.tables import Tables
from pipeline.research.sessions.cases import FOUND, Case, in_batches, of_manifest
from pipeline.rules import READS
from pipeline.session import LanguageResources, runner
from pipeline.session.manifest import read_manifest
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Entry
from pipeline.workspace.store import Store, together


def decided(named: Sequence[Entry], bench: Workbench) -> Iterator[Case | InputError | StoreError]:
    """Sessions under the settings of `bench`, or the error of a session, in order."""
    for few in in_batches(named):
        yield from _batch(few, bench)


def _batch(few: Sequence[Entry], bench: Workbench) -> list[Case | InputError | StoreError]:
    seen = [_seen(entry, bench) for entry in few]
    asked = [each.case for each in seen if isinstance(each, _Unflagged)]
    try:
        made = iter(flags(loaded(asked), bench.language_resources, bench.settings))
    except DamagedError:
        if len(few) > 1:  # one by one, the damaged session shows
            return [case for entry in few for case in _batch([entry], bench)]
        return [_or_error(_computed, few[0], bench)]
    return [
        each.case.with_tables(next(made)) if isinstance(each, _Unflagged) else each for each in seen
    ]


@dataclass(frozen=True, eq=False)
class _Unflagged:
    """A session on which other rules must be run."""

    case: Case


_Seen = TypeVar("_Seen")


def _or_error(
    load: Callable[[Entry, Workbench], _Seen], entry: Entry, bench: Workbench
) -> _Seen | InputError | StoreError:
    """The result of `load`, or its error."""
    try:
        return load(entry, bench)
    except (InputError, StoreError) as caught:
        return caught


def _seen(entry: Entry, bench: Workbench) -> Case | _Unflagged | InputError | StoreError:
    seen = _or_error(_reopened, entry, bench)
    # A damaged result can perhaps be computed again.
    return _or_error(_computed, entry, bench) if isinstance(seen, DamagedError) else seen


def _reopened(entry: Entry, bench: Workbench) -> Case | _Unflagged:
    manifest = read_manifest(entry.recording_id, bench.store)
    case = of_manifest(manifest, entry, bench.store)
    corrections = bench.catalogue.corrections(entry.recording_id)
    other = runner.first_other(
        manifest, bench.store, bench.language_resources, bench.settings, corrections
    )
    if other is None:
        return case.holding(FOUND)
    return _Unflagged(case) if other == "moments" else _computed(entry, bench)


def loaded(cases: Sequence[Case]) -> list[Case]:
    """Sessions with only the tables that rules read, in memory.

    Raises
    ------
    DamagedError
        A table of a session is damaged.
    """
    read = together([case.tables for case in cases], READS)
    return [replace(case, tables=tables) for case, tables in zip(cases, read, strict=True)]


def flags(
    cases: Sequence[Case],
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
) -> list[dict[str, pl.DataFrame]]:
    """Moments and hits (without evidence texts) of sessions, by the rules of their languages.

    Parameters
    ----------
    cases
        With their tables in memory: see `loaded` and `in_batches`.
    language_resources
        Returns lexicons and rules of a language.
    """
    made: dict[int, dict[str, pl.DataFrame]] = {}
    for language in dict.fromkeys(case.language for case in cases):
        own = [place for place, case in enumerate(cases) if case.language == language]
        resources = language_resources(language)
        tables = [cases[place].tables for place in own]
        found = resources.rules.flag_all(tables, resources.lexicons, settings, explained=False)
        made |= dict(zip(own, found, strict=True))
    return [made[place] for place in range(len(cases))]


def _computed(entry: Entry, bench: Workbench) -> Case:
    """A session with more than rules computed again, in memory."""
    manifest, outcome = runner.decided(
        entry.recording_id,
        _OverlayStore(bench.store.workspace),
        bench.language_resources,
        bench.settings,
        bench.catalogue.corrections(entry.recording_id),
    )
    return Case(manifest.recording, outcome.tables, entry, manifest.language)


class _OverlayStore(Store):
    """A store that reads from disk and writes to memory."""

    def __init__(self, workspace: Path) -> None:
        super().__init__(workspace)
        self._made: dict[tuple[str, str, str], tuple[Tables, Mapping[str, Any]]] = {}

    def manifest(self, recording_id: str, stage: str, slot: str) -> dict[str, Any] | None:
        """The manifest in memory, otherwise the one on disk."""
        made = self._made.get((recording_id, stage, slot))
        return dict(made[1]) if made else super().manifest(recording_id, stage, slot)

    def read(self, recording_id: str, stage: str, slot: str) -> dict[str, pl.DataFrame]:
        """The tables in memory, otherwise those on disk."""
        made = self._made.get((recording_id, stage, slot))
        return dict(made[0]) if made else super().read(recording_id, stage, slot)

    def write(
        self,
        recording_id: str,
        stage: str,
        slot: str,
        tables: Tables,
        facts: Mapping[str, object],
    ) -> None:
        """Keep in memory."""
        self._made[recording_id, stage, slot] = (tables, facts)
