"""``tether withheld``: recordings that are not processed again."""

import json
from pathlib import Path

import click

from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.core.errors import InputError
from pipeline.core.spelling import SHORT_ID
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.database import require
from pipeline.workspace.store import Store

_PREFIX = 6


@click.command(
    "withheld",
    cls=Command,
    examples=(
        "tether withheld",
        "tether withheld --lift 3fa94c2b71d0",
    ),
)
@options.workspace
@options.as_json
@click.option(
    "--lift", "lifted", multiple=True, metavar="ID", help="Allow runs to process it again."
)
def command(workspace: Path, as_json: bool, lifted: tuple[str, ...]) -> None:
    """List recordings that are not processed again, or lift one.

    They were purged, or consent was withdrawn; each is listed with day and reason. A run reports
    such a recording as "withheld" and keeps nothing of it. The id is the SHA-256 of the file's
    bytes: the same recording in another format, or trimmed, has another id.
    """
    show_or_lift(lifted, workspace, as_json=as_json)


def show_or_lift(lifted: tuple[str, ...], workspace: Path, *, as_json: bool) -> None:
    """List the recordings that are not processed again, or lift some."""
    require(workspace)
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
    """The id of the only withheld recording with that prefix."""
    ids = [one.recording_id for one in catalogue.withheld()]
    found = [one for one in ids if len(name) >= _PREFIX and one.startswith(name.lower())]
    if len(found) != 1:
        raise InputError(
            f"{len(found) or 'no'} withheld recording{'s match' if len(found) > 1 else ' matches'}",
            expected=f"at least {_PREFIX} digits of an id that `tether withheld` lists",
            hint="tether withheld",
        )
    return found[0]
