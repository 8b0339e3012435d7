"""Settings: one YAML file, no number in Python.

`configs/default.yaml` holds every value with its reason; a file of one's own names only what
differs and says ``extends: default``. All mistakes of a file are told at once, with their lines.
"""

from pipeline.config.files import builtin, load
from pipeline.config.hearing import (
    Activity,
    AudioDecoding,
    Channels,
    Clustering,
    Imported,
    Pyannote,
)
from pipeline.config.intake import Intake
from pipeline.config.judging import Clips, Evaluation, Moments, Response, Review
from pipeline.config.measuring import Baseline, Features, Phonation, Pitch
from pipeline.config.section import Section
from pipeline.config.settings import Engines, Origin, Settings
from pipeline.config.talk import Quality, RoleInference, Turns, Voices
from pipeline.config.words import FasterWhisper, Guards, Meaning, Moonshine, Transcription

__all__ = [
    "Activity",
    "AudioDecoding",
    "Baseline",
    "Channels",
    "Clips",
    "Clustering",
    "Engines",
    "Evaluation",
    "FasterWhisper",
    "Features",
    "Guards",
    "Imported",
    "Intake",
    "Meaning",
    "Moments",
    "Moonshine",
    "Origin",
    "Phonation",
    "Pitch",
    "Pyannote",
    "Quality",
    "Response",
    "Review",
    "RoleInference",
    "Section",
    "Settings",
    "Transcription",
    "Turns",
    "Voices",
    "builtin",
    "load",
]
