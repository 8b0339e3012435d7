"""The researcher's commands: evaluate, compare, tune."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pipeline.cli import options
from pipeline.cli.sections import RESEARCHER, Command

_FILES = click.Path(dir_okay=False, path_type=Path)

_codes = click.option("--codes", multiple=True, type=_FILES, help="CSV or ELAN (.eaf).")
_verdicts = click.option(
    "--verdicts", is_flag=True, help="What supervisors decided at the desk serves as codes too."
)
_uncertain = click.option(
    "--uncertain", multiple=True, type=_FILES, help="Places that count neither way."
)
_benign = click.option(
    "--benign", multiple=True, type=_FILES, help="Places that must not be flagged."
)
_ms = click.option(
    "--tolerance-ms", type=click.IntRange(min=0), help="A moment this near has found it."
)
_utterances = click.option(
    "--tolerance-utterances", type=click.IntRange(min=0), help="The same in utterances."
)
AS_WALKED = "walked"


@click.command(
    "evaluate",
    cls=Command,
    section=RESEARCHER,
    examples=(
        "tether evaluate --codes codes.csv --hold-out 8",
        "tether evaluate --verdicts --plot curve.html",
    ),
)
@click.argument("sessions", nargs=-1)
@_codes
@_verdicts
@_uncertain
@_benign
@_ms
@_utterances
@click.option("--rater", "raters", multiple=True, help="Only codes of this person.")
@click.option(
    "--hold-out",
    metavar="N|FILE",
    help="Score N sessions apart, chosen by hash, or those that a file lists.",
)
@click.option(
    "--config",
    "profile",
    help="Settings by which roles and rules are run again; by default moments are as walked.",
)
@click.option("--plot", type=_FILES, help="Write precision and recall over score as HTML.")
@options.as_json
@options.workspace
def evaluate_command(
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

    SESSIONS are ids or paths; without any, all sessions that the codes name. A session that is
    named here and not in the codes counts as free of ruptures. Nothing in the workspace changes.
    """
    from pipeline import config  # noqa: PLC0415  # as in `main`: --help answers at once
    from pipeline.core.errors import ConfigError  # noqa: PLC0415  # likewise
    from pipeline.research import evaluate, text_report  # noqa: PLC0415  # likewise

    said = _said(workspace, codes, uncertain, benign, verdicts=verdicts)
    if said is None:
        raise ConfigError("nothing to score against", expected="--codes FILE, or --verdicts")
    if raters:
        said = said.of_raters(raters)
    result = evaluate(
        workspace,
        said,
        sessions,
        tolerance=_tolerance(tolerance_ms, tolerance_utterances),
        settings=config.load(profile) if profile else None,
        processes=_processors(),
    )
    parts = {"all sessions": result.evaluation}
    if hold_out:
        tuned, held = result.evaluation.split(hold_out)
        parts = {"sessions to tune on": tuned, "sessions held out": held}
    if plot:
        from pipeline.research import plots  # noqa: PLC0415  # likewise
        from pipeline.workspace.store import Place, write_private  # noqa: PLC0415  # likewise

        page = plots.page(parts).encode()
        write_private(plot, page, Place("folder of the plot", "--plot"))
    if as_json:
        told = {name: text_report.machine(part) for name, part in parts.items()}
        click.echo(json.dumps(told | {"remarks": result.remarks}, indent=1))
        return
    for name, part in parts.items():
        if len(parts) > 1:
            click.echo(f"== {name} ==")
        click.echo(text_report.text(part) + "\n")
    for line in result.remarks:
        click.echo(line)


@click.command(
    "compare",
    cls=Command,
    section=RESEARCHER,
    examples=(
        "tether compare default mine.yaml --codes codes.csv",
        "tether compare walked strict",
    ),
)
@click.argument("first", metavar="CONFIG_A")
@click.argument("second", metavar="CONFIG_B")
@click.argument("sessions", nargs=-1)
@_codes
@_verdicts
@_uncertain
@_benign
@_ms
@_utterances
@options.as_json
@options.workspace
def compare_command(
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

    A config is a built-in profile, the path of a YAML file, or the word "walked": moments as they
    are in the workspace. SESSIONS are ids or paths; without any, all of the workspace. Nothing in
    it changes.
    """
    from pipeline import config, research  # noqa: PLC0415  # as in `main`: --help answers at once
    from pipeline.research import text_report  # noqa: PLC0415  # likewise

    before, after = (None if each == AS_WALKED else config.load(each) for each in (first, second))
    said = _said(workspace, codes, uncertain, benign, verdicts=verdicts)
    within = _tolerance(tolerance_ms, tolerance_utterances)
    comparison = research.compare(
        workspace, before, after, said, sessions, tolerance=within, processes=_processors()
    )
    if as_json:
        click.echo(json.dumps(text_report.changes_machine(comparison), indent=1))
        return
    click.echo(text_report.changes(comparison))


@click.command(
    "tune",
    cls=Command,
    section=RESEARCHER,
    examples=("tether tune sweep.yaml",),
)
@click.argument("sweep", type=_FILES)
@click.argument("sessions", nargs=-1)
@click.option(
    "--output",
    type=_FILES,
    help="Where the settings are written; by default beside SWEEP, with -tuned in the name.",
)
@options.as_json
@options.workspace
def tune_command(
    sweep: Path,
    sessions: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    workspace: Path,
) -> None:
    """Search for settings that do best against human codes.

    The file SWEEP says what is tried, on which codes. Folds are cut by session, and nothing is
    scored on what it was tuned on. The result is written as settings for --config, with a report
    beside it. Nothing in the workspace changes.
    """
    from pipeline.research import Annotations, sweeps, tune, tuning_report  # noqa: PLC0415  # as in `main`
    from pipeline.workspace.store import Place, write_private  # noqa: PLC0415  # likewise

    asked = sweeps.read(sweep)
    base = sweep.parent
    said = Annotations.read(
        asked.files("codes", base), asked.files("uncertain", base), asked.files("benign", base)
    )
    number = len(list(asked.points()))
    with click.progressbar(length=number, label="tuning", file=sys.stderr) as bar:

        def on_progress(_done: int, steps: int) -> None:
            bar.length = steps
            bar.update(1)

        found = tune(workspace, asked, said, sessions, on_progress, processes=_processors())
    chosen = output or sweep.with_name(f"{sweep.stem}-tuned.yaml")
    place = Place("folder of the settings", "--output")
    write_private(chosen, tuning_report.settings(found).encode(), place)
    text = tuning_report.report(found)
    told = chosen.with_suffix(".txt")
    write_private(told, f"{text}\n".encode(), place)
    if as_json:
        click.echo(json.dumps(tuning_report.machine(found), indent=1))
        return
    click.echo(f"{text}\n\nsettings: {chosen}\nreport:   {told}")


def _processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def _said(
    workspace: Path,
    codes: tuple[Path, ...],
    uncertain: tuple[Path, ...],
    benign: tuple[Path, ...],
    *,
    verdicts: bool,
) -> Any:
    """What people coded in files, and decided at the desk; None: neither is asked for."""
    from pipeline.cli import sessions as reading  # noqa: PLC0415  # likewise
    from pipeline.research import Annotations  # noqa: PLC0415  # likewise
    from pipeline.workspace.verdicts import Ledger  # noqa: PLC0415  # likewise

    if not codes and not verdicts:
        return None
    said = Annotations.read(codes, uncertain, benign)
    if verdicts:
        reading.require(workspace)
        said += Annotations.of_verdicts(Ledger(workspace).all())
    return said


def _tolerance(ms: int | None, utterances: int | None) -> Any:
    from pipeline.core.errors import ConfigError  # noqa: PLC0415  # likewise
    from pipeline.research import Tolerance  # noqa: PLC0415  # likewise

    if ms is not None and utterances is not None:
        raise ConfigError(
            "--tolerance-ms and --tolerance-utterances", expected="one of the two, or neither"
        )
    if utterances is not None:
        return Tolerance(utterances, "utterances")
    return None if ms is None else Tolerance(ms, "ms")


COMMANDS: Sequence[click.Command] = (evaluate_command, compare_command, tune_command)
