"""``tether sheet``: what was decided on a session, for the supervision hour."""

from pathlib import Path

import click

from pipeline import session as sessions
from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.core.errors import ConfigError, InputError
from pipeline.report.number_format import count
from pipeline.report.sheet import FORMATS, SHEET, Sheet, build
from pipeline.session import SessionResult, read_manifest
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.database import require
from pipeline.workspace.store import Place, Store, write_private
from pipeline.workspace.verdicts import Ledger

_TABLES = ("turns", "silences", "overlaps", "roles", "quality", "hits", "moments", "diarization")


@click.command(
    "sheet",
    cls=Command,
    examples=(
        "tether sheet 3fa94c2b71d0",
        "tether sheet 3fa94c2b71d0 --format docx --for-supervisee",
        "tether sheet --client P07 --output p07.html",
    ),
)
@click.argument("session", required=False)
@click.option("--client", help="All sessions of this client, by pseudonym; needs --output.")
@click.option(
    "--format",
    "fmt",
    type=click.Choice(tuple(FORMATS)),
    help="A page to read or print, Markdown, or Word; by default that of --output, or html.",
)
@click.option("--for-supervisee", is_flag=True, help="Leave the reviewers' notes out.")
@click.option("--reviewer", help="Only this reviewer's decisions; by default everybody's.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file; by default sheet.html (.md, .docx) in the session's folder.",
)
@options.workspace
def command(
    session: str | None,
    client: str | None,
    workspace: Path,
    fmt: str | None,
    reviewer: str | None,
    output: Path | None,
    *,
    for_supervisee: bool,
) -> None:
    """Write what was decided on a session, for the supervision hour.

    SESSION is an id prefix (6 digits or more) or the path of the recording. The sheet shows moments
    that were confirmed, added or left unsure, with quotes, what the therapist did next, codes and
    notes. It contains words of the session: protect it as you protect the recording.
    """
    if (session is None) == (client is None):
        raise ConfigError("SESSION and --client", expected="one of the two")
    if client is not None and output is None:
        raise ConfigError("--client without --output", expected="a file for several sessions")
    fmt = fmt or _format_of(output)
    require(workspace)
    store = Store(workspace)
    catalogue = Catalogue(workspace)
    if session is not None:
        chosen = [sessions.reopen(catalogue.find(session).recording_id, store, _TABLES)]
    else:
        chosen = _of_client(str(client), catalogue, store)
    ledger = Ledger(workspace)
    sheets = [
        build(
            each.recording,
            each.tables,
            ledger.of(each.recording.recording_id),
            reviewer=reviewer,
            for_supervisee=for_supervisee,
        )
        for each in chosen
    ]
    file = output or store.session(chosen[0].recording.recording_id) / f"{SHEET}.{fmt}"
    write_private(file, FORMATS[fmt](sheets), Place("folder of the sheet", "--output"))
    click.echo(str(file))
    if not any(sheet.moments for sheet in sheets):
        click.echo(_empty(sheets, reviewer), err=True)


def _format_of(output: Path | None) -> str:
    suffix = output.suffix.removeprefix(".").lower() if output else ""
    return suffix if suffix in FORMATS else "html"


def _of_client(client: str, catalogue: Catalogue, store: Store) -> list[SessionResult]:
    """The client's sessions, by number, then by date, then as first seen."""
    numbered = []
    for recording_id in dict.fromkeys(entry.recording_id for entry in catalogue.entries()):
        try:
            metadata = read_manifest(recording_id, store).recording.metadata
        except InputError:  # never fully processed: there is nothing to decide on
            continue
        if metadata.client == client:
            order = (metadata.session_number is None, metadata.session_number, str(metadata.date))
            numbered.append((order, recording_id))
    if not numbered:
        raise InputError(
            "no session of this client", hint="tether sessions lists clients and sessions"
        )
    return [
        sessions.reopen(recording_id, store, _TABLES)
        for _, recording_id in sorted(numbered, key=lambda pair: pair[0])
    ]


def _empty(sheets: list[Sheet], reviewer: str | None) -> str:
    undecided = sum(sheet.undecided for sheet in sheets)
    by = " by this reviewer" if reviewer else ""
    waiting = f"; {count(undecided, 'moment')} not decided yet: tether review" if undecided else ""
    return f"Nothing was confirmed or added{by}{waiting}"
