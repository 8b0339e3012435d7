"""``tether purge``: remove all that is kept of a session."""

import datetime as dt
from pathlib import Path

import click

from pipeline import session as sessions
from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.core.errors import ConfigError, StoreError
from pipeline.core.spelling import SHORT_ID
from pipeline.workspace.catalogue import Catalogue, Reason
from pipeline.workspace.database import require
from pipeline.workspace.store import Store
from pipeline.workspace.verdicts import Ledger


@click.command(
    "purge",
    cls=Command,
    examples=(
        "tether purge 3fa94c2b71d0",
        "tether purge 3fa94c2b71d0 --consent-withdrawn",
    ),
)
@click.argument("session")
@options.workspace
@click.option("--keep-corrections", is_flag=True, help="Keep corrections of who is who.")
@click.option(
    "--keep-verdicts",
    is_flag=True,
    help="Keep decisions: times, numbers and reviewers' notes, no word of the session.",
)
@click.option(
    "--consent-withdrawn", is_flag=True, help="Record this as the reason for withholding it."
)
@click.option("--may-return", is_flag=True, help="Keep no id: a later run may process it again.")
def command(
    session: str,
    workspace: Path,
    *,
    keep_corrections: bool,
    keep_verdicts: bool,
    consent_withdrawn: bool,
    may_return: bool,
) -> None:
    """Remove all that the workspace holds of a session, at once.

    This removes its results, reports, corrections, decisions, and the path of its recording, and
    reports what is left: the id of the recording, without name or path, so that no later run
    processes it again (see `tether withheld`). With --may-return, nothing is left.

    The recording itself, its session notes file, exported files and backups of the workspace are
    not touched. A voice enrolled from the session stays until `tether enrol --forget`.
    """
    if consent_withdrawn and may_return:
        raise ConfigError(
            "--consent-withdrawn and --may-return",
            expected="one of the two; without consent a recording must not be processed again",
        )
    remove(
        session,
        workspace,
        keep_corrections=keep_corrections,
        keep_verdicts=keep_verdicts,
        never_again=None if may_return else "consent withdrawn" if consent_withdrawn else "purged",
    )


def remove(
    name: str,
    workspace: Path,
    *,
    keep_corrections: bool,
    keep_verdicts: bool,
    never_again: Reason | None,
) -> None:
    """Remove a session, and list what is left of it."""
    require(workspace)
    store, catalogue, ledger = Store(workspace), Catalogue(workspace), Ledger(workspace)
    recording_id = catalogue.find(name).recording_id
    with store.lock():
        left = sessions.purge(
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
            f"session {recording_id[:SHORT_ID]} is not completely removed",
            hint="run the command again; what another session holds goes when that is run again",
        )
