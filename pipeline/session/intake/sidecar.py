"""Session notes files: ``<file name>.yaml`` beside a recording, and a folder's ``tether.yaml``."""

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from pipeline.core import yaml
from pipeline.core.errors import InputError
from pipeline.core.languages import understood
from pipeline.core.spelling import on_disk, whole
from pipeline.core.tables import Metadata
from pipeline.core.vocabulary import Role
from pipeline.session.intake import files

DEFAULTS = "tether.yaml"

Name = Annotated[str, AfterValidator(whole)]
"""Text as typed; only accents are normalised."""


class Sidecar(BaseModel):
    """The content of a session notes file. Every key is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client: Name | None = None
    therapist: Name | None = None
    session_number: int | None = Field(default=None, ge=1, le=1_000_000)
    date: dt.date | None = None
    language: str | None = None
    speakers: int | None = Field(default=None, ge=1, le=20)
    channels: dict[int, Role] = {}
    roles: dict[Name, Role] = {}
    consent: Name | None = None
    code: Name | None = None
    transcript: str | dict[Name, str] | None = None
    diarization: str | dict[Name, str] | None = None
    parts: dict[Role, str] | None = None

    _language = field_validator("language", mode="before")(understood)

    @field_validator("parts")
    @classmethod
    def _each_once(cls, value: dict[Role, str] | None) -> dict[Role, str] | None:
        if value is not None and len(set(value.values())) < max(2, len(value)):
            msg = "two files or more, each of them once"
            raise ValueError(msg)
        return value

    def metadata(self) -> Metadata:
        """The metadata that is kept with the recording."""
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

    def attached(self) -> list[str]:
        """Names of the transcripts and diarizations."""
        each = (self.transcript, self.diarization)
        return [
            name
            for names in each
            if names is not None
            for name in (names.values() if isinstance(names, dict) else [names])
        ]


def read(path: Path, top: Path, options: Mapping[str, Any], most: int) -> Sidecar:
    """Merge folder defaults, the session notes file and the options; later ones win.

    Parameters
    ----------
    path
        The file that represents the session.
    top
        The highest folder in which defaults are looked for.
    options
        Keys from the command line; files are looked for in the working directory.
    most
        Largest size of a session notes file, in bytes.

    Raises
    ------
    InputError
        Errors, all at once; or a session notes file that cannot be read.
    """
    merged: dict[str, Any] = {}
    top = top.resolve()
    folders = [folder for folder in path.parents if folder == top or top in folder.parents]
    for file in [*(folder / DEFAULTS for folder in reversed(folders)), place(path)]:
        if os.path.lexists(file):
            merged |= parse(file, most).model_dump(exclude_unset=True)
    merged |= {key: _from_here(value) if key in _FILES else value for key, value in options.items()}
    return yaml.validate(Sidecar, yaml.Document(merged, "options"), InputError, private=True)


def place(path: Path) -> Path:
    """The path of a session's notes file."""
    return path if path.suffix == ".yaml" else on_disk(path.with_name(f"{path.name}.yaml"))


def parse(path: Path, most: int) -> Sidecar:
    """Read one session notes file."""
    return yaml.validate(Sidecar, document(path, most), InputError, private=True)


def parse_stray(path: Path, most: int) -> Sidecar | None:
    """Read a YAML file without a recording; None if it is not a session notes file."""
    try:
        found = document(path, most)
    except InputError:
        return None
    if not found.data.keys() & {"parts", "transcript"}:
        return None
    return yaml.validate(Sidecar, found, InputError, private=True)


def document(path: Path, most: int) -> yaml.Document:
    """The mapping in a file, with identifiers as typed."""
    name = DEFAULTS if path.name == DEFAULTS else "session notes file"
    try:
        text = files.content(path, most, f"{name}: ", "sidecar_bytes").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8 text", hint="save it as UTF-8") from None
    found = yaml.parse(text, name, InputError, as_typed=True)
    if not isinstance(found.data, dict):
        raise InputError(f"{name}: not a mapping", expected="lines such as 'client: C-01'")
    return found


_FILES = ("transcript", "diarization", "parts")


def _from_here(names: Any) -> Any:
    if isinstance(names, Mapping):
        return {key: _from_here(file) for key, file in names.items()}
    return str(Path(names).absolute())
