"""``tether tune``: settings that do best against human codes."""

import json
import sys
from pathlib import Path

import click

from pipeline.cli import code_options, options
from pipeline.cli.sections import Command
from pipeline.research import Annotations, tune
from pipeline.research.search import sweeps, tuning_report
from pipeline.workspace.store import Place, write_private


@click.command(
    "tune",
    cls=Command,
    examples=("tether tune sweep.yaml",),
)
@click.argument("sweep", type=code_options.FILES)
@click.argument("sessions", nargs=-1)
@click.option(
    "--output",
    type=code_options.FILES,
    help="Where to write the settings; by default beside SWEEP, with -tuned in the name.",
)
@options.as_json
@options.workspace
def command(
    sweep: Path,
    sessions: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    workspace: Path,
) -> None:
    """Search for settings that do best against human codes.

    The file SWEEP lists the values to try and the codes to use. Folds are cut by session, and no
    session is scored with settings that were tuned on it. The result is a settings file for
    --config, with a report beside it. Nothing in the workspace changes.
    """
    asked = sweeps.read(sweep)
    base = sweep.parent
    annotated = Annotations.read(
        asked.files("codes", base), asked.files("uncertain", base), asked.files("benign", base)
    )
    number = len(list(asked.points()))
    with click.progressbar(length=number, label="tuning", file=sys.stderr) as bar:

        def on_progress(_done: int, steps: int) -> None:
            bar.length = steps
            bar.update(1)

        found = tune(
            workspace, asked, annotated, sessions, on_progress, processes=code_options.processors()
        )
    chosen = output or sweep.with_name(f"{sweep.stem}-tuned.yaml")
    place = Place("folder of the settings", "--output")
    write_private(chosen, tuning_report.settings(found).encode(), place)
    text = tuning_report.report(found)
    report = chosen.with_suffix(".txt")
    write_private(report, f"{text}\n".encode(), place)
    if as_json:
        click.echo(json.dumps(tuning_report.machine(found), indent=1))
        return
    click.echo(f"{text}\n\nsettings: {chosen}\nreport:   {report}")
