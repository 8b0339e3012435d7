"""The commands that compute: run, correct."""

import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pipeline import config, session
from pipeline.cli import sessions
from pipeline.cli.options import USUAL_PROFILE, USUAL_WORKSPACE, may_show_names
from pipeline.cli.output import Both, JsonLines, Output, Table
from pipeline.cli.progress import Log, Screen, set_up_logging
from pipeline.cli.signals import ignore_further
from pipeline.core.errors import EXIT_INTERRUPTED, ConfigError, TetherError
from pipeline.core.registry import nearest
from pipeline.core.spelling import printable
from pipeline.session import batch, intake
from pipeline.session.workbench import Workbench


def run(
    paths: Sequence[Path],
    workspace: Path,
    profile: str,
    *,
    engines: Mapping[str, str | None],
    sidecar: Mapping[str, Any],
    refresh: bool,
    as_json: bool,
    names: bool | None,
) -> int:
    """Walk all recordings and print what came of each; the exit code of the run."""
    show_names = may_show_names(names, as_json=as_json)
    on_terminal = sys.stdout.isatty() and not as_json
    passed_over = intake.PassedOver()
    output: Output = (
        JsonLines(passed_over, names=show_names)
        if as_json
        else Table(passed_over, names=show_names, labels=on_terminal and show_names)
    )
    # The live line shows file names, so it is for those who may see them.
    live = on_terminal and sys.stderr.isatty() and show_names
    progress = Screen() if live else Log()
    try:
        overrides = {f"engines.{task}": name for task, name in engines.items() if name}
        bench = bench_of(config.load(profile, overrides), workspace, profile)
        set_up_logging()
        listener = Both(progress, output, bench.store)
        code = batch.run(
            paths, bench, listener, options=sidecar, refresh=refresh, passed_over=passed_over
        )
    except KeyboardInterrupt:
        ignore_further()
        progress.stop()
        output.close(EXIT_INTERRUPTED)
        raise
    except TetherError as caught:
        progress.stop()
        output.close(caught.exit_code, error=str(caught))
        raise
    output.close(code)
    return code


def correct(
    name: str, roles: Mapping[str, str], workspace: Path, profile: str, *, anew: bool = False
) -> None:
    """Note who is who and run roles and rules again.

    Labels of speakers are printed on a terminal alone; elsewhere speakers go by number, and may be
    named so.

    Parameters
    ----------
    anew
        Do so under these settings, though the walk was under others.
    """
    sessions.require(workspace)
    bench = bench_of(config.load(profile), workspace, profile)
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
    """The label that a person typed, or the one of the speaker with that number."""
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
        expected=f"a label, which only a terminal shows, or one of: {', '.join(by_number)}",
    )


def bench_of(settings: config.Settings, workspace: Path, profile: str) -> Workbench:
    """A workbench whose reports name the options that lead back to it."""
    options: tuple[str, ...] = ()
    if str(workspace) != USUAL_WORKSPACE:
        options += ("--workspace", str(workspace))
    if profile != USUAL_PROFILE:
        options += ("--config", profile)
    return Workbench(settings, workspace, profile=Path(profile).stem, options=options)
