"""``tether correct``: who is therapist and who is client."""

import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from pipeline import config, session
from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.core.errors import ConfigError
from pipeline.core.registry import nearest
from pipeline.core.spelling import printable
from pipeline.session.workbench import workbench_of
from pipeline.workspace.database import require


@click.command(
    "correct",
    cls=Command,
    examples=('tether correct 3fa94c2b71d0 "speaker 1=therapist"',),
)
@click.argument("session")
@click.argument("roles", nargs=-1, required=True, metavar="SPEAKER=ROLE...")
@options.workspace
@options.profile
@click.option("--anew", is_flag=True, help="Go on although the last run had other settings.")
def command(
    session: str, roles: tuple[str, ...], workspace: Path, profile: str, *, anew: bool
) -> None:
    """Set who is therapist and who is client; kept for later runs.

    SPEAKER is a label, or "speaker N" with the number that --json gives. Labels may be names of
    people, so they are printed on a terminal only.

    Corrections are only ever added; the newest counts. Roles, baselines and rules are computed
    again from the results of the last run; the recording itself may be gone. This needs the
    settings of that run. If they differ, the command says how, and does nothing without --anew.
    """
    set_roles(session, options.pairs(roles, "SPEAKER=ROLE"), workspace, profile, anew=anew)


def set_roles(
    name: str, roles: Mapping[str, str], workspace: Path, profile: str, *, anew: bool = False
) -> None:
    """Keep who is who, and run roles and rules again.

    Labels of speakers are printed on a terminal only; elsewhere speakers have numbers, and may be
    named by them.

    Parameters
    ----------
    name
        Id prefix or path of the session.
    roles
        Label or "speaker N" to role.
    anew
        Use these settings although the last run had others.
    """
    require(workspace)
    bench = workbench_of(config.load(profile), workspace, profile)
    recording_id = bench.catalogue.find(name).recording_id
    before = session.reopen(recording_id, bench.store, ["roles"])
    speakers = before.tables["roles"]["speaker"].to_list()
    named = {_speaker(typed, speakers): role for typed, role in roles.items()}
    processed = bench.correct(recording_id, named, dt.datetime.now(dt.UTC), anew=anew)
    unlabelled = session.unlabelled(processed.tables["roles"]["speaker"])
    for row in processed.tables["roles"].iter_rows(named=True):
        label = row["speaker"] if sys.stdout.isatty() else unlabelled[row["speaker"]]
        click.echo(f"{printable(label)}: {row['role']} ({row['source']})")
    click.echo(f"{processed.tables['moments'].height} moments; the report is renewed")


def _speaker(typed: str, speakers: Sequence[str]) -> str:
    """The label that was typed, or the label of the speaker with that number."""
    unlabelled = session.unlabelled(speakers)
    by_number = {name: label for label, name in unlabelled.items()}
    if typed in speakers or typed in by_number:
        return typed if typed in speakers else by_number[typed]
    if sys.stderr.isatty():
        raise ConfigError(
            f"no speaker '{typed}' in this session", expected=nearest(typed, speakers)
        )
    raise ConfigError(
        "no such speaker in this session",
        expected=f"a label (shown on a terminal only), or one of: {', '.join(by_number)}",
    )
