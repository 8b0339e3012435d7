"""All settings of a run."""

from typing import Literal

from pydantic import Field

from pipeline.config.hearing import Activity, AudioDecoding, Channels, Clustering, Pyannote
from pipeline.config.judging import Evaluation, Moments, Response
from pipeline.config.measuring import Baseline, Features, Phonation, Pitch
from pipeline.config.section import Section
from pipeline.config.talk import Quality, RoleInference, Turns, Voices
from pipeline.config.words import FasterWhisper, Moonshine, Transcription


class Engines(Section):
    """Which engine does what; a name never falls back, `auto` takes the best that is present."""

    diarizer: Literal["auto", "channels", "clustering", "pyannote", "imported"]
    transcriber: Literal["auto", "faster_whisper", "moonshine", "imported", "none"]
    pitch: Literal["swift_f0", "pyin"]
    threads: int = Field(ge=1, description="processor threads that an engine may use")


class Settings(Section):
    """All settings of a run."""

    extends: str | None = None
    require_consent: bool = Field(description="refuse recordings without a consent reference")
    models_folder: str | None = Field(description="local models; null: TETHER_MODELS or user data")
    engines: Engines
    audio: AudioDecoding
    activity: Activity
    channels: Channels
    clustering: Clustering
    pyannote: Pyannote
    faster_whisper: FasterWhisper
    moonshine: Moonshine
    transcription: Transcription
    turns: Turns
    roles: RoleInference
    voices: Voices
    quality: Quality
    pitch: Pitch
    phonation: Phonation
    features: Features
    baseline: Baseline
    rules: tuple[str, ...] = Field(
        description="rule files: built-in names, or paths from the file that names them"
    )
    moments: Moments
    response: Response
    evaluation: Evaluation
