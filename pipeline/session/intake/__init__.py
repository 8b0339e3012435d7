"""Intake: turn the paths that a user gave into sources, hashed and with their session notes.

A folder stands for every audio or video file in it, at any depth. A recording may have a session
notes file ``<file name>.yaml`` beside it (`Sidecar` in code); ``tether.yaml`` in the folder or
above it (up to the folder that the user gave) holds defaults. A transcript or diarization is used
only if a session notes file or an option names it, or if the user gives the transcript itself: then
it is a session without audio. A session with one file per participant is given by its session notes
file, whose key ``parts`` lists the files.

Files beside a recording may be wrong or hostile: only regular files are read, up to the sizes in
the settings.
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
