"""Settings: one YAML file, no number in Python.

`configs/default.yaml` holds every value with its reason; a file of one's own names only what
differs and says ``extends: default``. All errors in a file are reported at once, with lines.
"""

from pipeline.config.audio_settings import Activity, AudioDecoding, Imported
from pipeline.config.engine_settings import Engines
from pipeline.config.files import builtin, load
from pipeline.config.intake_settings import Intake
from pipeline.config.measure_settings import Baseline, Features, Phonation, Pitch
from pipeline.config.moment_settings import Clips, Evaluation, Moments, Response, Review
from pipeline.config.section import Section
from pipeline.config.settings import Origin, Settings, settings_model
from pipeline.config.speech_settings import Quality, RoleInference, Turns, Voices
from pipeline.config.transcription_settings import Guards, Transcription

__all__ = [
    "Activity",
    "AudioDecoding",
    "Baseline",
    "Clips",
    "Engines",
    "Evaluation",
    "Features",
    "Guards",
    "Imported",
    "Intake",
    "Moments",
    "Origin",
    "Phonation",
    "Pitch",
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
    "settings_model",
]
