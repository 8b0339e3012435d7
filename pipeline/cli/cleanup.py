"""The commands that remove, gc and purge, and the list of what is not processed again."""

import datetime as dt
import json
from pathlib import Path

import click

from pipeline import session
from pipeline.cli import sessions
from pipeline.core.errors import InputError, StoreError
from pipeline.core.spelling import SHORT_ID
from pipeline.workspace.catalogue import Catalogue, Reason
from pipeline.workspace.store import Store
from pipeline.workspace.verdicts import Ledger


def gc(workspace: Path, *, go: bool) -> None:
    """Tell, or drop, what no session's last walk points at."""
    sessions.require(workspace)
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


def purge(
    name: str,
    workspace: Path,
    *,
    keep_corrections: bool,
    keep_verdicts: bool,
    never_again: Reason | None,
) -> None:
    """Remove a session, and list what is left of it."""
    sessions.require(workspace)
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
            never_again=never_again,
            now=dt.datetime.now(dt.UTC),
        )
        wanted = (keep_corrections and bool(catalogue.corrections(recording_id))) + (
            keep_verdicts and bool(ledger.of(recording_id))
        )
        wanted += any(one.recording_id == recording_id for one in catalogue.withheld())
    for line in left:
        click.echo(f"left: {line}")
    if not left:
        click.echo("left: nothing")
    if len(left) > wanted:
        raise StoreError(
            f"session {recording_id[:SHORT_ID]} is not wholly gone",
            hint="type the command again; what another session holds goes when that is run again",
        )


def withheld(lifted: tuple[str, ...], workspace: Path, *, as_json: bool) -> None:
    """List the recordings that are not processed again, or let some of them be."""
    sessions.require(workspace)
    store, catalogue = Store(workspace), Catalogue(workspace)
    if lifted:
        with store.lock():
            for recording_id in [_withheld(name, catalogue) for name in lifted]:
                catalogue.lift(recording_id)
                click.echo(
                    f"{recording_id[:SHORT_ID]} may be processed again; next: tether run RECORDING"
                )
        return
    listed = catalogue.withheld()
    if as_json:
        rows = [
            {"recording_id": one.recording_id, "reason": one.reason, "since": one.since.isoformat()}
            for one in listed
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    for one in listed:
        day = one.since.astimezone().date().isoformat()
        click.echo(f"{one.recording_id[:SHORT_ID]}  {day}  {one.reason}")
    if not listed:
        click.echo("no recording is withheld")


def _withheld(name: str, catalogue: Catalogue) -> str:
    """Id of the one withheld recording that begins so."""
    ids = [one.recording_id for one in catalogue.withheld()]
    found = [one for one in ids if len(name) >= _PREFIX and one.startswith(name.lower())]
    if len(found) != 1:
        raise InputError(
            f"{len(found) or 'no'} withheld recording{'s match' if len(found) > 1 else ' matches'}",
            expected=f"at least {_PREFIX} digits of an id that `tether withheld` lists",
            hint="tether withheld",
        )
    return found[0]


_PREFIX = 6


def _counted(found: list[tuple[str, str, int]]) -> str:
    size = sum(size for _, _, size in found)
    return f"{len(found)} results that nothing points at, {size:,} bytes,"
