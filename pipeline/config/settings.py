"""All settings of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, PrivateAttr

from pipeline.config.audio_settings import (
    Activity,
    AudioDecoding,
    Channels,
    Clustering,
    Imported,
    Pyannote,
)
from pipeline.config.intake_settings import Intake
from pipeline.config.measure_settings import Baseline, Features, Phonation, Pitch
from pipeline.config.moment_settings import Clips, Evaluation, Moments, Response, Review
from pipeline.config.section import Section
from pipeline.config.speech_settings import Quality, RoleInference, Turns, Voices
from pipeline.config.transcription_settings import FasterWhisper, Meaning, Moonshine, Transcription


class Engines(Section):
    """Which engine does what; a name never falls back, `auto` takes the best that is present."""

    diarizer: Literal["auto", "channels", "clustering", "pyannote", "imported"]
    transcriber: Literal["auto", "faster_whisper", "moonshine", "imported", "none"]
    pitch: Literal["swift_f0", "pyin"]
    meaning: Literal["auto", "minilm", "none"]
    threads: int = Field(ge=1, description="processor threads that an engine may use")


@dataclass(frozen=True)
class Origin:
    """Where a value was set: the profile's name, and ``file:line``."""

    profile: str
    place: str


class Settings(Section):
    """All settings of a run."""

    extends: str | None = None
    require_consent: bool = Field(description="refuse recordings without a consent reference")
    models_folder: str | None = Field(description="local models; null: TETHER_MODELS or user data")
    intake: Intake
    engines: Engines
    audio: AudioDecoding
    activity: Activity
    channels: Channels
    clustering: Clustering
    pyannote: Pyannote
    imported: Imported
    faster_whisper: FasterWhisper
    moonshine: Moonshine
    transcription: Transcription
    meaning: Meaning
    turns: Turns
    roles: RoleInference
    voices: Voices
    quality: Quality
    pitch: Pitch
    phonation: Phonation
    features: Features
    baseline: Baseline
    lexicons: tuple[str, ...] = Field(
        description="folders of your own with a folder for each language, read after the built-in"
        " ones; paths from the file that names them"
    )
    rules: tuple[str, ...] = Field(
        description="rule files: built-in names, or paths from the file that names them"
    )
    params: Mapping[str, Mapping[str, bool | int | float | str]] = Field(
        description="by rule: parameters that are other than in its file, see rules.overriding"
    )
    moments: Moments
    response: Response
    clips: Clips
    evaluation: Evaluation
    review: Review
    _origins: Mapping[tuple[str, str], Origin] = PrivateAttr(default_factory=dict)

    def origin(self, rule: str, name: str) -> Origin:
        """Where ``params.<rule>.<name>`` was set; with an empty name, where its rule was named."""
        return self._origins.get((rule, name), Origin("settings", "settings"))

    def with_origins(self, origins: Mapping[tuple[str, str], Origin]) -> "Settings":
        """The same, knowing where parameters of rules were set."""
        copy = self.model_copy()
        copy._origins = dict(origins)  # noqa: SLF001  # its own copy
        return copy
