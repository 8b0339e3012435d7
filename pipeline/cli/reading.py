"""The commands that read what is there: sessions, report, export."""

import json
from pathlib import Path

import click

from pipeline import config, exports, session
from pipeline.assembly import Workbench
from pipeline.catalogue import Catalogue, path_hash
from pipeline.cli.options import may_show_names
from pipeline.errors import ConfigError, InputError, StoreError
from pipeline.report import REPORT, WITH_CLIPS, render
from pipeline.report.wording import count
from pipeline.session import Walked
from pipeline.store import Store, private_folder, write_private
from pipeline.tables import SHORT_ID
from pipeline.timebase import ms_to_clock


def require(workspace: Path) -> None:
    """Refuse a workspace that is not there: to read in it must not make it."""
    if not workspace.is_dir():
        raise ConfigError(
            f"there is no workspace '{workspace}'",
            expected="a folder that `tether run` has made",
            hint="tether run RECORDING...",
        )


def _open(workspace: Path) -> tuple[Store, Catalogue]:
    require(workspace)
    return Store(workspace), Catalogue(workspace)


def _reopen(name: str, workspace: Path) -> tuple[Store, Walked]:
    store, catalogue = _open(workspace)
    return store, session.reopen(catalogue.find(name).recording_id, store)


def sessions(workspace: Path, *, as_json: bool, names: bool | None = None) -> None:
    """List what is in the workspace; paths are for terminals, or for who asks for them."""
    shown = may_show_names(names, as_json=as_json)
    store, catalogue = _open(workspace)
    rows = []
    for entry in catalogue.entries():
        row: dict[str, object] = {"recording_id": entry.recording_id}
        row |= {"path_hash": path_hash(entry.path)} | ({"path": str(entry.path)} if shown else {})
        try:
            walked = session.reopen(entry.recording_id, store)
        except (InputError, StoreError):  # never finished, or damaged: the others are told
            rows.append({**row, "duration": None, "moments": None})
            continue
        duration = ms_to_clock(walked.recording.duration_ms)
        rows.append({**row, "duration": duration, "moments": walked.tables["moments"].height})
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for listed in rows:
        moments = "not finished" if listed["moments"] is None else f"{listed['moments']} moments"
        short = str(listed["recording_id"])[:SHORT_ID]
        where = listed["path"] if shown else listed["path_hash"]
        click.echo(f"{short}  {listed['duration'] or '':>8}  {moments:<14}  {where}")


def report(name: str, workspace: Path) -> None:
    """Render the report again from the last walk; one with voices is removed."""
    store, walked = _reopen(name, workspace)
    folder = store.session(walked.recording.recording_id)
    html = render(walked.recording, walked.tables, walked.provenance)
    write_private(folder / REPORT, html.encode("utf-8"))
    click.echo(str(folder / REPORT))
    if (folder / WITH_CLIPS).exists():
        (folder / WITH_CLIPS).unlink()
        click.echo(f"removed: {folder / WITH_CLIPS}")


def report_with_clips(name: str, workspace: Path, profile: str) -> None:
    """Render the report with what is heard around its moments, into a file of its own."""
    require(workspace)
    bench = Workbench(config.load(profile), workspace)
    entry = bench.catalogue.find(name)
    walked = session.reopen(entry.recording_id, bench.store)
    if not entry.path.exists():
        raise InputError(
            "the recording of this session does not lie any more where it was",
            expected="the file that `tether sessions` names: a report has no sound of its own",
            hint="put it back there; or run `tether run` on it where it lies now",
        )
    with bench.store.lock():
        clips = bench.clips(walked, entry.path)
        html = render(walked.recording, walked.tables, walked.provenance, clips)
        file = bench.store.session(entry.recording_id) / WITH_CLIPS
        write_private(file, html.encode("utf-8"))
    click.echo(str(file))
    if clips:
        click.echo(
            f"It holds voices, in {count(len(clips), 'clip')}. "
            "`tether report SESSION` without --with-clips removes it."
        )
    else:
        click.echo("It holds no voice, for no moment was flagged.")


def export(name: str, workspace: Path, tables: list[str], fmt: str, output: Path) -> None:
    """Write tables of a session into `output`; the id in each name keeps sessions apart."""
    _, walked = _reopen(name, workspace)
    private_folder(output)
    for file, content in exports.export(walked.recording, walked.tables, tables, fmt).items():
        path = output / f"{walked.recording.short_id}-{file}"
        write_private(path, content)
        click.echo(str(path))
