"""SessionResult sessions: their tables, the lines of their transcript, and what codes call them."""

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
    """One walked session.

    Attributes
    ----------
    tables
        All its tables, `hits` and `moments` among them. Others may lie on disk, and are read each
        time they are asked for. Where rules were asked again, `hits` are not explained, see
        `RuleBook.flag_all`.
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

    def holding(self, names: Iterable[str]) -> "Case":
        """With these tables in memory, beside the others."""
        return self.with_tables({name: self.tables[name] for name in names})

    def with_tables(self, made: Tables) -> "Case":
        """With tables that replace those of their names."""
        return replace(self, tables=layered(made, self.tables))

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
    require(workspace)
    catalogue = Catalogue(workspace)
    try:
        found = [catalogue.find(name) for name in sessions] if sessions else catalogue.entries()
    finally:
        catalogue.close()
    return list({entry.recording_id: entry for entry in found}.values())


def of_manifest(note: RunManifest, entry: Entry, store: Store) -> Case:
    """A session as its walk has left it; of its tables none is read yet."""
    tables = store.shelf(note.recording.recording_id, note.slots)
    return Case(note.recording, tables, entry, note.language)


def in_batches(several: Sequence[_Each], processes: int = 1) -> Iterator[Sequence[_Each]]:
    """As many at a time as are looked at in one go, and as much to do for each process.

    More are hardly faster, and their tables, some 6 MiB each, lie in memory together.
    """
    rounds = math.ceil(len(several) / (BATCH * processes))
    size = math.ceil(len(several) / max(1, rounds * processes))
    for start in range(0, len(several), size or 1):
        yield several[start : start + size]


def find(cases: Iterable[Case], names: Iterable[str]) -> dict[str, Case | None]:
    """The session that codes call by each of `names`, a code or an id's prefix; None: none.

    Raises
    ------
    InputError
        Several sessions answer to a name.
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
                expected="a code of its own for each session",
                hint="give each sidecar another code, or write ids into the table of codes",
            )
    return {name: own[0] if own else None for name, own in found.items()}
