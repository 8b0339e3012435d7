"""Find the sessions under the paths that a user gave, and the files that are skipped."""

import datetime as dt
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from pipeline import config
from pipeline.audio import media_suffixes
from pipeline.core.errors import InputError
from pipeline.core.spelling import on_disk, whole
from pipeline.formats import transcript as transcripts
from pipeline.formats.repairs import Repairs
from pipeline.session.intake import files, sidecar
from pipeline.workspace.catalogue import place
from pipeline.workspace.database import FILE as DATABASE

_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Named:
    """One session as the user gave it: a recording, a transcript, or a notes file with parts.

    Attributes
    ----------
    path
        The file that represents the session.
    top
        The highest folder in which ``tether.yaml`` is looked for.
    error
        Why it is not a session; `source.read` raises it.
    """

    path: Path
    top: Path
    error: InputError | None = None


@dataclass
class PassedOver:
    """Files in the folders of a run that are not processed; paths are for a terminal only.

    Attributes
    ----------
    strays
        Files that look like session notes files and belong to no recording.
    others
        Files that are neither a session nor a session notes file, nor named by one.
    """

    strays: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)

    def sentences(self) -> tuple[str, ...]:
        """A count for each kind that occurs."""
        counts = {
            "Session notes files without a recording, not used": len(self.strays),
            "Files in folders without a recording's suffix, not processed": len(self.others),
        }
        return Repairs(counts).sentences()


def discover(
    paths: Iterable[Path],
    passed_over: PassedOver | None = None,
    limits: config.Intake | None = None,
) -> list[Named]:
    """Sessions under `paths`, each once, folders in the order of their file names.

    Parameters
    ----------
    passed_over
        Collects the files that are skipped, except hidden ones.
    limits
        Limits on the size of session notes files; None: those of the default settings.
    """
    most = (limits or default_limits()).sidecar_bytes
    passed_over = PassedOver() if passed_over is None else passed_over
    found: list[Named] = []
    for path in map(on_disk, paths):
        passed_over.strays += strays([path], most)
        if path.is_dir():
            found += _in_folder(path, passed_over, most)
        elif path.exists():
            found.append(Named(path, path.parent))
        else:
            error = InputError("no such file or folder", hint="check the path")
            found.append(Named(path, path.parent, error))
    sessions = {place(named.path): named for named in found}
    # A file that is skipped in a folder may have been given on its own too.
    passed_over.others = [path for path in passed_over.others if place(path) not in sessions]
    return [_nameable(named) for named in sessions.values()]


@cache
def default_limits() -> config.Intake:
    """Limits in the default settings."""
    return config.load().intake


def in_order(named: Iterable[Named], limits: config.Intake | None = None) -> list[Named]:
    """Sort sessions by number, then date; those with neither come first, in the given order.

    Errors in a session notes file are reported when its session is read.
    """
    most = (limits or default_limits()).sidecar_bytes

    def when(one: Named) -> tuple[int, dt.date]:
        try:
            found = sidecar.read(place(one.path), one.top, {}, most)
        except InputError:
            return 0, dt.date.min
        return found.session_number or 0, found.date or dt.date.min

    return sorted(named, key=when)


def strays(paths: Iterable[Path], most: int | None = None) -> list[Path]:
    """Files under `paths` that look like session notes files without a recording.

    The paths are for a terminal only. For a path to a recording, only files beside it with a
    similar name are considered.
    """
    most = default_limits().sidecar_bytes if most is None else most
    found: list[Path] = []
    for path in map(on_disk, paths):
        if path.is_dir():
            found += [file for file in sorted(_files(path, [])) if _is_stray(file, most)]
        elif path.suffix.lower() not in _YAML:
            ending = (f"{path.name}.yml", *(f"{path.stem}{suffix}" for suffix in _YAML))
            beside = (on_disk(path.with_name(name)) for name in ending)
            found += [file for file in beside if file.is_file() and _is_stray(file, most)]
    return found


def _is_stray(file: Path, most: int) -> bool:
    """Whether a file looks like a session notes file by name or content, but is not used."""
    if (
        file.suffix.lower() not in _YAML
        or file.name == sidecar.DEFAULTS
        or files.unreachable(file) is not None
    ):
        return False
    owner = on_disk(file.with_suffix(""))
    recording = _is_session(owner)
    if file.suffix == ".yaml" and recording and owner.is_file():
        return False
    try:
        keys = sidecar.document(file, most).data.keys()
    except InputError:
        keys = set()
    if file.suffix == ".yaml" and keys & {"parts", "transcript"}:
        return False  # a session itself, or reported as one with errors
    like = whole(file.stem)
    return (
        recording
        or (bool(keys) and keys <= sidecar.Sidecar.model_fields.keys())
        or any(whole(beside.stem) == like for beside in _beside(file) if _is_session(beside))
    )


def _beside(file: Path) -> list[Path]:
    try:
        return list(file.parent.iterdir())
    except OSError:
        return []  # a folder that can be entered but not listed


def _in_folder(folder: Path, passed_over: PassedOver, most: int) -> list[Named]:
    """Sessions in a folder; a media file that cannot be read is a failed session."""
    closed: list[OSError] = []
    there, others = [], []
    found: list[Named] = []
    for path in sorted(_files(folder, closed)):
        error = files.unreachable(path)
        if error is None:
            there.append(path)
        elif is_media(path) and not path.is_dir():
            found.append(Named(path, folder, error))
        else:
            others.append(path)
    found += [
        Named(Path(str(caught.filename)), folder, files.unreadable(caught)) for caught in closed
    ]
    parts: set[str] = set()
    for path in there:
        if path.suffix == ".yaml" and path.name != sidecar.DEFAULTS and not _of_a_file(path):
            try:
                stray = sidecar.parse_stray(path, most)
            except InputError as caught:
                found.append(Named(path, folder, caught))
                continue
            if stray and (stray.parts or stray.transcript):
                named = (stray.parts or {}).values()
                parts |= {os.path.realpath(on_disk(path.parent / part)) for part in named}
                found.append(Named(path, folder))
    found += [
        Named(path, folder)
        for path in there
        if is_media(path) and os.path.realpath(path) not in parts
    ]
    used = parts | _attached(found, most)
    workspaces = {path.parent for path in there if path.name == DATABASE}
    others += [
        path
        for path in set(there) - {named.path for named in found}
        if path.suffix.lower() not in _YAML
        and os.path.realpath(path) not in used
        and workspaces.isdisjoint(path.parents)
    ]
    passed_over.others += sorted(others)
    if not found:
        error = InputError(
            "no recording in this folder",
            expected="audio or video files; give a transcript by its own path",
        )
        return [Named(folder, folder, error)]
    return sorted(found, key=lambda named: named.path)


def _of_a_file(file: Path) -> bool:
    return on_disk(file.with_suffix("")).is_file()


def _files(folder: Path, closed: list[OSError]) -> Iterator[Path]:
    """Files, and links to folders, at any depth, except hidden ones.

    Links to folders are not followed, so there are no loops. Folders that cannot be read go into
    `closed`, so that their content is not missed silently.
    """
    for inside, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for path in (Path(inside, name) for name in folders) if path.is_symlink())
        yield from (Path(inside, name) for name in names if not name.startswith("."))


def is_media(path: Path) -> bool:
    """Whether a file has the suffix of audio or video that FFmpeg reads."""
    return path.suffix.lower() in media_suffixes()


def _is_session(path: Path) -> bool:
    """Whether a file has the suffix of a recording or a transcript."""
    return is_media(path) or path.suffix.lower() in transcripts.READERS


def _attached(found: Iterable[Named], most: int) -> set[str]:
    """Files that session notes files name; errors are reported when the sessions are read."""
    named: set[str] = set()
    for one in found:
        file = sidecar.place(one.path)
        if not file.is_file():
            continue
        try:
            attached = sidecar.parse(file, most).attached()
        except InputError:
            continue
        named |= {os.path.realpath(on_disk(file.parent / name)) for name in attached}
    return named


def _nameable(named: Named) -> Named:
    try:
        str(named.path).encode()
    except UnicodeEncodeError:
        error = InputError("a file or folder whose name is not UTF-8", hint="rename it")
        return replace(named, error=error)
    return named
