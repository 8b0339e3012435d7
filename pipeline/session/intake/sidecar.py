"""Notes of a person beside a recording: ``<file name>.yaml``, and a folder's ``tether.yaml``."""

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
"""Text as a person typed it; only accents are brought to one spelling."""


class Sidecar(BaseModel):
    """What a person says of a recording. Every key is optional."""

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
    """Folder defaults, the sidecar of a session and the options, the later winning.

    Parameters
    ----------
    path
        The file that stands for the session.
    top
        The folder up to which defaults are looked for.
    options
        Keys as the command line gave them; files are looked for in the working directory.
    most
        Bytes that a sidecar may have.

    Raises
    ------
    InputError
        Mistakes, all at once; or a sidecar that cannot be read.
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
    """Where the sidecar of a session is looked for."""
    return path if path.suffix == ".yaml" else on_disk(path.with_name(f"{path.name}.yaml"))


def parse(path: Path, most: int) -> Sidecar:
    """One file."""
    return yaml.validate(Sidecar, document(path, most), InputError, private=True)


def parse_stray(path: Path, most: int) -> Sidecar | None:
    """The sidecar in a YAML file beside no recording; None if it is somebody else's file."""
    try:
        found = document(path, most)
    except InputError:
        return None
    if not found.data.keys() & {"parts", "transcript"}:
        return None
    return yaml.validate(Sidecar, found, InputError, private=True)


def document(path: Path, most: int) -> yaml.Document:
    """The mapping in a file, identifiers as they are typed."""
    name = DEFAULTS if path.name == DEFAULTS else "sidecar"
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
