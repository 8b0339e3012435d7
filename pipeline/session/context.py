"""What stages receive besides tables: settings, the recording, engines, rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from pipeline import audio
from pipeline.audio.samples import Audio
from pipeline.config import Settings
from pipeline.core.tables import Recording, Tables
from pipeline.engines.protocols import Reader, SpeechDetector
from pipeline.session import prior_sessions
from pipeline.session.intake import Source
from pipeline.session.manifest import RunManifest
from pipeline.session.plan import LanguageResources, Plan
from pipeline.session.prior_sessions import Past
from pipeline.workspace.provenance import EngineChoice
from pipeline.workspace.stage_cache import Outcome
from pipeline.workspace.store import Store


class Sound:
    """Decodes the recording on first use, and removes the scratch files at the end."""

    def __init__(self, source: Source, store: Store, settings: Settings) -> None:
        self._source, self._store, self._settings = source, store, settings
        self._decoded: audio.Decoded | None = None

    def decoded(self) -> audio.Decoded:
        """The decoded recording.

        Raises
        ------
        ChangingError
            The file was written to since it was hashed, so the audio may not match its id.
        """
        if self._decoded is None:
            try:
                self._decoded = audio.decode(
                    self._source.audio, self._store.scratch, self._settings.audio
                )
            finally:  # an incomplete file may be one that cannot be decoded
                self._source.require_unchanged()
        return self._decoded

    @property
    def audio(self) -> Audio | None:
        """The samples; None for a transcript alone."""
        return self.decoded().audio if self._source.audio else None

    def close(self) -> None:
        """Remove the scratch files."""
        if self._decoded is not None:
            self._decoded.close()
            self._decoded = None


@dataclass
class Context:
    """What the stages of one recording share.

    Attributes
    ----------
    corrections
        Role by speaker, as set by a person.
    outcome
        Results of the stages so far.
    """

    settings: Settings
    corrections: Mapping[str, str]
    outcome: Outcome

    @property
    def slots(self) -> Mapping[str, str]:
        """Slots of the stages so far, by name."""
        return self.outcome.slots

    @cached_property
    def recording(self) -> Recording:
        """The recording, once its length is known."""
        raise NotImplementedError

    @cached_property
    def resources(self) -> LanguageResources:
        """Lexicons, features and rules of the language, once it is known."""
        raise NotImplementedError

    @cached_property
    def past(self) -> tuple[Past, ...]:
        """Earlier sessions of the client whose values join the baseline, once there are values."""
        raise NotImplementedError


@dataclass
class Stored(Context):
    """A recording whose results are kept in a workspace.

    Attributes
    ----------
    language_resources
        Returns lexicons, features and rules of a language (ISO 639-1; None: unknown).
    """

    store: Store
    language_resources: Callable[[str | None], LanguageResources]

    @cached_property
    def language(self) -> str | None:
        """ISO 639-1, once the words are known; None: unknown."""
        raise NotImplementedError

    @cached_property
    def resources(self) -> LanguageResources:
        """Lexicons, features and rules of `language`."""
        return self.language_resources(self.language)

    @cached_property
    def past(self) -> tuple[Past, ...]:
        """Earlier sessions in the workspace."""
        at_most = self.settings.baseline.earlier_sessions
        return prior_sessions.find(self.recording, self.slots["values"], self.store, at_most)


@dataclass
class Fresh(Stored):
    """A recording whose file can be read.

    Attributes
    ----------
    choose
        Returns the engines, from the tables `media` and `activity`.
    """

    source: Source
    sound: Sound
    detector: SpeechDetector
    choose: Callable[[Source, Tables], Plan] = field(repr=False)

    @cached_property
    def plan(self) -> Plan:
        """The engines, once channels and speech are known."""
        return self.choose(self.source, self.outcome.tables)

    @cached_property
    def recording(self) -> Recording:
        """The recording, with decoded length and channels."""
        row = self.outcome.tables["media"].row(0, named=True)
        return Recording(
            self.source.recording_id,
            row["duration_ms"],
            row["sample_rate_hz"],
            row["channels"],
            self.source.metadata,
        )

    @cached_property
    def language(self) -> str | None:
        """The language that was given, otherwise the one that was detected."""
        heard: str | None = self.outcome.tables["transcription"]["language"][0]
        return self.plan.language or heard

    @cached_property
    def reader(self) -> tuple[Reader | None, EngineChoice]:
        """The reader for the language, None without one, and why."""
        return self.plan.reader_for(self.language)


@dataclass
class Reopened(Stored):
    """A session that was processed before; its recording may be gone."""

    manifest: RunManifest

    @classmethod
    def keeping(
        cls,
        names: Callable[[str], bool],
        manifest: RunManifest,
        settings: Settings,
        store: Store,
        language_resources: Callable[[str | None], LanguageResources],
        corrections: Mapping[str, str],
        *,
        read: bool = True,
    ) -> "Reopened":
        """The session with the kept results of its last run.

        Parameters
        ----------
        names
            Whether to keep the result of a stage, by name.
        read
            False: addresses only, no tables.
        """
        slots = {stage: slot for stage, slot in manifest.slots if names(stage)}
        tables: dict[str, pl.DataFrame] = {}
        for stage, slot in slots.items() if read else ():
            tables |= store.read(manifest.recording.recording_id, stage, slot)
        outcome = Outcome(
            tables,
            {stage: "stale" if stage in manifest.stale else "kept" for stage in slots},
            {stage: manifest.provenance.stages[stage] for stage in slots},
            slots,
            {},
        )
        return cls(settings, corrections, outcome, store, language_resources, manifest)

    @cached_property
    def recording(self) -> Recording:
        """As the last run had it."""
        return self.manifest.recording

    @cached_property
    def language(self) -> str | None:
        """As the last run had it."""
        return self.manifest.language
