"""Walked sessions, opened for an experiment: their tables, and the lines of their transcript.

Nothing here writes to the workspace. With settings of one's own, the stages that depend on them are
computed again in memory, over what the walk has kept: turns and values where lexicons or their
settings differ, roles, measures and moments where theirs do. What an engine heard stays as it is.
"""

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from pipeline import intake
from pipeline.assembly import Workbench
from pipeline.catalogue import Catalogue, Entry
from pipeline.config import Settings
from pipeline.errors import ConfigError, DamagedError, InputError, StoreError, TetherError
from pipeline.formats import transcript
from pipeline.lexicon import Lexicons
from pipeline.research.placing import Timeline
from pipeline.rules import READS
from pipeline.session import Spoken, rerun
from pipeline.session.keeping import Note, read_note
from pipeline.store import Store, layered, together
from pipeline.tables import SHORT_ID, Recording, Tables

_PREFIX = 6
BATCH = 32
_WORTH_A_PROCESS = 4
"""Batches that take longer than a process takes to begin (2 s)."""
_FOUND = ("hits", "moments")
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


def read(
    workspace: Path,
    sessions: Sequence[str] = (),
    settings: Settings | None = None,
    *,
    processes: int = 1,
) -> Opened:
    """Walked sessions: those that `sessions` name, or all that can be opened.

    Parameters
    ----------
    settings
        None: hits and moments as the walks left them.
    processes
        With `settings`, as many work at once. A program that asks for more than one must keep its
        own work under ``if __name__ == "__main__"``, for each process imports it.

    Raises
    ------
    InputError
        A named session was never walked to the end, or none was.
    StoreError
        A named session, or every one, is damaged or was walked by another version.
    """
    named = entries(workspace, sessions)
    if settings is None:
        seen = _walked(named, Store(workspace))
    else:
        # Mistakes in rules are told here, before any process begins.
        seen = _decided(named, Workbench(settings, workspace), processes)
    found: list[Case] = []
    closed: list[TetherError] = []
    for case in seen:
        if isinstance(case, Case):
            found.append(case)
            continue
        if sessions:
            raise case
        closed.append(case)  # never finished, or damaged: the others can be read
    if closed and not found:
        raise closed[0]
    if not found:
        raise InputError("no session in this workspace", hint="tether run RECORDING...")
    return Opened(tuple(found), len(closed))


def _decided(
    named: Sequence[Entry], bench: Workbench, processes: int
) -> Iterator[Case | InputError | StoreError]:
    """As `decided`, by several processes where there is enough for each of them to do."""
    batches = list(in_batches(named))
    workspace, settings = bench.store.workspace, bench.settings
    try:
        if processes == 1 or len(batches) < _WORTH_A_PROCESS * processes:
            yield from decided(named, bench)
            return
        # A process that is forked would inherit locks of polars; a spawned one begins afresh.
        there = (settings, workspace, bench.lexicons)
        with ProcessPoolExecutor(processes, get_context("spawn"), _open_bench, there) as pool:
            for seen in pool.map(_decided_there, batches):
                yield from seen
    finally:
        bench.catalogue.close()


_THERE: list[Workbench] = []
"""The workbench of a process that works for another one."""


def _open_bench(
    settings: Settings, workspace: Path, lexicons: Mapping[str | None, Lexicons]
) -> None:
    # As many processes as processors: threads of polars in each would only be in the way.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    _THERE.append(Workbench(settings, workspace, lexicons=lexicons))
    gc.freeze()  # what was imported and read stays, and need not be looked at again and again


def _decided_there(few: Sequence[Entry]) -> list[Case | InputError | StoreError]:
    return list(decided(few, _THERE[0]))


def decided(named: Sequence[Entry], bench: Workbench) -> Iterator[Case | InputError | StoreError]:
    """Sessions as the settings of `bench` see them, or what is wrong with one, in order.

    The workspace is left as it is. Where only rules differ, many sessions are looked at in one go.
    """
    for few in in_batches(named):
        yield from _batch(few, bench)


def _batch(few: Sequence[Entry], bench: Workbench) -> list[Case | InputError | StoreError]:
    seen = [_seen(entry, bench) for entry in few]
    asked = [each.case for each in seen if isinstance(each, _Unflagged)]
    try:
        made = iter(flags(loaded(asked), bench.speak, bench.settings))
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
    note = read_note(entry.recording_id, bench.store)
    case = _case(note, entry, bench.store)
    corrections = bench.catalogue.corrections(entry.recording_id)
    spoken = bench.speak(note.language)
    other = rerun.first_other(note, bench.store, spoken, bench.settings, corrections)
    if other is None:
        return case.holding(_FOUND)
    return _Unflagged(case) if other == "moments" else _computed(entry, bench)


def in_batches(several: Sequence[_Each]) -> Iterator[Sequence[_Each]]:
    """As many at a time as are looked at in one go.

    More are hardly faster, and their tables, some 6 MiB each, lie in memory together.
    """
    for start in range(0, len(several), BATCH):
        yield several[start : start + BATCH]


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
    cases: Sequence[Case], speak: Callable[[str | None], Spoken], settings: Settings
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
        spoken = speak(language)
        tables = [cases[place].tables for place in own]
        found = spoken.rules.flag_all(tables, spoken.lexicons, settings, explained=False)
        made |= dict(zip(own, found, strict=True))
    return [made[place] for place in range(len(cases))]


def _computed(entry: Entry, bench: Workbench) -> Case:
    """A session of which more than rules is computed again, in memory."""
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


def _walked(named: Iterable[Entry], store: Store) -> Iterator[Case | InputError | StoreError]:
    """Sessions as their walks have left them, or what is wrong with one, in order."""
    for entry in named:
        try:
            yield _case(read_note(entry.recording_id, store), entry, store).holding(_FOUND)
        except (InputError, StoreError) as caught:
            yield caught


def _case(note: Note, entry: Entry, store: Store) -> Case:
    tables = store.shelf(note.recording.recording_id, note.slots)
    return Case(note.recording, tables, entry, note.language)


def find(cases: Iterable[Case], names: Iterable[str]) -> dict[str, Case | None]:
    """The session that codes call by each of `names`, a code or an id's prefix; None: none.

    Raises
    ------
    InputError
        Several sessions answer to a name.
    """
    found: dict[str, list[Case]] = {name: [] for name in names}
    of_prefix: dict[str, set[str]] = {}
    for name in found:
        if len(name) >= _PREFIX:
            of_prefix.setdefault(name.lower(), set()).add(name)
    lengths = {len(prefix) for prefix in of_prefix}
    for case in cases:
        own = {case.recording.metadata.code or ""} & found.keys()
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
