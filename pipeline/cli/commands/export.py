"""``tether export``: tables and the transcript for other tools."""

from pathlib import Path

import click

from pipeline import exports
from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.cli.workspace import reopen
from pipeline.workspace.store import Place, private_folder, write_private


@click.command(
    "export",
    cls=Command,
    examples=(
        "tether export 3fa94c2b71d0 --tables turns,silences,moments --format parquet",
        "tether export 3fa94c2b71d0 --format vtt",
    ),
)
@click.argument("session")
@options.workspace
@click.option(
    "--tables",
    default="turns,silences,overlaps,moments",
    show_default=True,
    help="Tables, separated by commas.",
)
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["csv", "parquet", "json", "rttm", "vtt", "srt"]),
    default="csv",
    show_default=True,
    help="rttm: turns, or spans with --tables spans; vtt, srt: the transcript.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="this folder",
    help="Folder for the files.",
)
def command(session: str, workspace: Path, tables: str, fmt: str, output: Path) -> None:
    """Write tables or the transcript of a session for other tools."""
    write(session, workspace, [t.strip() for t in tables.split(",")], fmt, output)


def write(name: str, workspace: Path, tables: list[str], fmt: str, output: Path) -> None:
    """Write tables of a session into `output`; each file name starts with the session's id."""
    _, processed = reopen(name, workspace)
    place = Place("output folder", "--output")
    private_folder(output, place)
    for file, content in exports.export(processed.recording, processed.tables, tables, fmt).items():
        path = output / f"{processed.recording.short_id}-{file}"
        write_private(path, content, place)
        click.echo(str(path))
