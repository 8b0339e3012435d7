"""Signals that stop a run: `kill` and closing the terminal do what Ctrl-C does."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ALIKE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_came = threading.Event()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP raise `KeyboardInterrupt`; main thread only.

    A signal that is ignored stays ignored: `nohup tether run` outlives its terminal.
    """
    _came.clear()
    before = {number: signal.getsignal(number) for number in _ALIKE}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def heed() -> None:
    """Raise `KeyboardInterrupt` if a signal came and its exception was lost.

    PyAV's compiled code drops an exception that a signal raises inside it.
    """
    if _came.is_set():
        raise KeyboardInterrupt


def ignore_further() -> None:
    """Ignore these signals until `interruptible` ends, so that the summary is still printed."""
    for number in _ALIKE:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _came.set()
    raise KeyboardInterrupt
