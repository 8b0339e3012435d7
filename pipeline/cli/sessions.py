"""The commands that read what is there: sessions, report, export.

What a list of sessions does not need is imported inside the others.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import may_show_names
from pipeline.core.errors import ConfigError, InputError, StoreError
from pipeline.core.spelling import SHORT_ID, printable
from pipeline.core.time import ms_to_clock
from pipeline.workspace.catalogue import Catalogue, Entry, path_hash
from pipeline.workspace.database import FILE, told
from pipeline.workspace.layout import glance

if TYPE_CHECKING:
    from pipeline.session import SessionResult
    from pipeline.workspace.store import Store


def require(workspace: Path) -> None:
    """Refuse a workspace that is not there: to read in it must not make it."""
    with told("read"):
        try:
            (workspace / FILE).lstat()
        except (FileNotFoundError, NotADirectoryError):
            pass
        else:
            return
    lacks = f"'{workspace}' is no workspace: it has no {FILE}"
    raise ConfigError(
        lacks if workspace.is_dir() else f"there is no workspace '{workspace}'",
        expected="a folder that `tether run` has made",
        hint="tether run RECORDING...",
    )


def _reopen(name: str, workspace: Path) -> "tuple[Store, SessionResult]":
    from pipeline import session  # noqa: PLC0415  # see the module's docstring
    from pipeline.workspace.store import Store  # noqa: PLC0415  # likewise

    require(workspace)
    store = Store(workspace)
    return store, session.reopen(Catalogue(workspace).find(name).recording_id, store)


def sessions(workspace: Path, *, as_json: bool, names: bool | None = None) -> None:
    """List what is in the workspace; of no session a table is read.

    Parameters
    ----------
    names
        Show where recordings lie; None: on a terminal alone.
    """
    require(workspace)
    show_names = may_show_names(names, as_json=as_json)
    entries = Catalogue(workspace).entries()
    rows = [_listed(entry, workspace, show_names=show_names) for entry in entries]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        moments = "not finished" if row["moments"] is None else f"{row['moments']} moments"
        if row["replaced"]:
            moments += ", replaced"
        short = str(row["recording_id"])[:SHORT_ID]
        where = row.get("path", row["path_hash"])
        click.echo(printable(f"{short}  {row['duration'] or '':>8}  {moments:<14}  {where}"))


def _listed(entry: Entry, workspace: Path, *, show_names: bool) -> dict[str, object]:
    row: dict[str, object] = {"recording_id": entry.recording_id}
    row |= {"path_hash": path_hash(entry.path)}
    row |= {"path": str(entry.path)} if show_names else {}
    row |= {"duration": None, "moments": None, "replaced": entry.replaced}
    try:
        found = glance(workspace, entry.recording_id)
    except (InputError, StoreError):  # never finished, or damaged: the others are listed
        return row
    return row | {"duration": ms_to_clock(found.duration_ms), "moments": found.moments}


def report(name: str, workspace: Path, output: Path | None = None) -> None:
    """Render the report again from the last walk; one with voices is removed.

    Parameters
    ----------
    output
        Write it to this file instead, and nothing to the workspace.
    """
    from pipeline.report import REPORT, WITH_CLIPS, render  # noqa: PLC0415  # see the docstring
    from pipeline.workspace.store import Place, told, write_private  # noqa: PLC0415  # likewise

    store, processed = _reopen(name, workspace)
    html = render(processed.recording, processed.tables, processed.provenance).encode("utf-8")
    if output is not None:
        write_private(output, html, Place("folder of the report", "--output"))
        click.echo(str(output))
        return
    folder = store.session(processed.recording.recording_id)
    try:
        with told("the report cannot be renewed"):
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


def report_with_clips(name: str, workspace: Path, profile: str) -> None:
    """Render the report with what is heard around its moments, into a file of its own."""
    from pipeline import config, session  # noqa: PLC0415  # see the module's docstring
    from pipeline.report import WITH_CLIPS, render  # noqa: PLC0415  # likewise
    from pipeline.report.number_format import count  # noqa: PLC0415  # likewise
    from pipeline.session.workbench import Workbench  # noqa: PLC0415  # likewise
    from pipeline.workspace.store import write_private  # noqa: PLC0415  # likewise

    require(workspace)
    bench = Workbench(config.load(profile), workspace)
    entry = bench.catalogue.find(name)
    processed = session.reopen(entry.recording_id, bench.store)
    if not entry.path.exists():
        raise InputError(
            "the recording of this session does not lie any more where it was",
            expected="the file that `tether sessions` names: a report has no sound of its own",
            hint="put it back there; or run `tether run` on it where it lies now",
        )
    with bench.store.lock():
        clips = bench.clips(processed, entry.path)
        html = render(processed.recording, processed.tables, processed.provenance, clips)
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
    from pipeline import exports  # noqa: PLC0415  # see the module's docstring
    from pipeline.workspace.store import Place, private_folder, write_private  # noqa: PLC0415  # likewise

    _, processed = _reopen(name, workspace)
    place = Place("output folder", "--output")
    private_folder(output, place)
    for file, content in exports.export(processed.recording, processed.tables, tables, fmt).items():
        path = output / f"{processed.recording.short_id}-{file}"
        write_private(path, content, place)
        click.echo(str(path))
