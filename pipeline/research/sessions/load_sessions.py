"""Load the sessions of a workspace, as processed or under other settings.

Large numbers of sessions are distributed over several processes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.config import Settings
from pipeline.core import processes as workers
from pipeline.core.errors import InputError, StoreError, TetherError
from pipeline.lexicons import Lexicons
from pipeline.research.sessions import ipc
from pipeline.research.sessions.cases import FOUND, Case, entries, in_batches, of_manifest
from pipeline.research.sessions.ipc import Packed
from pipeline.research.sessions.rule_runs import decided
from pipeline.session.manifest import read_manifest
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Entry
from pipeline.workspace.store import Store

_Seen = Case | InputError | StoreError


@dataclass(frozen=True, eq=False)
class Opened:
    """Sessions that were loaded, and the number that could not be."""

    cases: tuple[Case, ...]
    n_unreadable: int


def read(
    workspace: Path,
    sessions: Sequence[str] = (),
    settings: Settings | None = None,
    *,
    processes: int = 1,
) -> Opened:
    """Load processed sessions: those that `sessions` names, or all that can be read.

    Parameters
    ----------
    sessions
        Ids or paths; empty: all.
    settings
        None: hits and moments of the last runs.
    processes
        Number of processes to use with `settings`. A program that asks for more than one must keep
        its own work under ``if __name__ == "__main__"``, because each process imports it.

    Raises
    ------
    InputError
        A named session was never fully processed, or none was.
    StoreError
        A named session, or every one, is damaged or was processed by another version.
    """
    named = entries(workspace, sessions)
    if settings is None:
        seen = _processed(named, Store(workspace))
    else:
        seen = _decided(named, settings, workspace, processes)
    found: list[Case] = []
    unreadable: list[TetherError] = []
    for case in seen:
        if isinstance(case, Case):
            found.append(case)
            continue
        if sessions:
            raise case
        unreadable.append(case)  # unfinished or damaged: read the others
    if unreadable and not found:
        raise unreadable[0]
    if not found:
        raise InputError("no session in this workspace", hint="tether run RECORDING...")
    return Opened(tuple(found), len(unreadable))


def _decided(
    named: Sequence[Entry], settings: Settings, workspace: Path, processes: int
) -> Iterator[_Seen]:
    """As `decided`, in several processes if there are enough sessions."""
    if processes == 1 or len(named) < ipc.WORTH_A_PROCESS * processes:
        bench = Workbench(settings, workspace)
        try:
            yield from decided(named, bench)
        finally:
            bench.catalogue.close()
        return
    with workers.pool(processes, __name__) as pool:
        bench = Workbench(settings, workspace)  # reports errors in rules
        bench.catalogue.close()
        task = partial(_decided_there, settings, workspace, bench.lexicons)
        for packed in pool.map(task, in_batches(named, processes)):
            yield from packed.opened()


def _decided_there(
    settings: Settings,
    workspace: Path,
    lexicons: Mapping[str | None, Lexicons],
    few: Sequence[Entry],
) -> Packed[InputError | StoreError]:
    bench = workers.there(lambda: Workbench(settings, workspace, lexicons=lexicons))
    return Packed.of(list(decided(few, bench)))


def _processed(named: Iterable[Entry], store: Store) -> Iterator[_Seen]:
    """Sessions as their last runs left them, or the error of a session, in order."""
    for entry in named:
        try:
            yield of_manifest(read_manifest(entry.recording_id, store), entry, store).holding(FOUND)
        except (InputError, StoreError) as caught:
            yield caught
