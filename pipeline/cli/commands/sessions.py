"""``tether sessions``: what is in the workspace, and what failed.

It reads no table of any session, so a list of a thousand sessions appears at once.
"""

import json
from pathlib import Path

import click

from pipeline.cli import options
from pipeline.cli.options import may_show_names
from pipeline.cli.sections import Command
from pipeline.core.errors import InputError, StoreError
from pipeline.core.spelling import SHORT_ID, printable
from pipeline.core.time import ms_to_clock
from pipeline.workspace.catalogue import Catalogue, Entry, path_hash
from pipeline.workspace.database import require
from pipeline.workspace.layout import glance


@click.command(
    "sessions",
    cls=Command,
    examples=(
        "tether sessions",
        "tether sessions --failed",
        "tether sessions --dismiss 5d41402abc4b",
    ),
)
@options.workspace
@options.as_json
@options.names
@click.option("--failed", "failed", is_flag=True, help="List files that failed instead.")
@click.option(
    "--dismiss",
    "dismissed",
    multiple=True,
    metavar="HASH",
    help="Take a failed file off that list, by path hash; 'all' for every file.",
)
def command(
    workspace: Path, as_json: bool, names: bool | None, failed: bool, dismissed: tuple[str, ...]
) -> None:
    """List the sessions of the workspace, or the files that failed.

    Each session is listed with its file. "replaced" means that the file has other bytes now; the
    session is kept because it holds decisions or corrections.

    With --failed, list the files that failed: path hash, number in the last run, since when, how
    often, and why. A file stays on that list until it succeeds or --dismiss takes it off. A pipe
    or a file gets the path hash instead of the path, unless --names is given.
    """
    if dismissed or failed:
        from pipeline.cli import failures  # noqa: PLC0415  # a list of sessions does not need it

    if dismissed:
        failures.dismiss(workspace, dismissed)
    elif failed:
        failures.show(workspace, as_json=as_json, names=names)
    else:
        show(workspace, as_json=as_json, names=names)


def show(workspace: Path, *, as_json: bool, names: bool | None = None) -> None:
    """List the sessions of the workspace without reading their tables.

    Parameters
    ----------
    names
        Whether to show the paths of recordings; None: only on a terminal.
    """
    require(workspace)
    show_names = may_show_names(names, as_json=as_json)
    entries = Catalogue(workspace).entries()
    rows = [_listed(entry, workspace, show_names=show_names) for entry in entries]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        moments = "not finished" if row["moments"] is None else f"{row['moments']} moments"
        if row["replaced"]:
            moments += ", replaced"
        short = str(row["recording_id"])[:SHORT_ID]
        where = row.get("path", row["path_hash"])
        click.echo(printable(f"{short}  {row['duration'] or '':>8}  {moments:<14}  {where}"))


def _listed(entry: Entry, workspace: Path, *, show_names: bool) -> dict[str, object]:
    row: dict[str, object] = {"recording_id": entry.recording_id}
    row |= {"path_hash": path_hash(entry.path)}
    row |= {"path": str(entry.path)} if show_names else {}
    row |= {"duration": None, "moments": None, "replaced": entry.replaced}
    try:
        found = glance(workspace, entry.recording_id)
    except (InputError, StoreError):  # unfinished or damaged: still listed
        return row
    return row | {"duration": ms_to_clock(found.duration_ms), "moments": found.moments}
