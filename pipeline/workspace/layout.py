"""Where things lie in a workspace, and what can be said of a session without opening its tables.

Nothing heavy is imported here, so that a list of a thousand sessions comes at once.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import DamagedError, InputError
from pipeline.core.spelling import SHORT_ID

RUN_MANIFEST = "walk.json"
"""What the last walk of a session came to."""

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
    """What a list of sessions tells of one."""

    duration_ms: int
    moments: int


def glance(workspace: Path, recording_id: str) -> Glance:
    """Length and number of moments, from two notes: no table is read, and no digest compared.

    Raises
    ------
    InputError
        It was never walked to the end.
    DamagedError
        What was noted of it is damaged.
    """
    folder = session_folder(workspace, recording_id)
    again = "run `tether run` on its recording"
    try:
        note = json.loads((folder / RUN_MANIFEST).read_bytes())
    except FileNotFoundError:
        raise InputError("this session has no finished walk", hint=again) from None
    except (OSError, ValueError):
        raise DamagedError("the note of this session cannot be read", hint=again) from None
    try:
        place = folder / "artifacts" / artifact("moments", dict(note["slots"])["moments"])
        moments = json.loads((place / MANIFEST).read_bytes())["tables"]["moments"]["rows"]
        return Glance(int(note["recording"]["duration_ms"]), int(moments))
    except (OSError, ValueError, KeyError, TypeError):
        raise DamagedError("what is noted of this session is damaged", hint=again) from None
