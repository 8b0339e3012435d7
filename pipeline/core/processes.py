"""Worker processes: they are spawned, not forked, and end with their parent.

A forked process would inherit locks of polars. A program that starts workers must keep its own work
under ``if __name__ == "__main__"``, since each worker imports it.
"""

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from pipeline.core.errors import EXIT_INTERRUPTED

AFRESH = get_context("spawn")
"""Context in which worker processes are started."""
_THREADS = "POLARS_MAX_THREADS"
_Made = TypeVar("_Made")


@contextmanager
def pool(processes: int, importing: str) -> Iterator[Executor]:
    """A pool of started worker processes, each with one thread of polars.

    Parameters
    ----------
    importing
        Name of a module that each worker imports while the caller goes on.
    """
    with ProcessPoolExecutor(processes, AFRESH, end_with_parent) as workers:
        with _inherited():
            for _ in range(processes):
                workers.submit(_import, importing)
        yield workers


@contextmanager
def _inherited() -> Iterator[None]:
    """Environment and signals that a worker started here inherits.

    SIGINT is blocked: an interrupt is meant for the process that waits for the workers.
    """
    before = os.environ.get(_THREADS)
    os.environ.setdefault(_THREADS, "1")
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if before is None:
            del os.environ[_THREADS]


def end_with_parent() -> None:
    """End this process when its parent ends, in whatever way.

    Otherwise a worker whose parent was killed would wait forever, with sessions in its memory.
    """
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(EXIT_INTERRUPTED)

    threading.Thread(target=wait, daemon=True, name="end-with-parent").start()


def _import(module: str) -> None:
    import_module(module)


_THERE: list[Any] = []


def there(make: Callable[[], _Made]) -> _Made:
    """What a worker needs for its tasks: made for the first one, and kept for all others."""
    if not _THERE:
        _THERE.append(make())
        gc.freeze()  # what was imported and read stays: the collector need not visit it again
    made: _Made = _THERE[0]
    return made
