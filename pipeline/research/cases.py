"""Walked sessions, opened for an experiment: their tables, and the lines of their transcript.

Nothing here writes to the workspace. With settings of one's own, the stages that depend on them are
computed again in memory, over what the walk has kept: turns and values where lexicons or their
settings differ, roles, measures and moments where theirs do. What an engine heard stays as it is.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from pipeline import intake
from pipeline.assembly import Workbench
from pipeline.catalogue import Catalogue, Entry
from pipeline.config import Settings
from pipeline.errors import ConfigError, InputError, StoreError, TetherError
from pipeline.formats import transcript
from pipeline.research.placing import Timeline
from pipeline.session import reopen, rerun
from pipeline.store import Store
from pipeline.tables import SHORT_ID, Recording, Tables


@dataclass(frozen=True, eq=False)
class Case:
    """One walked session.

    Attributes
    ----------
    tables
        All its tables, `hits` and `moments` among them.
    entry
        Where the recording lies, as the catalogue knows it.
    language
        Of lexicons and rules; None: without.
    """

    recording: Recording
    tables: Tables
    entry: Entry
    language: str | None

    @property
    def name(self) -> str:
        """What codes call it: the sidecar's code, or else the first digits of its id."""
        return self.recording.metadata.code or self.recording.short_id

    def answers_to(self, name: str) -> bool:
        """Whether codes that say `name` mean this session."""
        digits = len(name) >= _PREFIX and self.recording.recording_id.startswith(name.lower())
        return name == self.recording.metadata.code or digits

    @cached_property
    def timeline(self) -> Timeline:
        """The lines of its imported transcript; where it has none, its turns."""
        lines = self._lines()
        return Timeline.of(self.tables["turns"] if lines is None else lines)

    def _lines(self) -> pl.DataFrame | None:
        """Lines as the product's own reader gives them; None if it is not the walk's transcript."""
        try:
            source = intake.read(
                intake.Named(self.entry.path, self.entry.path.parent), consent=False
            )
            if source.recording_id != self.recording.recording_id or not source.transcript:
                return None
            return transcript.load(source.transcript).lines
        except InputError:  # it has moved since: times will do, and ids are told to be missing
            return None


def entries(workspace: Path, sessions: Sequence[str] = ()) -> list[Entry]:
    """Recordings of a workspace, each once: those that `sessions` name, or all.

    Raises
    ------
    ConfigError
        There is no such workspace.
    InputError
        A name matches no session, or several.
    """
    if not workspace.is_dir():
        raise ConfigError(
            "there is no such workspace",
            expected="a folder that `tether run` has made",
            hint="tether run RECORDING...",
        )
    catalogue = Catalogue(workspace)
    try:
        found = [catalogue.find(name) for name in sessions] if sessions else catalogue.entries()
    finally:
        catalogue.close()
    return list({entry.recording_id: entry for entry in found}.values())


@dataclass(frozen=True, eq=False)
class Opened:
    """Sessions that were opened, and how many could not be."""

    cases: tuple[Case, ...]
    closed: int


def read(workspace: Path, sessions: Sequence[str] = (), settings: Settings | None = None) -> Opened:
    """Walked sessions: those that `sessions` name, or all that can be opened.

    Parameters
    ----------
    settings
        None: hits and moments as the walks left them.

    Raises
    ------
    InputError
        A named session was never walked to the end, or none was.
    StoreError
        A named session, or every one, is damaged or was walked by another version.
    """
    named = entries(workspace, sessions)
    store = Store(workspace)
    bench = Workbench(settings, workspace) if settings else None
    found: list[Case] = []
    closed: list[TetherError] = []
    try:
        for entry in named:
            try:
                found.append(decided(entry, bench) if bench else _walked(entry, store))
            except (InputError, StoreError) as caught:
                if sessions:
                    raise
                closed.append(caught)  # never finished, or damaged: the others can be read
    finally:
        if bench:
            bench.catalogue.close()
    if closed and not found:
        raise closed[0]
    if not found:
        raise InputError("no session in this workspace", hint="tether run RECORDING...")
    return Opened(tuple(found), len(closed))


def decided(entry: Entry, bench: Workbench) -> Case:
    """A session as the settings of `bench` see it; the workspace is left as it is."""
    note, outcome = rerun.decided(
        entry.recording_id,
        _Borrowed(bench.store.workspace),
        bench.speak,
        bench.settings,
        bench.catalogue.corrections(entry.recording_id),
    )
    return Case(note.recording, outcome.tables, entry, note.language)


class _Borrowed(Store):
    """A store that is read; what would be written stays in memory."""

    def __init__(self, workspace: Path) -> None:
        super().__init__(workspace)
        self._made: dict[tuple[str, str, str], tuple[Tables, Mapping[str, Any]]] = {}

    def manifest(self, recording_id: str, stage: str, slot: str) -> dict[str, Any] | None:
        """Of what was made, or of what lies on disk."""
        made = self._made.get((recording_id, stage, slot))
        return dict(made[1]) if made else super().manifest(recording_id, stage, slot)

    def read(
        self, recording_id: str, stage: str, slot: str, only: Collection[str] | None = None
    ) -> dict[str, pl.DataFrame]:
        """What was made, or what lies on disk."""
        made = self._made.get((recording_id, stage, slot))
        return dict(made[0]) if made else super().read(recording_id, stage, slot, only)

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


_PREFIX = 6


def _walked(entry: Entry, store: Store) -> Case:
    walked = reopen(entry.recording_id, store)
    return Case(walked.recording, walked.tables, entry, walked.language)


def find(cases: Iterable[Case], name: str) -> Case | None:
    """The session that codes call `name`; None: none of these.

    Raises
    ------
    InputError
        Several sessions answer to it.
    """
    found = [case for case in cases if case.answers_to(name)]
    if len(found) > 1:
        ids = ", ".join(case.recording.recording_id[:SHORT_ID] for case in found)
        raise InputError(
            f"{len(found)} sessions have the same code ({ids})",
            expected="a code of its own for each session",
            hint="give each sidecar another code, or write ids into the table of codes",
        )
    return found[0] if found else None
