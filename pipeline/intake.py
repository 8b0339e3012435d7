"""Intake: what a user named becomes sources, each with its bytes hashed and its sidecar read.

A folder gives every audio or video file in it, at any depth. Beside a recording may lie a sidecar
``<file name>.yaml``; ``tether.yaml`` in the folder or above it (up to the folder that was named)
holds defaults. A transcript or diarization is used only where a sidecar or an option names it, or
where the user names the transcript itself: then it is a session without audio. A session of one
file per participant is named by its sidecar, whose key ``parts`` gives them.
"""

import datetime as dt
import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from pipeline.audio import media_suffixes
from pipeline.catalogue import place
from pipeline.database import FILE as DATABASE
from pipeline.errors import ChangingError, ConsentError, InputError
from pipeline.formats import transcript as transcripts
from pipeline.formats import yaml
from pipeline.formats.repairs import Repairs
from pipeline.ports import Attachment
from pipeline.spelling import on_disk, whole
from pipeline.store import canonical
from pipeline.tables import Metadata, Role

TRANSCRIPT_SUFFIXES = (".vtt", ".srt", ".textgrid", ".csv", ".json")
DEFAULTS = "tether.yaml"


Name = Annotated[str, AfterValidator(whole)]
"""Text as a person typed it; only accents are brought to one spelling."""


class Sidecar(BaseModel):
    """What a person says of a recording. Every key is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client: Name | None = None
    therapist: Name | None = None
    session_number: int | None = Field(default=None, ge=1)
    date: dt.date | None = None
    language: str | None = Field(default=None, pattern="^[a-z]{2,3}$")
    speakers: int | None = Field(default=None, ge=1, le=20)
    channels: dict[int, Role] = {}
    roles: dict[Name, Role] = {}
    consent: Name | None = None
    code: Name | None = None
    transcript: str | dict[Name, str] | None = None
    diarization: str | dict[Name, str] | None = None
    parts: dict[Role, str] | None = None

    @field_validator("parts")
    @classmethod
    def _each_once(cls, value: dict[Role, str] | None) -> dict[Role, str] | None:
        if value is not None and len(set(value.values())) < max(2, len(value)):
            msg = "two files or more, each of them once"
            raise ValueError(msg)
        return value

    def metadata(self) -> Metadata:
        """The part that travels with the recording."""
        channels = dict(sorted(self.channels.items()))
        if self.parts and not channels:
            channels = dict(enumerate(self.parts, start=1))
        return Metadata(
            client=self.client,
            therapist=self.therapist,
            session_number=self.session_number,
            date=self.date,
            language=self.language,
            speakers=self.speakers,
            channels=channels,
            roles=dict(self.roles),
            consent=self.consent,
            code=self.code,
        )


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
        Why it is no session; `read` raises it.
    """

    path: Path
    top: Path
    error: InputError | None = None


@dataclass(frozen=True)
class Source:
    """A session ready to be walked.

    Attributes
    ----------
    path
        The file that stands for it; for the catalogue only.
    recording_id
        SHA-256 of the bytes.
    audio
        Files to decode, none for a transcript alone.
    metadata
        From the sidecar.
    transcript, diarization
        Imported files; empty where there are none.
    repairs
        Sentences for a person: what was mended or passed over in sidecars, with counts.
    seen
        Each of its files with size in bytes and time of change in ns, as they were when hashed.
    """

    path: Path
    recording_id: str
    audio: tuple[Path, ...]
    metadata: Metadata
    transcript: tuple[Attachment, ...]
    diarization: tuple[Attachment, ...]
    repairs: tuple[str, ...] = ()
    seen: tuple[tuple[Path, int, int], ...] = ()

    def require_unchanged(self) -> None:
        """Refuse a recording that is no longer as it was hashed; one that is gone may be so.

        Raises
        ------
        ChangingError
            It was written to meanwhile, as a file is that is still being copied.
        """
        for path, *stamp in self.seen:
            if _stamp(path) not in (None, tuple(stamp)):
                raise ChangingError

    @property
    def sidecar(self) -> str:
        """Canonical JSON of the metadata, to compare sidecars."""
        fields = asdict(self.metadata)
        fields["date"] = str(fields["date"])
        fields["channels"] = {str(k): v for k, v in fields["channels"].items()}
        return canonical(fields).decode()


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


def discover(paths: Iterable[Path], passed_over: PassedOver | None = None) -> list[Named]:
    """Sessions under `paths`, each once, folders in the order of their file names.

    Parameters
    ----------
    passed_over
        Takes what lies there and is not taken; hidden files apart.
    """
    found: list[Named] = []
    passed_over = PassedOver() if passed_over is None else passed_over
    for path in map(on_disk, paths):
        passed_over.strays += strays([path])
        if path.is_dir():
            found += _in_folder(path, passed_over)
        elif path.exists():
            found.append(Named(path, path.parent))
        else:
            error = InputError("no such file or folder", hint="check the path")
            found.append(Named(path, path.parent, error))
    return [_nameable(named) for named in {place(named.path): named for named in found}.values()]


def in_order(named: Iterable[Named]) -> list[Named]:
    """Sessions in the order of their numbers, else dates; without either, first and as they came.

    A sidecar with mistakes is told when its session is read.
    """

    def when(one: Named) -> tuple[int, dt.date]:
        try:
            sidecar = _sidecar(place(one.path), one.top, {})
        except InputError:
            return 0, dt.date.min
        return sidecar.session_number or 0, sidecar.date or dt.date.min

    return sorted(named, key=when)


def strays(paths: Iterable[Path]) -> list[Path]:
    """Files under `paths` that look like sidecars and belong to no recording; for a terminal only.

    Beside a recording that is named itself, those are meant that are called like it.
    """
    found: list[Path] = []
    for path in map(on_disk, paths):
        if path.is_dir():
            files = sorted(_files(path, []))
            found += [file for file in files if _is_stray(file)]
        elif path.suffix.lower() not in _YAML:
            ending = (f"{path.name}.yml", *(f"{path.stem}{suffix}" for suffix in _YAML))
            beside = (on_disk(path.with_name(name)) for name in ending)
            found += [file for file in beside if file.is_file() and _is_stray(file)]
    return found


_YAML = (".yaml", ".yml")


def _is_stray(file: Path) -> bool:
    """Whether a file is meant as a sidecar, by its name or what it says, and is read as none."""
    if file.suffix.lower() not in _YAML or file.name == DEFAULTS or not file.is_file():
        return False
    owner = on_disk(file.with_suffix(""))
    recording = _is_session(owner)
    if file.suffix == ".yaml" and recording and owner.is_file():
        return False
    try:
        document = _document(file)
        keys = document.data.keys()
    except InputError:
        keys = set()
    if file.suffix == ".yaml" and keys & {"parts", "transcript"}:
        return False  # a session of its own, or told as one that has mistakes
    like = whole(file.stem)
    return (
        recording
        or (bool(keys) and keys <= Sidecar.model_fields.keys())
        or any(whole(beside.stem) == like for beside in _beside(file) if _is_session(beside))
    )


def _beside(file: Path) -> list[Path]:
    try:
        return list(file.parent.iterdir())
    except OSError:
        return []  # a folder that may be passed through and not be listed


def _in_folder(folder: Path, passed_over: PassedOver) -> list[Named]:
    """Sessions in a folder; a file that is named media, and cannot be reached, is a failed one."""
    closed: list[OSError] = []
    files, others = [], []
    found: list[Named] = []
    for path in sorted(_files(folder, closed)):
        error = _unreachable(path)
        if error is None:
            files.append(path)
        elif _is_media(path) and not path.is_dir():
            found.append(Named(path, folder, error))
        else:
            others.append(path)
    found += [Named(Path(str(caught.filename)), folder, _unreadable(caught)) for caught in closed]
    parts: set[Path] = set()
    for path in files:
        if path.suffix == ".yaml" and path.name != DEFAULTS and not _of_a_file(path):
            try:
                sidecar = _parse_stray(path)
            except InputError as caught:
                found.append(Named(path, folder, caught))
                continue
            if sidecar and (sidecar.parts or sidecar.transcript):
                named = (sidecar.parts or {}).values()
                parts |= {on_disk(path.parent / part).resolve() for part in named}
                found.append(Named(path, folder))
    found += [
        Named(path, folder) for path in files if _is_media(path) and path.resolve() not in parts
    ]
    used = parts | _named_by(found)
    workspaces = {path.parent for path in files if path.name == DATABASE}
    others += [
        path
        for path in set(files) - {named.path for named in found}
        if path.suffix.lower() not in _YAML
        and path.resolve() not in used
        and workspaces.isdisjoint(path.parents)
    ]
    passed_over.others += sorted(others)
    if not found:
        error = InputError("no recording in this folder", expected="audio or video files")
        return [Named(folder, folder, error)]
    return sorted(found, key=lambda named: named.path)


def _of_a_file(sidecar: Path) -> bool:
    return on_disk(sidecar.with_suffix("")).is_file()


def _files(folder: Path, closed: list[OSError]) -> Iterator[Path]:
    """Files, and links to folders, at any depth but hidden ones.

    Links to folders are not followed, so nothing loops. Folders that cannot be read come into
    `closed`: what lies in them must not be missed unseen.
    """
    for inside, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for path in (Path(inside, name) for name in folders) if path.is_symlink())
        yield from (Path(inside, name) for name in names if not name.startswith("."))


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in media_suffixes()


def _is_session(path: Path) -> bool:
    """Whether a file is named as a recording or a transcript."""
    return _is_media(path) or path.suffix.lower() in TRANSCRIPT_SUFFIXES


def _unreachable(path: Path) -> InputError | None:
    """Why a file cannot be read as one; None: it can."""
    try:
        mode = path.stat().st_mode
    except OSError as caught:
        if path.is_symlink():
            return InputError(
                "a link that leads nowhere",
                hint="connect the drive or the share that it leads to, or delete the link",
            )
        return _unreadable(caught)
    return None if stat.S_ISREG(mode) else InputError("this is not a regular file")


def _named_by(found: Iterable[Named]) -> set[Path]:
    """Files that the sidecars of sessions name; one with mistakes is told when it is read."""
    named: set[Path] = set()
    for one in found:
        file = _sidecar_path(one.path)
        try:
            sidecar = _parse(file) if file.is_file() else None
        except InputError:
            continue
        for names in (sidecar.transcript, sidecar.diarization) if sidecar else ():
            each = names.values() if isinstance(names, dict) else [names] if names else []
            named |= {(file.parent / name).resolve() for name in each}
    return named


def _nameable(named: Named) -> Named:
    try:
        str(named.path).encode()
    except UnicodeEncodeError:
        error = InputError("a file or folder whose name is not UTF-8", hint="rename it")
        return replace(named, error=error)
    return named


def read(
    named: Named,
    options: Mapping[str, Any] | None = None,
    *,
    consent: bool,
    rest_s: float = 0,
) -> Source:
    """Hash the bytes, read the sidecar and what it names.

    Parameters
    ----------
    options
        Keys of the sidecar as the command line gave them; they win. Files that they name are
        looked for in the working directory, those of a sidecar in its folder.
    consent
        Whether a consent reference is required.
    rest_s
        Seconds for which a recording must not have changed; one that did is waited for so long.

    Raises
    ------
    InputError
        The sidecar has mistakes, or a file that it names cannot be read.
    ChangingError
        The recording is still being written.
    ConsentError
        Consent is required and there is no reference.
    """
    if named.error:
        raise named.error
    path = place(named.path)
    sidecar = _sidecar(path, named.top, options or {})
    if consent and not sidecar.consent:
        raise ConsentError(
            "no consent reference",
            expected="'consent: REFERENCE' in the sidecar, for these settings require it",
            hint="add it to the sidecar, or run with --consent REFERENCE",
        )
    base = path.parent
    if sidecar.parts:
        audio = tuple(on_disk(base / part) for part in sidecar.parts.values())
    elif path.suffix.lower() in (*TRANSCRIPT_SUFFIXES, ".yaml"):
        audio = ()
    else:
        audio = (path,)
    seen = _at_rest(audio or (path,), rest_s)
    transcript = _attachments(sidecar.transcript, base)
    if not audio and not transcript:
        if path.suffix.lower() == ".yaml":
            raise InputError(
                "this sidecar names neither parts nor a transcript",
                expected="'parts: {therapist: FILE, client: FILE}' or 'transcript: FILE'",
                hint="name the recording itself",
            )
        transcript = (_attachment(path, None),)
    diarization = _attachments(sidecar.diarization, base)
    metadata = sidecar.metadata()
    roles, _ = _stated(diarization)
    own_roles, language = _stated(transcript)
    source = Source(
        path=path,
        recording_id=_identify(audio, transcript),
        audio=audio,
        metadata=replace(
            metadata,
            roles=roles | own_roles | dict(metadata.roles),
            language=metadata.language or language,
        ),
        transcript=transcript,
        diarization=diarization,
        seen=seen,
    )
    source.require_unchanged()
    return source


def _at_rest(files: Sequence[Path], rest_s: float) -> tuple[tuple[Path, int, int], ...]:
    """Size and time of change of files that have not changed for `rest_s` seconds."""
    seen = {path: stamp for path in files if (stamp := _stamp(path))}
    now_ns = time.time_ns()
    if any(now_ns - changed_ns < rest_s * 1e9 for _, changed_ns in seen.values()):
        time.sleep(rest_s)
        if seen != {path: stamp for path in files if (stamp := _stamp(path))}:
            raise ChangingError
    return tuple((path, *stamp) for path, stamp in seen.items())


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size in bytes and time of change in ns; None where there is nothing."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _stated(files: tuple[Attachment, ...]) -> tuple[dict[str, Role], str | None]:
    """Roles and language that imported files state; the sidecar's word wins."""
    if not any(file.suffix in (".csv", ".json") for file in files):
        return {}, None
    try:
        content = transcripts.load(files)
    except InputError:
        return {}, None  # told by the engine that imports it, if one does
    return dict(content.roles), content.language


def _identify(audio: tuple[Path, ...], transcript: tuple[Attachment, ...]) -> str:
    """SHA-256 of the one file, or over the digests of several."""
    if audio:
        digests = [_hash(path) for path in audio]
    else:
        digests = [hashlib.sha256(part.content).hexdigest() for part in transcript]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as caught:
        raise _unreadable(caught) from caught


def _sidecar(path: Path, top: Path, options: Mapping[str, Any]) -> Sidecar:
    """Folder defaults, the sidecar and the options, the later winning."""
    merged: dict[str, Any] = {}
    top = top.resolve()
    folders = [folder for folder in path.parents if folder == top or top in folder.parents]
    for file in [*(folder / DEFAULTS for folder in reversed(folders)), _sidecar_path(path)]:
        if file.is_file():
            merged |= _parse(file).model_dump(exclude_unset=True)
    merged |= {key: _from_here(value) if key in _FILES else value for key, value in options.items()}
    return yaml.validate(Sidecar, yaml.Document(merged, "options"), InputError, private=True)


_FILES = ("transcript", "diarization", "parts")


def _from_here(files: Any) -> Any:
    if isinstance(files, Mapping):
        return {key: _from_here(file) for key, file in files.items()}
    return str(Path(files).absolute())


def _sidecar_path(path: Path) -> Path:
    return path if path.suffix == ".yaml" else on_disk(path.with_name(f"{path.name}.yaml"))


def _parse(path: Path) -> Sidecar:
    return yaml.validate(Sidecar, _document(path), InputError, private=True)


def _parse_stray(path: Path) -> Sidecar | None:
    """The sidecar in a YAML file beside no recording; None if it is somebody else's file."""
    try:
        document = _document(path)
    except InputError:
        return None
    if not document.data.keys() & {"parts", "transcript"}:
        return None
    return yaml.validate(Sidecar, document, InputError, private=True)


def _document(path: Path) -> yaml.Document:
    name = "tether.yaml" if path.name == DEFAULTS else "sidecar"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8 text", hint="save it as UTF-8") from None
    except OSError as caught:
        raise _unreadable(caught) from caught
    document = yaml.parse(text, name, InputError, as_typed=True)
    if not isinstance(document.data, dict):
        raise InputError(f"{name}: not a mapping", expected="lines such as 'client: C-01'")
    return document


def _attachments(names: str | dict[str, str] | None, base: Path) -> tuple[Attachment, ...]:
    if names is None:
        return ()
    if isinstance(names, str):
        return (_attachment(base / names, None),)
    return tuple(_attachment(base / name, speaker) for speaker, name in names.items())


def _attachment(path: Path, speaker: str | None) -> Attachment:
    path = on_disk(path)
    try:
        return Attachment(path.suffix.lower(), path.read_bytes(), speaker)
    except OSError as caught:
        raise _unreadable(caught) from caught


def _unreadable(caught: OSError) -> InputError:
    reason = (caught.strerror or "unknown reason").lower()
    return InputError(f"a file cannot be read: {reason}", hint="check path and permissions")
