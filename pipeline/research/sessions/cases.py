"""Processed sessions: their tables, the lines of their transcript, and their names in codes."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.spelling import SHORT_ID, whole
from pipeline.core.tables import Recording, Tables
from pipeline.formats import transcript
from pipeline.research.agreement.alignment import Timeline
from pipeline.session import intake
from pipeline.session.manifest import RunManifest
from pipeline.workspace.catalogue import Catalogue, Entry
from pipeline.workspace.database import require
from pipeline.workspace.store import Store, layered

_PREFIX = 6
BATCH = 48
FOUND = ("hits", "moments", "set_aside")
_Each = TypeVar("_Each")


@dataclass(frozen=True, eq=False)
class Case:
    """One processed session.

    Attributes
    ----------
    tables
        All tables. `hits` and `moments` are in memory; others may be on disk, and are read each
        time they are used. Where rules were run again, `hits` have no evidence texts, see
        `RuleBook.flag_all`.
    entry
        Its entry in the catalogue, with the path of the recording.
    language
        Language of lexicons and rules; None: unknown.
    """

    recording: Recording
    tables: Tables
    entry: Entry
    language: str | None

    @property
    def name(self) -> str:
        """Its name in codes: `code` of its session notes, otherwise the first digits of its id."""
        return self.recording.metadata.code or self.recording.short_id

    def holding(self, names: Iterable[str]) -> "Case":
        """The session with these tables in memory."""
        return self.with_tables({name: self.tables[name] for name in names})

    def with_tables(self, made: Tables) -> "Case":
        """The session with tables that replace those of the same name."""
        return replace(self, tables=layered(made, self.tables))

    @cached_property
    def timeline(self) -> Timeline:
        """The lines of its imported transcript; without one, its turns."""
        lines = self._lines()
        return Timeline.of(self.tables["turns"] if lines is None else lines)

    def _lines(self) -> pl.DataFrame | None:
        """Lines of the imported transcript; None if the last run used none, or another one."""
        try:
            source = intake.read(
                intake.Named(self.entry.path, self.entry.path.parent), consent=False
            )
            if source.recording_id != self.recording.recording_id or not source.transcript:
                return None
            return transcript.load(source.transcript).lines
        except InputError:  # it has moved since: times still work, and missing ids are reported
            return None


def entries(workspace: Path, sessions: Sequence[str] = ()) -> list[Entry]:
    """Recordings of a workspace, each once: those that `sessions` names, or all.

    Raises
    ------
    ConfigError
        There is no such workspace.
    InputError
        A name matches no session, or several.
    """
    require(workspace)
    catalogue = Catalogue(workspace)
    try:
        found = [catalogue.find(name) for name in sessions] if sessions else catalogue.entries()
    finally:
        catalogue.close()
    return list({entry.recording_id: entry for entry in found}.values())


def of_manifest(manifest: RunManifest, entry: Entry, store: Store) -> Case:
    """A session as its last run left it; no table is read yet."""
    tables = store.shelf(manifest.recording.recording_id, manifest.slots)
    return Case(manifest.recording, tables, entry, manifest.language)


def in_batches(several: Sequence[_Each], processes: int = 1) -> Iterator[Sequence[_Each]]:
    """Batches of at most `BATCH` items, distributed evenly over processes.

    Larger batches are hardly faster, and their tables, about 6 MiB each, are in memory together.
    """
    rounds = math.ceil(len(several) / (BATCH * processes))
    size = math.ceil(len(several) / max(1, rounds * processes))
    for start in range(0, len(several), size or 1):
        yield several[start : start + size]


def find(cases: Iterable[Case], names: Iterable[str]) -> dict[str, Case | None]:
    """The session for each of `names`, a code or an id prefix; None: there is none.

    Raises
    ------
    InputError
        A name matches several sessions.
    """
    found: dict[str, list[Case]] = {name: [] for name in names}
    of_code: dict[str, set[str]] = {}
    of_prefix: dict[str, set[str]] = {}
    for name in found:
        of_code.setdefault(whole(name), set()).add(name)
        if len(name) >= _PREFIX:
            of_prefix.setdefault(name.lower(), set()).add(name)
    lengths = {len(prefix) for prefix in of_prefix}
    for case in cases:
        own = set(of_code.get(whole(case.recording.metadata.code or ""), ()))
        for length in lengths:
            own |= of_prefix.get(case.recording.recording_id[:length], set())
        for name in own:
            found[name].append(case)
    for several in found.values():
        if len(several) > 1:
            ids = ", ".join(case.recording.recording_id[:SHORT_ID] for case in several)
            raise InputError(
                f"{len(several)} sessions have the same code ({ids})",
                expected="a different code for each session",
                hint="change the code in one session notes file, or use ids in the table of codes",
            )
    return {name: own[0] if own else None for name, own in found.items()}
