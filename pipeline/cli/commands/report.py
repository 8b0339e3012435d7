"""``tether report``: write a session's report again, with audio on request."""

from pathlib import Path

import click

from pipeline import config
from pipeline import session as sessions
from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.cli.workspace import reopen
from pipeline.core.errors import ConfigError, InputError, StoreError
from pipeline.report import REPORT, WITH_CLIPS, render
from pipeline.report.number_format import count
from pipeline.session.workbench import Workbench
from pipeline.workspace.database import require
from pipeline.workspace.store import Place, store_errors, write_private


@click.command(
    "report",
    cls=Command,
    examples=(
        "tether report 3fa94c2b71d0",
        "tether report 3fa94c2b71d0 --with-clips",
        "tether report 3fa94c2b71d0 --output monday.html",
    ),
)
@click.argument("session")
@click.option(
    "--with-clips", is_flag=True, help="Add audio of the moments: the file then contains voices."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file, and change nothing in the workspace.",
)
@options.workspace
@options.profile
def command(
    session: str, workspace: Path, profile: str, output: Path | None, *, with_clips: bool
) -> None:
    """Write a session's report again, with audio if you wish.

    SESSION is an id prefix (6 digits or more) or the path of the recording.

    A report contains no audio. --with-clips writes a second file beside it,
    report-with-clips.html, in which you can play each suggested moment (the setting `clips` says
    how much of it); a red notice says that it contains voices. The recording must still be where
    it was. The command without --with-clips removes that file, as does any renewal of the report.
    """
    if with_clips and output:
        raise ConfigError("--with-clips and --output", expected="one of the two, or neither")
    if with_clips:
        renew_with_clips(session, workspace, profile)
    else:
        renew(session, workspace, output)


def renew(name: str, workspace: Path, output: Path | None = None) -> None:
    """Render the report again from the last run; remove one that contains voices.

    Parameters
    ----------
    output
        Write it to this file instead, and change nothing in the workspace.
    """
    store, processed = reopen(name, workspace)
    html = render(processed.recording, processed.tables, processed.provenance).encode("utf-8")
    if output is not None:
        write_private(output, html, Place("folder of the report", "--output"))
        click.echo(str(output))
        return
    folder = store.session(processed.recording.recording_id)
    try:
        with store_errors("the report cannot be renewed"):
            file = folder / REPORT
            if not file.is_file() or file.read_bytes() != html:
                write_private(file, html)
            click.echo(str(file))
            if (folder / WITH_CLIPS).exists():
                (folder / WITH_CLIPS).unlink()
                click.echo(f"removed: {folder / WITH_CLIPS}")
    except StoreError as caught:
        raise StoreError(
            caught.found, hint=f"tether report SESSION --output FILE; or {caught.hint}"
        ) from caught


def renew_with_clips(name: str, workspace: Path, profile: str) -> None:
    """Render the report with audio of its moments, into a separate file."""
    require(workspace)
    bench = Workbench(config.load(profile), workspace)
    entry = bench.catalogue.find(name)
    processed = sessions.reopen(entry.recording_id, bench.store)
    if not entry.path.exists():
        raise InputError(
            "the recording of this session is no longer where it was",
            expected="the file that `tether sessions` names, since the workspace keeps no audio",
            hint="put it back, or run `tether run` on it in its new place",
        )
    with bench.store.lock():
        clips = bench.clips(processed, entry.path)
        html = render(processed.recording, processed.tables, processed.provenance, clips)
        file = bench.store.session(entry.recording_id) / WITH_CLIPS
        write_private(file, html.encode("utf-8"))
    click.echo(str(file))
    if clips:
        click.echo(
            f"It contains voices, in {count(len(clips), 'clip')}. "
            "`tether report SESSION` without --with-clips removes it."
        )
    else:
        click.echo("It contains no voice, because no moment was flagged.")
