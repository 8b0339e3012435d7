"""``tether gc``: remove outdated results."""

from pathlib import Path

import click

from pipeline import session as sessions
from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.workspace.database import require
from pipeline.workspace.store import Store


@click.command(
    "gc",
    cls=Command,
    examples=(
        "tether gc",
        "tether gc --yes",
    ),
)
@options.workspace
@click.option("--yes", "go", is_flag=True, help="Remove them; without it they are only listed.")
def command(workspace: Path, *, go: bool) -> None:
    """Remove outdated results: those of older settings or versions.

    No session's last run uses them. If you return to such settings, they are computed again.
    Reports, corrections, decisions and the state of an interrupted run are kept.
    """
    drop_unused(workspace, go=go)


def drop_unused(workspace: Path, *, go: bool) -> None:
    """List, or with `go` remove, results that no session's last run uses."""
    require(workspace)
    store = Store(workspace)
    if not go:
        found = list(sessions.unused(store))
        for folder, name, size in found:
            click.echo(f"{folder}  {name:<28} {size:>12,} bytes")
        click.echo(f"{_counted(found)} to remove{'; next: tether gc --yes' if found else ''}")
        return
    with store.lock():
        found = list(sessions.unused(store))
        for folder, name, _ in found:
            store.drop(folder, name)
    click.echo(f"{_counted(found)} removed")


def _counted(found: list[tuple[str, str, int]]) -> str:
    size = sum(size for _, _, size in found)
    return f"{len(found)} outdated results, {size:,} bytes,"
