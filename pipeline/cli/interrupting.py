"""Signals that end a run: `kill` and a terminal that closes do what Ctrl-C does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ALIKE = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `KeyboardInterrupt`, as Ctrl-C does; for the main thread.

    A signal that is ignored stays so: `nohup tether run` outlives its terminal.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ALIKE)}
    for number in _ALIKE:
        if before[number] != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_further() -> None:
    """Ignore these signals until `interruptible` ends, so that the summary is still printed."""
    for number in (signal.SIGINT, *_ALIKE):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
