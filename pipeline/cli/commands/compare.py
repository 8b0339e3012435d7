"""``tether compare``: what another configuration changes."""

import json
from pathlib import Path

import click

from pipeline import config, research
from pipeline.cli import code_options, options
from pipeline.cli.sections import Command
from pipeline.research import Tolerance, text_report

AS_PROCESSED = "walked"


@click.command(
    "compare",
    cls=Command,
    examples=(
        "tether compare default mine.yaml --codes codes.csv",
        "tether compare walked strict",
    ),
)
@click.argument("first", metavar="CONFIG_A")
@click.argument("second", metavar="CONFIG_B")
@click.argument("sessions", nargs=-1)
@code_options.codes
@code_options.verdicts
@code_options.uncertain
@code_options.benign
@code_options.tolerance_ms
@code_options.tolerance_utterances
@options.as_json
@options.workspace
def command(
    first: str,
    second: str,
    sessions: tuple[str, ...],
    codes: tuple[Path, ...],
    uncertain: tuple[Path, ...],
    benign: tuple[Path, ...],
    tolerance_ms: int | None,
    tolerance_utterances: int | None,
    workspace: Path,
    *,
    verdicts: bool,
    as_json: bool,
) -> None:
    """Compare two configurations, moment by moment.

    With codes, it also says whether the change helped.

    A configuration is a built-in profile, a YAML file, or the word "walked": the moments that the
    workspace holds now. SESSIONS are ids or paths; without any, all sessions of the workspace.
    Nothing in the workspace changes.
    """
    before, after = (
        None if each == AS_PROCESSED else config.load(each) for each in (first, second)
    )
    annotated = code_options.annotations(workspace, codes, uncertain, benign, verdicts=verdicts)
    within = Tolerance.given(tolerance_ms, tolerance_utterances)
    comparison = research.compare(
        workspace,
        before,
        after,
        annotated,
        sessions,
        tolerance=within,
        processes=code_options.processors(),
    )
    if as_json:
        click.echo(json.dumps(text_report.changes_machine(comparison), indent=1))
        return
    click.echo(text_report.changes(comparison))
