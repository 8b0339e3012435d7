"""``tether verdicts``: what supervisors decided."""

import json
from dataclasses import asdict
from pathlib import Path

import click
import polars as pl

from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.core.spelling import SHORT_ID
from pipeline.core.time import ms_to_clock
from pipeline.formats.tables.transcript_csv import inert
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.database import require
from pipeline.workspace.store import Place, private_folder, store_errors, write_private
from pipeline.workspace.verdicts import Ledger, Verdict, as_codes, standing


@click.command(
    "verdicts",
    cls=Command,
    examples=(
        "tether verdicts",
        "tether verdicts --codes codes/",
    ),
)
@click.argument("session", required=False)
@options.workspace
@options.as_json
@click.option(
    "--codes",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write codes.csv, uncertain.csv and benign.csv for evaluate, compare and tune.",
)
def command(session: str | None, workspace: Path, folder: Path | None, *, as_json: bool) -> None:
    """List what supervisors decided, or write it as codes.

    With SESSION, list the decisions on that session only. The latest entry of each decision
    counts. --codes writes them as the codes by which rules are scored: confirmed and added moments
    as codes, rejected ones as benign, and those on which a reviewer was unsure or two disagree as
    uncertain.
    """
    show(session, workspace, folder, as_json=as_json)


_CODES = Place("folder of the codes", "--codes")
_COLUMNS = ("session", "start_ms", "end_ms", "kind", "marker", "salience", "rater")


def show(name: str | None, workspace: Path, folder: Path | None, *, as_json: bool) -> None:
    """List decisions, or write them as codes."""
    require(workspace)
    ledger = Ledger(workspace)
    entries = ledger.of(Catalogue(workspace).find(name).recording_id) if name else ledger.all()
    if folder is not None:
        _write(entries, folder)
        return
    sessions = dict.fromkeys(entry.recording_id for entry in entries)
    said = [v for key in sessions for v in standing(e for e in entries if e.recording_id == key)]
    if as_json:
        rows = [asdict(v) | {"decided_at": v.decided_at.isoformat()} for v in said]
        click.echo(json.dumps(rows, indent=1))
        return
    for verdict in said:
        click.echo(_line(verdict))
    if not said:
        click.echo("no decision yet; next: tether review")


def _line(verdict: Verdict) -> str:
    """One decision without its note, which may say more than a terminal should show."""
    span = f"{ms_to_clock(verdict.start_ms)}-{ms_to_clock(verdict.end_ms)}"
    marker = verdict.marker or verdict.detected_marker or ""
    when = verdict.decided_at.astimezone().strftime("%Y-%m-%d %H:%M")
    short = verdict.recording_id[:SHORT_ID]
    return f"{short}  {span:<17}  {marker:<3} {verdict.decision:<8}  {verdict.reviewer}  {when}"


def _write(entries: list[Verdict], folder: Path) -> None:
    private_folder(folder, _CODES)
    for listed, frame in as_codes(entries).items():
        path = folder / f"{listed}.csv"
        if frame.is_empty():  # other tools take a table without rows for a mistake
            with store_errors("an older file cannot be removed", _CODES):
                path.unlink(missing_ok=True)
            click.echo(f"{listed}: none")
            continue
        cells = frame.select(_COLUMNS).with_columns(inert(pl.col(pl.String)))
        write_private(path, cells.write_csv(include_bom=True).encode(), _CODES)
        click.echo(f"{listed}: {frame.height} in {path}")
