"""Processes that work for another one end with it, and leave interrupts to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

POOL = """
import os, signal, time
from pipeline.core import processes

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

if __name__ == "__main__":
    with processes.pool(2, "pipeline.core.schema") as pool:
        others = {pool.submit(os.getpid).result() for _ in range(50)}
        try:
            print(*others, flush=True)
            time.sleep(600)
        except KeyboardInterrupt:
            print("interrupted")
"""
PROCESS = """
import os, time
from pipeline.core import processes

def work():
    processes.end_with_parent()
    time.sleep(600)

if __name__ == "__main__":
    other = processes.AFRESH.Process(target=work, daemon=True)
    other.start()
    print(other.pid, flush=True)
    other.join()
"""
PATIENCE_S = 60


def is_there(process: int) -> bool:
    """Whether a process works; one that has ended may still wait to be seen off."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").split()[2] != "Z"
    except FileNotFoundError:
        return False


@contextmanager
def running(folder: Path, program: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A program, and the processes that it says it has asked for; in the end they are gone."""
    file = folder / "program.py"
    file.write_text(program, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as asked:
        assert asked.stdout
        others = [int(word) for word in asked.stdout.readline().split()]
        assert others
        assert all(is_there(other) for other in others)
        yield asked, others
    until = time.monotonic() + PATIENCE_S
    while any(is_there(other) for other in others) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(is_there(other) for other in others)


@pytest.mark.slow
@pytest.mark.parametrize("program", [POOL, PROCESS])
def test_nobody_outlives_a_program_that_is_killed(tmp_path: Path, program: str) -> None:
    with running(tmp_path, program) as (asked, _):
        asked.kill()


@pytest.mark.slow
def test_an_interrupt_is_for_the_program_alone(tmp_path: Path) -> None:
    with running(tmp_path, POOL) as (asked, others):
        for other in others:  # a terminal tells all of them
            os.kill(other, signal.SIGINT)
        asked.send_signal(signal.SIGINT)
        told, errors = asked.communicate(timeout=PATIENCE_S)
        assert (told, errors) == ("interrupted\n", "")
