"""Processes that work for another one: they begin afresh, and end with it.

One that is forked would inherit locks of polars. A program that asks for others must keep its own
work under ``if __name__ == "__main__"``, for each of them imports it.
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
"""Where such processes are made."""
_THREADS = "POLARS_MAX_THREADS"
_Made = TypeVar("_Made")


@contextmanager
def pool(processes: int, importing: str) -> Iterator[Executor]:
    """Processes that have begun; they are as many as processors, so each has one thread.

    Parameters
    ----------
    importing
        Name of a module that each of them imports while the caller goes on.
    """
    with ProcessPoolExecutor(processes, AFRESH, end_with_parent) as made:
        with _inherited():
            for _ in range(processes):
                made.submit(_import, importing)
        yield made


@contextmanager
def _inherited() -> Iterator[None]:
    """What a process that starts now takes from this one.

    Whoever interrupts means the one that waits for the others.
    """
    told = os.environ.get(_THREADS)
    os.environ.setdefault(_THREADS, "1")
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if told is None:
            del os.environ[_THREADS]


def end_with_parent() -> None:
    """End this process with the one that asked for it, however that ends.

    Else one whose parent was killed would wait for ever, with sessions in its memory.
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
    """What a worker works with: made for its first task, and kept for all others."""
    if not _THERE:
        _THERE.append(make())
        gc.freeze()  # what was imported and read stays: it is not looked at again and again
    made: _Made = _THERE[0]
    return made
