"""``tether sessions --failed``: files that failed and have not succeeded since."""

import json
import os
from pathlib import Path

import click

from pipeline.cli.options import may_show_names
from pipeline.core.errors import InputError
from pipeline.core.spelling import printable
from pipeline.report.number_format import count
from pipeline.workspace.catalogue import Catalogue, Failure
from pipeline.workspace.database import require

_LEAST_DIGITS = 6


def show(workspace: Path, *, as_json: bool, names: bool | None) -> None:
    """List failed files, the oldest first; paths only on a terminal or with --names."""
    require(workspace)
    failures = Catalogue(workspace).failures()
    shown = may_show_names(names, as_json=as_json)
    if as_json:
        click.echo(json.dumps([_row(failure, names=shown) for failure in failures], indent=1))
        return
    for failure in failures:
        since = failure.first_at.astimezone().strftime("%Y-%m-%d %H:%M")
        often = count(failure.times, "time")
        what = failure.error.partition("\n")[0]
        line = f"{failure.path_hash}  {failure.number:>4}  since {since}, {often}: {what}"
        click.echo(printable(line))
        if shown:
            click.echo(printable(f"    {failure.path}"))
    if not failures:
        click.echo("no file has failed, or all have succeeded since or were dismissed")


def dismiss(workspace: Path, hashes: tuple[str, ...]) -> None:
    """Take failed files off the list, by six or more digits of the path hash, or 'all'."""
    require(workspace)
    catalogue = Catalogue(workspace)
    known = [failure.path_hash for failure in catalogue.failures()]
    wanted = known if "all" in hashes else [_only(given, known) for given in hashes]
    gone = catalogue.no_failure(wanted)
    click.echo(f"{count(gone, 'file')} dismissed")


def _only(given: str, known: list[str]) -> str:
    found = [each for each in known if each.startswith(given.lower())]
    if len(found) != 1 or len(given) < _LEAST_DIGITS:
        raise InputError(
            f"{len(found) or 'no'} failed {'file matches' if len(found) == 1 else 'files match'}",
            expected=f"at least {_LEAST_DIGITS} digits of a path hash, or 'all'",
            hint="tether sessions --failed",
        )
    return found[0]


def _row(failure: Failure, *, names: bool) -> dict[str, object]:
    row: dict[str, object] = {"path_hash": failure.path_hash}
    if names:
        row["path"] = os.fsencode(failure.path).decode("utf-8", "replace")
    return row | {
        "number": failure.number,
        "recording_id": failure.recording_id,
        "error": failure.error,
        "exit_code": failure.exit_code,
        "first_at": failure.first_at.isoformat(),
        "last_at": failure.last_at.isoformat(),
        "times": failure.times,
    }
