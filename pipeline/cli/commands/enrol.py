"""``tether enrol``: keep, list and forget voices of therapists."""

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

    It is the voice of THERAPIST, a pseudonym, as heard in SESSION.

    Later runs then know that therapist by the voice, where neither a correction nor a sidecar says
    who is who. A session whose sidecar names a therapist is compared with that voice alone.

    A voice print identifies a person, so this is off: it needs settings with `roles: {enrolment:
    true}`, here and in the runs that are to use it, and the therapist's consent, which no setting
    can give. What is kept is one mean voice vector (256 numbers) in the workspace's tether.db,
    readable by its owner only; of sessions, how alike their speakers are to it. Of clients no
    vector is ever kept. SESSION must have been run, a sidecar or correction must say who its
    therapist is, and its recording must still lie where it was.
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
    """Keep the voice of the therapist of a session, and say what is kept."""
    require(workspace)
    bench = Workbench(config.load(profile), workspace)
    entry = bench.catalogue.find(name)
    now = dt.datetime.now(dt.UTC)
    with bench.store.lock():
        voice = bench.enrol(entry.recording_id, entry.path, therapist, now)
    numbers = len(voice.vector) // _NUMBER_BYTES
    click.echo(
        f"kept: the mean voice of {therapist}, {numbers} numbers, from {voice.speech_ms / 1000:.0f}"
        " s of speech alone.\nIt identifies this person. It lies in tether.db of the workspace and "
        f"nowhere else;\n  tether enrol --forget {therapist}\nremoves it."
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
    """Remove a voice, and look whether it is gone."""
    require(workspace)
    catalogue = Catalogue(workspace)
    known = {voice.therapist: voice.vector for voice in catalogue.voices()}
    if not catalogue.forget_voice(therapist):
        raise InputError(f"no voice of '{therapist}' is enrolled", hint="tether enrol --list")
    catalogue.close()
    left = [file for file in workspace.glob("tether.db*") if known[therapist] in file.read_bytes()]
    if left:
        raise InputError(
            "the voice is removed, and its numbers still stand in the file of the catalogue",
            hint="type the command again",
        )
    click.echo(
        f"gone: no voice of {therapist} is enrolled, and its numbers stand in no file of the "
        "catalogue.\nHow alike speakers were to it stays in sessions until they are run again and "
        "`tether gc` has swept."
    )
