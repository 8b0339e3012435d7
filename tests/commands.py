"""`tether` typed in this process: the same exit code and output, without a start of Python.

Tests of signals, pipes, kills and networks start a process of their own.
"""

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import click

from pipeline.cli import main


@dataclass(frozen=True)
class Done:
    """What a command came to, under the names of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def tether(folder: Path, *arguments: object) -> Done:
    """Run a command in a folder; its output goes where no person looks."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["tether", *map(str, arguments)]
    code = 0
    try:
        with chdir(folder), redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as left:
        code = int(left.code or 0)
    finally:
        sys.argv = before
    return Done(code, out.getvalue(), err.getvalue())


def commands_of(group: click.Group) -> dict[str, click.Command]:
    """Commands of a group by name, in its order."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}
