"""The commands that remove: gc, purge."""

from pathlib import Path

import click

from pipeline import session
from pipeline.catalogue import Catalogue
from pipeline.cli import reading
from pipeline.errors import StoreError
from pipeline.store import Store
from pipeline.tables import SHORT_ID
from pipeline.verdicts import Ledger


def gc(workspace: Path, *, go: bool) -> None:
    """Tell, or drop, what no session's last walk points at."""
    reading.require(workspace)
    store = Store(workspace)
    if not go:
        found = list(session.unused(store))
        for folder, name, size in found:
            click.echo(f"{folder}  {name:<28} {size:>12,} bytes")
        click.echo(f"{_counted(found)} could go{'; next: tether gc --yes' if found else ''}")
        return
    with store.lock():
        found = list(session.unused(store))
        for folder, name, _ in found:
            store.drop(folder, name)
    click.echo(f"{_counted(found)} are gone")


def purge(name: str, workspace: Path, *, keep_corrections: bool, keep_verdicts: bool) -> None:
    """Remove a session, and list what is left of it."""
    reading.require(workspace)
    store, catalogue, ledger = Store(workspace), Catalogue(workspace), Ledger(workspace)
    recording_id = catalogue.find(name).recording_id
    with store.lock():
        left = session.purge(
            recording_id,
            store,
            catalogue,
            ledger,
            keep_corrections=keep_corrections,
            keep_verdicts=keep_verdicts,
        )
        wanted = (keep_corrections and bool(catalogue.corrections(recording_id))) + (
            keep_verdicts and bool(ledger.of(recording_id))
        )
    for line in left:
        click.echo(f"left: {line}")
    if not left:
        click.echo("left: nothing")
    if len(left) > wanted:
        raise StoreError(
            f"session {recording_id[:SHORT_ID]} is not wholly gone",
            hint="type the command again; what another session holds goes when that is run again",
        )


def _counted(found: list[tuple[str, str, int]]) -> str:
    size = sum(size for _, _, size in found)
    return f"{len(found)} results that nothing points at, {size:,} bytes,"
