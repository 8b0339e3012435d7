"""All settings of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self, TypeVar

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, create_model, model_validator

from pipeline.config.audio_settings import Activity, AudioDecoding, Imported
from pipeline.config.engine_settings import Engines
from pipeline.config.intake_settings import Intake
from pipeline.config.measure_settings import Baseline, Features, Phonation, Pitch
from pipeline.config.moment_settings import Clips, Evaluation, Moments, Response, Review
from pipeline.config.section import Section
from pipeline.config.speech_settings import Quality, RoleInference, Turns, Voices
from pipeline.config.transcription_settings import Transcription
from pipeline.core import registry
from pipeline.core.errors import ConfigError

_Model = TypeVar("_Model", bound=BaseModel)
_ENGINE_KEYS = ("diarizer", "transcriber", "pitch", "reader")


@dataclass(frozen=True)
class Origin:
    """Where a value was set: the profile's name, and ``file:line``."""

    profile: str
    place: str


class Settings(Section):
    """All settings of a run.

    Those that `load` gives also have, under its name, a section for each engine that has settings
    (`settings_model`); `section` finds it by its model.
    """

    extends: str | None = None
    require_consent: bool = Field(description="refuse recordings without a consent reference")
    models_folder: str | None = Field(description="local models; null: TETHER_MODELS or user data")
    intake: Intake
    engines: Engines
    audio: AudioDecoding
    activity: Activity
    imported: Imported
    transcription: Transcription
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

    def section(self, model: type[_Model]) -> _Model:
        """The section of an engine.

        Parameters
        ----------
        model
            With which the engine was registered.

        Raises
        ------
        ConfigError
            There is none: the engine was not registered when the settings were read, or its
            section has values without a default.
        """
        for name in type(self).model_fields:
            value = getattr(self, name)
            if type(value) is model:
                return value
        raise ConfigError(f"the settings have no section of {model.__name__}")

    @model_validator(mode="after")
    def _engines_have_settings(self) -> Self:
        missing = [
            f"the {key} '{name}' needs a section '{name}' of the settings"
            for key in _ENGINE_KEYS
            if getattr(self, name := getattr(self.engines, key), self) is None
        ]
        if missing:
            raise ValueError("; ".join(missing))
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process, which has made its own `settings_model`."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return _restored, (values, self.model_fields_set, dict(self._origins))


registry.reserve((*Settings.model_fields, *dir(Settings)))


def settings_model() -> type[Settings]:
    """`Settings` with the section of each engine, those of plug-ins among them.

    A section all of whose values have a default may be left out of a file. One that has not is
    None where it is left out, and its engine cannot be used.
    """
    return _with_sections(tuple(registry.sections().items()))


@cache
def _with_sections(sections: tuple[tuple[str, type[BaseModel]], ...]) -> type[Settings]:
    fields: dict[str, Any] = {}
    for name, model in sections:
        about = f"settings of the engine '{name}'"
        try:
            fields[name] = (model, Field(default=model(), description=about))
        except ValidationError:
            fields[name] = (model | None, Field(default=None, description=about))
    return create_model("Settings", __base__=Settings, __doc__=Settings.__doc__, **fields)


def _restored(
    values: Mapping[str, Any], named: set[str], origins: Mapping[tuple[str, str], Origin]
) -> Settings:
    made = settings_model().model_construct(_fields_set=named, **values)
    return made.with_origins(origins)
