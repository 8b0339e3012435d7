"""Which sessions lie under the paths that a user named, and what lies there and is none."""

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
    """One session as the user named it: a recording, a transcript, or a sidecar with parts.

    Attributes
    ----------
    path
        The file that stands for the session.
    top
        The folder up to which ``tether.yaml`` is looked for.
    error
        Why it is no session; `source.read` raises it.
    """

    path: Path
    top: Path
    error: InputError | None = None


@dataclass
class PassedOver:
    """What lies in the folders of a run and is not run; the paths are for a terminal alone.

    Attributes
    ----------
    strays
        Files that look like sidecars and belong to no recording.
    others
        Files that are no session, no sidecar, and named by none.
    """

    strays: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)

    def sentences(self) -> tuple[str, ...]:
        """A count of each kind that there is."""
        counts = {
            "Sidecars that belong to no recording, not used": len(self.strays),
            "Files in folders that do not end like a recording, not run": len(self.others),
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
        Takes what lies there and is not taken; hidden files apart.
    limits
        How large sidecars may be; None: as in the default settings.
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
    # A file that a folder would not give may be named by itself as well.
    passed_over.others = [path for path in passed_over.others if place(path) not in sessions]
    return [_nameable(named) for named in sessions.values()]


@cache
def default_limits() -> config.Intake:
    """Those of the default settings."""
    return config.load().intake


def in_order(named: Iterable[Named], limits: config.Intake | None = None) -> list[Named]:
    """Sessions in the order of their numbers, else dates; without either, first and as they came.

    A sidecar with mistakes is reported when its session is read.
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
    """Files under `paths` that look like sidecars and belong to no recording; for a terminal only.

    Beside a recording that is named itself, those are meant that are called like it.
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
    """Whether a file is meant as a sidecar, by its name or what it says, and is read as none."""
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
        return False  # a session of its own, or reported as one that has mistakes
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
        return []  # a folder that may be passed through and not be listed


def _in_folder(folder: Path, passed_over: PassedOver, most: int) -> list[Named]:
    """Sessions in a folder; a file that is named media, and cannot be reached, is a failed one."""
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
            "no recording in this folder", expected="audio or video files; name a transcript itself"
        )
        return [Named(folder, folder, error)]
    return sorted(found, key=lambda named: named.path)


def _of_a_file(file: Path) -> bool:
    return on_disk(file.with_suffix("")).is_file()


def _files(folder: Path, closed: list[OSError]) -> Iterator[Path]:
    """Files, and links to folders, at any depth but hidden ones.

    Links to folders are not followed, so nothing loops. Folders that cannot be read come into
    `closed`: what lies in them must not be missed unseen.
    """
    for inside, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for path in (Path(inside, name) for name in folders) if path.is_symlink())
        yield from (Path(inside, name) for name in names if not name.startswith("."))


def is_media(path: Path) -> bool:
    """Whether a file is named as audio or video that FFmpeg reads."""
    return path.suffix.lower() in media_suffixes()


def _is_session(path: Path) -> bool:
    """Whether a file is named as a recording or a transcript."""
    return is_media(path) or path.suffix.lower() in transcripts.READERS


def _attached(found: Iterable[Named], most: int) -> set[str]:
    """Files that the sidecars of sessions name; mistakes are reported when they are read."""
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
