"""Work on many sessions, shared out among processes.

::

    begin       helpers start, and import what they need while the caller reads rules
    work        a task comes with a few sessions; what it needs beside them is made once
    come back   of sessions only what was found in them, each table of all in one piece
"""

import gc
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any, Generic, TypeVar

import polars as pl

from pipeline.errors import TetherError
from pipeline.research.cases import FOUND, Case
from pipeline.schema import split
from pipeline.store import without

WORTH_A_PROCESS = 128
"""Sessions whose rules take longer to ask than a process takes to begin (2 s)."""
_THREADS = "POLARS_MAX_THREADS"
_Failed = TypeVar("_Failed", bound=TetherError)
_Made = TypeVar("_Made")


@contextmanager
def helpers(processes: int) -> Iterator[Executor]:
    """Processes that have begun; they are as many as processors, so each has one thread.

    A program that asks for them must keep its own work under ``if __name__ == "__main__"``, for
    each process imports it. One that is forked would inherit locks of polars; these begin afresh.
    """
    afresh = get_context("spawn")
    with ProcessPoolExecutor(processes, afresh, _leave_interrupts) as pool:
        told = os.environ.get(_THREADS)
        os.environ.setdefault(_THREADS, "1")
        try:
            for _ in range(processes):
                pool.submit(_begin)
        finally:
            if told is None:
                del os.environ[_THREADS]
        yield pool


def _leave_interrupts() -> None:
    """Whoever interrupts means the process that waits for this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _begin() -> None:
    """Nothing: a process that is asked for it imports this package."""


_THERE: list[Any] = []


def there(make: Callable[[], _Made]) -> _Made:
    """What a helper works with: made for its first task, and kept for all others."""
    if not _THERE:
        _THERE.append(make())
        gc.freeze()  # what was imported and read stays: it is not looked at again and again
    made: _Made = _THERE[0]
    return made


@dataclass(frozen=True, eq=False)
class Packed(Generic[_Failed]):
    """Sessions on their way to another process.

    Frames that were made in one go share their text, and each would take all of it along.

    Attributes
    ----------
    seen
        Sessions without what was found in them, or what is wrong with one.
    found
        Of those that are no errors, one under the other, and how many rows each of them has.
    """

    seen: tuple[Case | _Failed, ...]
    found: Mapping[str, tuple[pl.DataFrame, Sequence[int]]]

    @classmethod
    def of(cls, seen: Sequence[Case | _Failed]) -> "Packed[_Failed]":
        """Pack them."""
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

    def opened(self) -> Iterator[Case | _Failed]:
        """As they were."""
        apart = {name: iter(split(*whole)) for name, whole in self.found.items()}
        for each in self.seen:
            if isinstance(each, Case):
                yield each.with_tables({name: next(frames) for name, frames in apart.items()})
            else:
                yield each
