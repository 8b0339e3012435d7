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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.catalogue import place
from pipeline.errors import ConsentError, InputError
from pipeline.formats import transcript as transcripts
from pipeline.formats import yaml
from pipeline.formats.language import understood
from pipeline.ports import Attachment
from pipeline.store import canonical
from pipeline.tables import Metadata, Role

# What a folder is searched for; a file named by itself may end as it likes.
MEDIA_SUFFIXES = (
    *(".wav", ".wave", ".w64", ".flac", ".mp3", ".mp2", ".m4a", ".m4b", ".aac", ".ogg", ".oga"),
    *(".opus", ".webm", ".mka", ".mkv", ".mp4", ".m4v", ".mov", ".wma", ".aiff", ".aif", ".aifc"),
    *(".caf", ".amr", ".3gp", ".avi", ".au", ".dss", ".ds2"),
)
DEFAULTS = "tether.yaml"


class Sidecar(BaseModel):
    """What a person says of a recording. Every key is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client: str | None = None
    therapist: str | None = None
    session_number: int | None = Field(default=None, ge=1)
    date: dt.date | None = None
    language: str | None = None
    speakers: int | None = Field(default=None, ge=1, le=20)
    channels: dict[int, Role] = {}
    roles: dict[str, Role] = {}
    consent: str | None = None
    code: str | None = None
    transcript: str | dict[str, str] | None = None
    diarization: str | dict[str, str] | None = None
    parts: dict[Role, str] | None = None

    @field_validator("client", "therapist", "consent", "code", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value

    _language = field_validator("language", mode="before")(understood)

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
    """

    path: Path
    recording_id: str
    audio: tuple[Path, ...]
    metadata: Metadata
    transcript: tuple[Attachment, ...]
    diarization: tuple[Attachment, ...]
    repairs: tuple[str, ...] = ()

    @property
    def sidecar(self) -> str:
        """Canonical JSON of the metadata, to compare sidecars."""
        fields = asdict(self.metadata)
        fields["date"] = str(fields["date"])
        fields["channels"] = {str(k): v for k, v in fields["channels"].items()}
        return canonical(fields).decode()


def discover(paths: Iterable[Path]) -> list[Named]:
    """Sessions under `paths`, each once, folders in the order of their file names."""
    found: list[Named] = []
    for path in paths:
        if path.is_dir():
            found += _in_folder(path)
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


def _in_folder(folder: Path) -> list[Named]:
    closed: list[OSError] = []
    files = sorted(path for path in _files(folder, closed) if path.is_file())
    found = [Named(Path(str(caught.filename)), folder, _unreadable(caught)) for caught in closed]
    parts: set[Path] = set()
    for path in files:
        if path.suffix == ".yaml" and path.name != DEFAULTS and not path.with_suffix("").is_file():
            try:
                sidecar = _parse_stray(path)
            except InputError as caught:
                found.append(Named(path, folder, caught))
                continue
            if sidecar and (sidecar.parts or sidecar.transcript):
                named = (sidecar.parts or {}).values()
                parts |= {(path.parent / part).resolve() for part in named}
                found.append(Named(path, folder))
    found += [
        Named(path, folder)
        for path in files
        if path.suffix.lower() in MEDIA_SUFFIXES and path.resolve() not in parts
    ]
    if not found:
        error = InputError("no recording in this folder", expected="audio or video files")
        return [Named(folder, folder, error)]
    return sorted(found, key=lambda named: named.path)


def _files(folder: Path, closed: list[OSError]) -> Iterator[Path]:
    """Files at any depth but hidden ones; links to folders are not followed, so nothing loops.

    Folders that cannot be read come into `closed`: what lies in them must not be missed unseen.
    """
    for inside, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(inside, name) for name in names if not name.startswith("."))


def _nameable(named: Named) -> Named:
    try:
        str(named.path).encode()
    except UnicodeEncodeError:
        error = InputError("a file or folder whose name is not UTF-8", hint="rename it")
        return replace(named, error=error)
    return named


def read(named: Named, options: Mapping[str, Any] | None = None, *, consent: bool) -> Source:
    """Hash the bytes, read the sidecar and what it names.

    Parameters
    ----------
    options
        Keys of the sidecar as the command line gave them; they win. Files that they name are
        looked for in the working directory, those of a sidecar in its folder.
    consent
        Whether a consent reference is required.

    Raises
    ------
    InputError
        The sidecar has mistakes, or a file that it names cannot be read.
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
    transcript = _attachments(sidecar.transcript, base)
    if sidecar.parts:
        audio = tuple(base / part for part in sidecar.parts.values())
    elif path.suffix.lower() in transcripts.READERS:
        audio = ()
        transcript = transcript or (_attachment(path, None),)
    elif path.suffix.lower() == ".yaml":
        audio = ()
        if not transcript:
            raise InputError(
                "this sidecar names neither parts nor a transcript",
                expected="'parts: {therapist: FILE, client: FILE}' or 'transcript: FILE'",
                hint="name the recording itself",
            )
    else:
        _refuse_document(path)
        audio = (path,)
    diarization = _attachments(sidecar.diarization, base)
    metadata = sidecar.metadata()
    roles, _ = _stated(diarization)
    own_roles, language = _stated(transcript)
    return Source(
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
    )


def _refuse_document(path: Path) -> None:
    """Refuse what is no recording at a glance, so that nobody is told to copy it again."""
    if path.suffix.lower() in MEDIA_SUFFIXES:
        return
    try:
        with path.open("rb") as file:
            start = file.read(_GLANCE)
    except OSError as caught:
        raise _unreadable(caught) from caught
    text = start.decode("utf-8", errors="replace").removesuffix("\ufffd")
    printed = sum(sign.isprintable() or sign.isspace() for sign in text if sign != "\ufffd")
    if start.startswith(_DOCUMENTS) or (text and printed == len(text)):
        raise InputError(
            "a file of no known format",
            expected=f"audio or video, or a transcript: {', '.join(sorted(transcripts.READERS))}",
            hint="export the transcript again in one of these formats",
        )


_GLANCE = 4096
_DOCUMENTS = (b"%PDF", b"PK\x03\x04", b"{\\rtf", b"\xd0\xcf\x11\xe0")
"""How PDF, Word and OpenDocument, RTF and old Word files begin."""


def _stated(files: tuple[Attachment, ...]) -> tuple[dict[str, Role], str | None]:
    """Roles and language that imported files state; the sidecar's word wins."""
    if not files:
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
    return path if path.suffix == ".yaml" else path.with_name(f"{path.name}.yaml")


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
    document = yaml.parse(text, name, InputError)
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
    try:
        return Attachment(path.suffix.lower(), path.read_bytes(), speaker)
    except OSError as caught:
        raise _unreadable(caught) from caught


def _unreadable(caught: OSError) -> InputError:
    reason = (caught.strerror or "unknown reason").lower()
    return InputError(f"a file cannot be read: {reason}", hint="check path and permissions")
