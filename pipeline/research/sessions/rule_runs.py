"""SessionResult sessions as other settings see them.

Nothing here writes to the workspace. With settings of one's own, the stages that depend on them are
computed again in memory, over what the walk has kept: turns and values where lexicons or their
settings differ, roles, measures and moments where theirs do. What an engine heard stays as it is.
Where only rules differ, as they mostly do, many sessions are looked at in one go.
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
    """Sessions as the settings of `bench` see them, or what is wrong with one, in order."""
    for few in in_batches(named):
        yield from _batch(few, bench)


def _batch(few: Sequence[Entry], bench: Workbench) -> list[Case | InputError | StoreError]:
    seen = [_seen(entry, bench) for entry in few]
    asked = [each.case for each in seen if isinstance(each, _Unflagged)]
    try:
        made = iter(flags(loaded(asked), bench.language_resources, bench.settings))
    except DamagedError:
        if len(few) > 1:  # each by itself shows which it is
            return [case for entry in few for case in _batch([entry], bench)]
        return [_told(_computed, few[0], bench)]
    return [
        each.case.with_tables(next(made)) if isinstance(each, _Unflagged) else each for each in seen
    ]


@dataclass(frozen=True, eq=False)
class _Unflagged:
    """A session in which other rules are to be asked."""

    case: Case


_Seen = TypeVar("_Seen")


def _told(
    look: Callable[[Entry, Workbench], _Seen], entry: Entry, bench: Workbench
) -> _Seen | InputError | StoreError:
    """What comes of it, or what is wrong."""
    try:
        return look(entry, bench)
    except (InputError, StoreError) as caught:
        return caught


def _seen(entry: Entry, bench: Workbench) -> Case | _Unflagged | InputError | StoreError:
    seen = _told(_reopened, entry, bench)
    # What is damaged can perhaps be computed again.
    return _told(_computed, entry, bench) if isinstance(seen, DamagedError) else seen


def _reopened(entry: Entry, bench: Workbench) -> Case | _Unflagged:
    note = read_manifest(entry.recording_id, bench.store)
    case = of_manifest(note, entry, bench.store)
    corrections = bench.catalogue.corrections(entry.recording_id)
    other = runner.first_other(
        note, bench.store, bench.language_resources, bench.settings, corrections
    )
    if other is None:
        return case.holding(FOUND)
    return _Unflagged(case) if other == "moments" else _computed(entry, bench)


def loaded(cases: Sequence[Case]) -> list[Case]:
    """Sessions with the tables that rules read in memory, and no others.

    Raises
    ------
    DamagedError
        A table of one of them.
    """
    read = together([case.tables for case in cases], READS)
    return [replace(case, tables=tables) for case, tables in zip(cases, read, strict=True)]


def flags(
    cases: Sequence[Case],
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
) -> list[dict[str, pl.DataFrame]]:
    """Hits, not explained, and moments of sessions, by rules of their languages.

    Parameters
    ----------
    cases
        With their tables in memory: see `loaded` and `in_batches`.
    speak
        Gives lexicons and rules of a language.
    """
    made: dict[int, dict[str, pl.DataFrame]] = {}
    for language in dict.fromkeys(case.language for case in cases):
        own = [place for place, case in enumerate(cases) if case.language == language]
        spoken = language_resources(language)
        tables = [cases[place].tables for place in own]
        found = spoken.rules.flag_all(tables, spoken.lexicons, settings, explained=False)
        made |= dict(zip(own, found, strict=True))
    return [made[place] for place in range(len(cases))]


def _computed(entry: Entry, bench: Workbench) -> Case:
    """A session of which more than rules is computed again, in memory."""
    note, outcome = runner.decided(
        entry.recording_id,
        _OverlayStore(bench.store.workspace),
        bench.language_resources,
        bench.settings,
        bench.catalogue.corrections(entry.recording_id),
    )
    return Case(note.recording, outcome.tables, entry, note.language)


class _OverlayStore(Store):
    """A store that is read; what would be written stays in memory."""

    def __init__(self, workspace: Path) -> None:
        super().__init__(workspace)
        self._made: dict[tuple[str, str, str], tuple[Tables, Mapping[str, Any]]] = {}

    def manifest(self, recording_id: str, stage: str, slot: str) -> dict[str, Any] | None:
        """Of what was made, or of what lies on disk."""
        made = self._made.get((recording_id, stage, slot))
        return dict(made[1]) if made else super().manifest(recording_id, stage, slot)

    def read(self, recording_id: str, stage: str, slot: str) -> dict[str, pl.DataFrame]:
        """What was made, or what lies on disk."""
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
