"""Intake: what a user named becomes sources, each with its bytes hashed and its sidecar read.

A folder gives every audio or video file in it, at any depth. Beside a recording may lie a sidecar
``<file name>.yaml``; ``tether.yaml`` in the folder or above it (up to the folder that was named)
holds defaults. A transcript or diarization is used only where a sidecar or an option names it, or
where the user names the transcript itself: then it is a session without audio. A session of one
file per participant is named by its sidecar, whose key ``parts`` gives them.

Whatever lies beside a recording may be wrong or hostile: only regular files are read, up to the
sizes that settings name.
"""

from pipeline.session.intake.discovery import Named, PassedOver, discover, in_order, strays
from pipeline.session.intake.sidecar import DEFAULTS, Sidecar
from pipeline.session.intake.source import Source, read

__all__ = [
    "DEFAULTS",
    "Named",
    "PassedOver",
    "Sidecar",
    "Source",
    "discover",
    "in_order",
    "read",
    "strays",
]
