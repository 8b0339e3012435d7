"""``tether enrol``: keep, list and forget voices of therapists."""

import datetime as dt
from pathlib import Path

import click

from pipeline import config
from pipeline.cli import sessions
from pipeline.core.errors import InputError
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Catalogue

_NUMBER_BYTES = 4


def enrol(name: str, therapist: str, workspace: Path, profile: str) -> None:
    """Keep the voice of the therapist of a session, and say what is kept."""
    sessions.require(workspace)
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
    sessions.require(workspace)
    voices = Catalogue(workspace).voices()
    for voice in voices:
        day = voice.enrolled_at.date().isoformat()
        click.echo(f"{voice.therapist}  {voice.speech_ms / 1000:.0f} s of speech  {day}")
    if not voices:
        click.echo("no voice is enrolled")


def forget(therapist: str, workspace: Path) -> None:
    """Remove a voice, and look whether it is gone."""
    sessions.require(workspace)
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
