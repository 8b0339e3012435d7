"""Read third-party pipelines of pyannote.audio as data; none of their code runs.

A pipeline is a ``config.yaml`` that names a class to call, and checkpoints that are pickles: left
alone, both may name any callable of this machine. So before the library reads them

- the configuration may name `PIPELINES` only, has no preprocessors, and its parts lie in its own
  folder (``$model/...``), where the model's digest covers them;
- a checkpoint may hold tensors, plain values and the classes in `_specifications`, which every
  checkpoint of pyannote.audio needs, and it may name `ARCHITECTURES` only;

and while the library reads them, torch unpickles with the same list of classes.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core import yaml
from pipeline.core.errors import EngineError

PIPELINES = frozenset(
    {
        "pyannote.audio.pipelines.SpeakerDiarization",
        "pyannote.audio.pipelines.speaker_diarization.SpeakerDiarization",
    }
)
"""What a configuration may ask for."""

ARCHITECTURES = frozenset(
    {
        "PyanNet",
        *(f"WeSpeakerResNet{layers}" for layers in (34, 152, 221, 293)),
        "XVectorMFCC",
        "XVectorSincNet",
    }
)
"""Networks of pyannote.audio that are built from numbers alone."""

_PARTS = ("segmentation", "embedding", "plda")
_NETWORKS = ("segmentation", "embedding")
_FILE = "pytorch_model.bin"


def check(folder: Path) -> None:
    """Refuse a pipeline that would run code, or read what is not its own.

    Raises
    ------
    EngineError
        What was found beyond the lists above.
    """
    document = yaml.parse(
        (folder / "config.yaml").read_text(encoding="utf-8"), "config.yaml", EngineError
    )
    pipeline = document.data.get("pipeline") if isinstance(document.data, dict) else None
    if not isinstance(pipeline, dict):
        raise _refused("its config.yaml names no pipeline", "pipeline: {name: ..., params: ...}")
    if pipeline.get("name") not in PIPELINES:
        raise _refused("its config.yaml asks for another class", min(PIPELINES))
    if document.data.get("preprocessors"):
        raise _refused("its config.yaml asks for preprocessors", "none")
    parameters = pipeline.get("params") or {}
    for part in _PARTS:
        place = parameters.get(part)
        if place is not None and not _within(place):
            raise _refused(f"its {part} does not lie in its own folder", f"$model/{part}")
    for part in _NETWORKS:
        if place := parameters.get(part):
            _check_network(folder / place.removeprefix("$model/") / _FILE, part)


@contextmanager
def known_classes() -> Iterator[None]:
    """While this lasts, torch may unpickle the classes that pyannote's checkpoints need.

    That it unpickles nothing else is switched on for the whole process: `models.SWITCHES`.
    """
    from torch.serialization import safe_globals

    with safe_globals(_specifications()):
        yield


def _within(place: object) -> bool:
    return (
        isinstance(place, str)
        and place.startswith("$model/")
        and ".." not in Path(place).parts
        and "@" not in place
    )


def _check_network(file: Path, part: str) -> None:
    """Read the checkpoint as data and check which classes it needs."""
    import torch

    try:
        with known_classes():
            found: Any = torch.load(file, map_location="cpu", weights_only=True)
        architecture = found["pyannote.audio"]["architecture"]
        module, name = architecture["module"], architecture["class"]
    except FileNotFoundError:
        raise _refused(f"its {part} is missing", f"{part}/{_FILE}") from None
    except Exception as caught:
        raise _refused(
            f"its {part} is not weights alone ({type(caught).__name__})",
            "tensors, plain values and pyannote's own specification classes",
        ) from caught
    if name not in ARCHITECTURES or not str(module).startswith("pyannote.audio.models."):
        raise _refused(f"its {part} asks for another network", ", ".join(sorted(ARCHITECTURES)))


def _specifications() -> list[Any]:
    """Classes beside tensors that the published segmentation-3.0 holds."""
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from torch.torch_version import TorchVersion

    return [Problem, Resolution, Specifications, TorchVersion]


def _refused(found: str, expected: str) -> EngineError:
    return EngineError(
        f"the pyannote pipeline was not loaded: {found}",
        expected=expected,
        hint="take it from its publisher: tether models fetch pyannote",
    )


def libraries() -> tuple[Any, Any]:
    """Torch and pyannote.audio."""
    with warnings.catch_warnings():
        # It only matters for reading files, and sound is handed over in memory.
        warnings.filterwarnings("ignore", "\ntorchcodec is not installed correctly", UserWarning)
        import pyannote.audio
        import torch
    return torch, pyannote.audio
