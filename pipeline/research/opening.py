"""Opening the sessions of a workspace, as walked or as other settings see them.

Many of them are shared out among processes.
"""

import gc
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from pipeline.assembly import Workbench
from pipeline.catalogue import Entry
from pipeline.config import Settings
from pipeline.errors import InputError, StoreError, TetherError
from pipeline.lexicon import Lexicons
from pipeline.research.cases import FOUND, Case, entries, in_batches, of_walk
from pipeline.research.flagging import decided
from pipeline.schema import split
from pipeline.session.keeping import read_note
from pipeline.store import Store, without

_WORTH_A_PROCESS = 128
"""Sessions that take longer than a process takes to begin (2 s)."""
_THREADS = "POLARS_MAX_THREADS"


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
        seen = _decided(named, settings, workspace, processes)
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
    named: Sequence[Entry], settings: Settings, workspace: Path, processes: int
) -> Iterator[Case | InputError | StoreError]:
    """As `decided`, by several processes where there is enough for each of them to do."""
    alone = processes == 1 or len(named) < _WORTH_A_PROCESS * processes
    # A process that is forked would inherit locks of polars; a spawned one begins afresh.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        if not alone:  # they import what they need while rules are read here
            with _few_threads():
                for _ in range(processes):
                    pool.submit(_begin)
        bench = Workbench(settings, workspace)  # mistakes in rules are told here
        try:
            if alone:
                yield from decided(named, bench)
                return
            there = partial(_decided_there, settings, workspace, bench.lexicons)
            for packed in pool.map(there, in_batches(named, processes)):
                yield from packed.opened()
        finally:
            bench.catalogue.close()


_THERE: list[Workbench] = []
"""The workbench of a process that works for another one."""


@contextmanager
def _few_threads() -> Iterator[None]:
    """Processes that begin now are as many as processors: threads of theirs would be in the way."""
    told = os.environ.get(_THREADS)
    os.environ.setdefault(_THREADS, "1")
    try:
        yield
    finally:
        if told is None:
            del os.environ[_THREADS]


def _begin() -> None:
    """Nothing: a process that is asked for it imports this module."""


def _decided_there(
    settings: Settings,
    workspace: Path,
    lexicons: Mapping[str | None, Lexicons],
    few: Sequence[Entry],
) -> "_Packed":
    if not _THERE:
        _THERE.append(Workbench(settings, workspace, lexicons=lexicons))
        gc.freeze()  # what was imported and read stays: it is not looked at again and again
    return _Packed.of(list(decided(few, _THERE[0])))


@dataclass(frozen=True, eq=False)
class _Packed:
    """Sessions on their way to another process.

    Frames that were made in one go share their text, and each would take all of it along.

    Attributes
    ----------
    seen
        Sessions without what was found in them.
    found
        Of those that are no errors, one under the other, and how many rows each of them has.
    """

    seen: tuple[Case | InputError | StoreError, ...]
    found: Mapping[str, tuple[pl.DataFrame, Sequence[int]]]

    @classmethod
    def of(cls, seen: Sequence[Case | InputError | StoreError]) -> "_Packed":
        tables = [each.tables for each in seen if isinstance(each, Case)]
        found = {
            name: (pl.concat(frames).rechunk(), [frame.height for frame in frames])
            for name in FOUND
            if (frames := [own[name] for own in tables])
        }
        rest = tuple(
            replace(each, tables=without(found, each.tables)) if isinstance(each, Case) else each
            for each in seen
        )
        return cls(rest, found)

    def opened(self) -> Iterator[Case | InputError | StoreError]:
        apart = {name: iter(split(*whole)) for name, whole in self.found.items()}
        for each in self.seen:
            if isinstance(each, Case):
                yield each.with_tables({name: next(frames) for name, frames in apart.items()})
            else:
                yield each


def _walked(named: Iterable[Entry], store: Store) -> Iterator[Case | InputError | StoreError]:
    """Sessions as their walks have left them, or what is wrong with one, in order."""
    for entry in named:
        try:
            yield of_walk(read_note(entry.recording_id, store), entry, store).holding(FOUND)
        except (InputError, StoreError) as caught:
            yield caught
