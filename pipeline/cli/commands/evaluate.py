"""``tether evaluate``: moments against human codes."""

import json
from pathlib import Path

import click

from pipeline import config
from pipeline.cli import code_options, options
from pipeline.cli.sections import Command
from pipeline.core.errors import ConfigError
from pipeline.research import Tolerance, evaluate, plots, text_report
from pipeline.workspace.store import Place, write_private


@click.command(
    "evaluate",
    cls=Command,
    examples=(
        "tether evaluate --codes codes.csv --hold-out 8",
        "tether evaluate --verdicts --plot curve.html",
    ),
)
@click.argument("sessions", nargs=-1)
@code_options.codes
@code_options.verdicts
@code_options.uncertain
@code_options.benign
@code_options.tolerance_ms
@code_options.tolerance_utterances
@click.option("--rater", "raters", multiple=True, help="Use only this person's codes.")
@click.option(
    "--hold-out",
    metavar="N|FILE",
    help="Score N sessions separately, chosen by hash, or those that FILE lists.",
)
@click.option(
    "--config",
    "profile",
    help="Run roles and rules again with these settings; default: the workspace's moments.",
)
@click.option(
    "--plot", type=code_options.FILES, help="Plot precision and recall over score, as HTML."
)
@options.as_json
@options.workspace
def command(
    sessions: tuple[str, ...],
    codes: tuple[Path, ...],
    uncertain: tuple[Path, ...],
    benign: tuple[Path, ...],
    tolerance_ms: int | None,
    tolerance_utterances: int | None,
    raters: tuple[str, ...],
    hold_out: str | None,
    profile: str | None,
    plot: Path | None,
    workspace: Path,
    *,
    verdicts: bool,
    as_json: bool,
) -> None:
    """Score moments against human codes.

    SESSIONS are ids or paths; without any, all sessions that the codes name. A session that you
    name here and that has no codes counts as free of ruptures. Nothing in the workspace changes.
    """
    annotated = code_options.annotations(workspace, codes, uncertain, benign, verdicts=verdicts)
    if annotated is None:
        raise ConfigError("nothing to score against", expected="--codes FILE, or --verdicts")
    if raters:
        annotated = annotated.of_raters(raters)
    result = evaluate(
        workspace,
        annotated,
        sessions,
        tolerance=Tolerance.given(tolerance_ms, tolerance_utterances),
        settings=config.load(profile) if profile else None,
        processes=code_options.processors(),
    )
    parts = {"all sessions": result.evaluation}
    if hold_out:
        tuned, held = result.evaluation.split(hold_out)
        parts = {"sessions to tune on": tuned, "sessions held out": held}
    if plot:
        page = plots.page(parts).encode()
        write_private(plot, page, Place("folder of the plot", "--plot"))
    if as_json:
        scores = {name: text_report.machine(part) for name, part in parts.items()}
        click.echo(json.dumps(scores | {"remarks": result.remarks}, indent=1))
        return
    for name, part in parts.items():
        if len(parts) > 1:
            click.echo(f"== {name} ==")
        click.echo(text_report.text(part) + "\n")
    for line in result.remarks:
        click.echo(line)
