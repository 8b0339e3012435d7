"""The commands that compute: run, correct."""

import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pipeline import batch, config
from pipeline.assembly import Workbench
from pipeline.batch import Listener, Result
from pipeline.cli import reading
from pipeline.cli.options import USUAL_PROFILE, USUAL_WORKSPACE
from pipeline.cli.progress import Log, Screen, set_up_logging
from pipeline.report import REPORT, wording
from pipeline.report.summary import SessionSummary, printable, summarize, write
from pipeline.tables import SHORT_ID


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
    """Walk all recordings and print the summary; the exit code of the run."""
    on_terminal = sys.stdout.isatty() and not as_json
    show_names = on_terminal if names is None else names
    overrides = {f"engines.{task}": name for task, name in engines.items() if name}
    bench = bench_of(config.load(profile, overrides), workspace, profile)
    set_up_logging()
    # The live line shows file names, so it is for those who may see them.
    live = on_terminal and sys.stderr.isatty() and show_names
    listener: Listener = Screen() if live else Log()
    passed: list[Path] = []
    results = batch.run(
        paths, bench, listener, options=sidecar, refresh=refresh, passed_over=passed
    )
    if as_json:
        beside = {"passed_over": len(passed)}  # in the folders of the run, not by this recording
        click.echo(json.dumps([_machine(each, bench) | beside for each in results], indent=1))
    else:
        write([_line(result, bench, show_names=show_names) for result in results], sys.stdout)
        _say_what_was_passed_over(passed, show_names=show_names)
        if show_names:  # the commands hold labels of speakers, which may be names
            _say_what_to_type(results)
        if all(result.status == "kept" for result in results):
            click.echo("Nothing to compute: everything was there already.")
    return batch.exit_code(results)


def correct(
    name: str, roles: Mapping[str, str], workspace: Path, profile: str, *, anew: bool = False
) -> None:
    """Note who is who and run roles and rules again.

    Parameters
    ----------
    anew
        Do so under these settings, though the walk was under others.
    """
    reading.require(workspace)
    bench = bench_of(config.load(profile), workspace, profile)
    recording_id = bench.catalogue.find(name).recording_id
    walked = bench.correct(recording_id, roles, dt.datetime.now(dt.UTC), anew=anew)
    for row in walked.tables["roles"].iter_rows(named=True):
        click.echo(f"{row['speaker']}: {row['role']} ({row['source']})")
    click.echo(f"{walked.tables['moments'].height} moments; the report is renewed")


def bench_of(settings: config.Settings, workspace: Path, profile: str) -> Workbench:
    """A workbench whose reports name the options that lead back to it."""
    options: tuple[str, ...] = ()
    if str(workspace) != USUAL_WORKSPACE:
        options += ("--workspace", str(workspace))
    if profile != USUAL_PROFILE:
        options += ("--config", profile)
    return Workbench(settings, workspace, profile=Path(profile).stem, options=options)


def _say_what_was_passed_over(passed: Sequence[Path], *, show_names: bool) -> None:
    """How many files in the folders are no recordings; on a terminal, which."""
    if not passed:
        return
    count = wording.count(len(passed), "file")
    click.echo(f"Passed over: {count} not named as a recording.")
    if show_names:
        for path in passed[:_MOST_NAMES]:
            click.echo(f"  {printable(path.name)}")
        if len(passed) > _MOST_NAMES:
            click.echo(f"  and {len(passed) - _MOST_NAMES} more")


_MOST_NAMES = 20


def _say_what_to_type(results: Sequence[Result]) -> None:
    """The commands that set roles, where therapist and client are not both known."""
    for result in results:
        if result.walked is None:
            continue
        roles = set(result.walked.tables["roles"]["role"])
        if result.walked.provenance.role_commands and not {"therapist", "client"} <= roles:
            click.echo(f"who is who in {result.walked.recording.short_id}? One of:")
            for command in result.walked.provenance.role_commands:
                click.echo(f"  {command}")


def _line(result: Result, bench: Workbench, *, show_names: bool) -> SessionSummary:
    short = (result.recording_id or "")[:SHORT_ID] or f"recording {result.number}"
    label = result.path.name if show_names else short
    if result.walked is None:
        return SessionSummary(label, result.status, note=(result.error or "").partition("\n")[0])
    report = str(_report(result, bench))
    walked = result.walked
    return summarize(
        walked.recording, walked.tables, label=label, status=result.status, report=report
    )


def _machine(result: Result, bench: Workbench) -> dict[str, Any]:
    """A result for machines: `number` is the place of the file in the run, names are left out."""
    told: dict[str, Any] = {
        "number": result.number,
        "recording_id": result.recording_id,
        "status": result.status,
        "exit_code": result.exit_code,
        "error": result.error,
        "seconds": round(result.seconds, 3),
    }
    if result.walked is None:
        return told
    walked = result.walked
    moments = walked.tables["moments"]
    shown = ("moment_id", "kind", "marker", "start_ms", "end_ms", "score", "response")
    return told | {
        "duration_ms": walked.recording.duration_ms,
        "report": str(_report(result, bench)),
        "computed": walked.computed,
        "stale": walked.stale,
        "mended": walked.mended,
        "notes": walked.provenance.notes,
        "stages_s": {name: round(seconds, 3) for name, seconds in walked.seconds.items()},
        "engines": {e.task: [e.name, e.because] for e in walked.provenance.engines},
        "roles": dict(walked.tables["roles"].select("speaker", "role").iter_rows()),
        "moments": moments.select(shown).to_dicts(),
    }


def _report(result: Result, bench: Workbench) -> Path:
    return (bench.store.session(str(result.recording_id)) / REPORT).absolute()
