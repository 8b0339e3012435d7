"""The commands that compute: run, correct."""

import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pipeline import batch, config, session
from pipeline.assembly import Workbench
from pipeline.batch import Listener, Result
from pipeline.cli import reading
from pipeline.cli.progress import Log, Screen, set_up_logging
from pipeline.errors import ConfigError
from pipeline.registry import nearest
from pipeline.report.summary import SessionSummary, summarize, write
from pipeline.session import Walked
from pipeline.tables import ROLES_ALLOWED, SHORT_ID


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
    bench = Workbench(config.load(profile, overrides), workspace, profile=Path(profile).stem)
    set_up_logging()
    # The live line shows file names, so it is for those who may see them.
    live = on_terminal and sys.stderr.isatty() and show_names
    listener: Listener = Screen() if live else Log()
    results = batch.run(paths, bench, listener, options=sidecar, refresh=refresh)
    if as_json:
        click.echo(json.dumps([_machine(result, bench) for result in results], indent=1))
    else:
        write([_line(result, bench, show_names=show_names) for result in results], sys.stdout)
        if all(result.status == "kept" for result in results):
            click.echo("Nothing to compute: everything was there already.")
    return batch.exit_code(results)


def correct(name: str, roles: Mapping[str, str], workspace: Path, profile: str) -> None:
    """Note who is who and run roles and rules again."""
    for role in roles.values():
        if role not in ROLES_ALLOWED:
            raise ConfigError(f"unknown role '{role}'", expected=nearest(role, ROLES_ALLOWED))
    reading.require(workspace)
    bench = Workbench(config.load(profile), workspace, profile=Path(profile).stem)
    entry = bench.catalogue.find(name)
    _check(roles, session.reopen(entry.recording_id, bench.store), bench.profile)
    for speaker, role in roles.items():
        bench.catalogue.correct(entry.recording_id, speaker, role, dt.datetime.now(dt.UTC))
    with bench.store.lock():
        walked = bench.decide_again(entry.recording_id)
    for row in walked.tables["roles"].iter_rows(named=True):
        click.echo(f"{row['speaker']}: {row['role']} ({row['source']})")
    click.echo(f"{walked.tables['moments'].height} moments; the report is renewed")


def _check(roles: Mapping[str, str], walked: Walked, profile: str) -> None:
    """Refuse a correction that would change nothing, or rules other than those of the run."""
    speakers = walked.tables["roles"]["speaker"].to_list()
    for speaker in roles:
        if speaker not in speakers:
            raise ConfigError(
                f"no speaker '{speaker}' in this session", expected=nearest(speaker, speakers)
            )
    if walked.provenance.profile != profile:
        raise ConfigError(
            f"the session was walked with the settings '{walked.provenance.profile}', "
            f"and these are '{profile}'",
            expected="the same, for roles and rules are computed again",
            hint="say the --config of the run, or run the recording again with these settings",
        )


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
        "stages_s": {name: round(seconds, 3) for name, seconds in walked.seconds.items()},
        "engines": {e.task: [e.name, e.because] for e in walked.provenance.engines},
        "roles": dict(walked.tables["roles"].select("speaker", "role").iter_rows()),
        "moments": moments.select(shown).to_dicts(),
    }


def _report(result: Result, bench: Workbench) -> Path:
    return (bench.store.session(str(result.recording_id)) / "report.html").absolute()
