"""``tether enrol``: keep, list and forget therapists' voices."""

import datetime as dt
from pathlib import Path

import click

from pipeline import config
from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.core.errors import ConfigError, InputError
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.database import require


@click.command(
    "enrol",
    cls=Command,
    examples=(
        "tether enrol 3fa94c2b71d0 T-03 --config clinic.yaml",
        "tether enrol --list",
        "tether enrol --forget T-03",
    ),
)
@click.argument("session", required=False)
@click.argument("therapist", required=False)
@options.workspace
@options.profile
@click.option("--list", "listed", is_flag=True, help="List the enrolled voices.")
@click.option("--forget", metavar="THERAPIST", help="Remove the voice of THERAPIST, for good.")
def command(
    session: str | None,
    therapist: str | None,
    workspace: Path,
    profile: str,
    *,
    listed: bool,
    forget: str | None,
) -> None:
    """Keep a therapist's voice, so that later runs recognise it.

    THERAPIST is a pseudonym; the voice is taken from SESSION.

    Later runs then recognise that therapist by voice, unless a correction or a session notes file
    says who is who. If the notes file names a therapist, the session is compared with that voice
    only.

    A voice print identifies a person, so this is off by default. It needs `roles: {enrolment:
    true}` in the settings, here and in the runs that use the voice, and the therapist's consent.
    Tether keeps one mean voice vector (256 numbers) in the workspace's tether.db, readable by its
    owner only, and for each session how similar its speakers are to that vector. It never keeps a
    vector of a client. SESSION must have been processed, a session notes file or a correction must
    say who its therapist is, and its recording must still be where it was.
    """
    if listed + (forget is not None) + (session is not None) != 1 or (session and not therapist):
        raise ConfigError("enrol needs SESSION and THERAPIST, or --list, or --forget THERAPIST")
    if listed:
        show(workspace)
    elif forget is not None:
        forget_voice(forget, workspace)
    else:
        keep(str(session), str(therapist), workspace, profile)


_NUMBER_BYTES = 4


def keep(name: str, therapist: str, workspace: Path, profile: str) -> None:
    """Keep the voice of a session's therapist, and print what is kept."""
    require(workspace)
    bench = Workbench(config.load(profile), workspace)
    entry = bench.catalogue.find(name)
    now = dt.datetime.now(dt.UTC)
    with bench.store.lock():
        voice = bench.enrol(entry.recording_id, entry.path, therapist, now)
    numbers = len(voice.vector) // _NUMBER_BYTES
    click.echo(
        f"kept: the mean voice of {therapist}, {numbers} numbers, from {voice.speech_ms / 1000:.0f}"
        " s of speech.\nIt identifies this person. It is kept in tether.db of the workspace and "
        f"nowhere else. To remove it:\n  tether enrol --forget {therapist}"
    )


def show(workspace: Path) -> None:
    """List the enrolled voices."""
    require(workspace)
    voices = Catalogue(workspace).voices()
    for voice in voices:
        day = voice.enrolled_at.date().isoformat()
        click.echo(f"{voice.therapist}  {voice.speech_ms / 1000:.0f} s of speech  {day}")
    if not voices:
        click.echo("no voice is enrolled")


def forget_voice(therapist: str, workspace: Path) -> None:
    """Remove a voice, and check that it is gone."""
    require(workspace)
    catalogue = Catalogue(workspace)
    known = {voice.therapist: voice.vector for voice in catalogue.voices()}
    if not catalogue.forget_voice(therapist):
        raise InputError(f"no voice of '{therapist}' is enrolled", hint="tether enrol --list")
    catalogue.close()
    left = [file for file in workspace.glob("tether.db*") if known[therapist] in file.read_bytes()]
    if left:
        raise InputError(
            "the voice is removed, but its numbers are still in tether.db",
            hint="run the command again",
        )
    click.echo(
        f"gone: no voice of {therapist} is enrolled, and its numbers are no longer in tether.db."
        "\nSessions keep how similar their speakers were to it until they are run again and "
        "`tether gc` has removed the old results."
    )
