"""Paths in a workspace, and an overview of a session without opening its tables.

Nothing heavy is imported here, so a list of a thousand sessions appears at once.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import DamagedError, InputError
from pipeline.core.spelling import SHORT_ID

USUAL_WORKSPACE = "workspace"
USUAL_PROFILE = "default"
"""What commands use where no option names another."""

RUN_MANIFEST = "walk.json"
"""The run manifest of a session: the result of its last run."""

MANIFEST = "manifest.json"
"""Address, inputs and digests of an artifact."""

_SLOT_DIGITS = 16


def session_folder(workspace: Path, recording_id: str) -> Path:
    """Folder of one session."""
    return workspace / "sessions" / recording_id[:SHORT_ID]


def artifact(stage: str, slot: str) -> str:
    """Name of the artifact in a slot."""
    return f"{stage}-{slot[:_SLOT_DIGITS]}"


@dataclass(frozen=True)
class Glance:
    """What a list of sessions shows of one session."""

    duration_ms: int
    moments: int


def glance(workspace: Path, recording_id: str) -> Glance:
    """Length and number of moments, from two manifests, without reading or checking tables.

    Raises
    ------
    InputError
        The session was never fully processed.
    DamagedError
        A manifest is damaged.
    """
    folder = session_folder(workspace, recording_id)
    again = "run `tether run` on its recording"
    try:
        run = json.loads((folder / RUN_MANIFEST).read_bytes())
    except FileNotFoundError:
        raise InputError("this session was never fully processed", hint=again) from None
    except (OSError, ValueError):
        raise DamagedError("the run manifest of this session cannot be read", hint=again) from None
    try:
        place = folder / "artifacts" / artifact("moments", dict(run["slots"])["moments"])
        moments = json.loads((place / MANIFEST).read_bytes())["tables"]["moments"]["rows"]
        return Glance(int(run["recording"]["duration_ms"]), int(moments))
    except (OSError, ValueError, KeyError, TypeError):
        raise DamagedError("a manifest of this session is damaged", hint=again) from None
