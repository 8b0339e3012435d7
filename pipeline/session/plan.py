"""What a run uses: engines, lexicons, features, rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pipeline.engines.protocols import Diarizer, PitchTracker, Reader, Transcriber, VoiceEncoder
from pipeline.lexicons import Lexicons
from pipeline.measures.feature import Feature
from pipeline.rules import RuleBook
from pipeline.speech.voices import Vector
from pipeline.workspace.provenance import EngineChoice, Provenance, RuleEntry
from pipeline.workspace.store import digest


@dataclass(frozen=True)
class LanguageResources:
    """Lexicons, features and rules for the language of a session."""

    lexicons: Lexicons
    features: tuple[Feature, ...]
    rules: RuleBook

    @cached_property
    def digests(self) -> dict[str, str]:
        """Digests of rules and lexicons, for addresses."""
        parts = {"rules": self.rules.canonical(), "lexicons": self.lexicons.canonical()}
        return {name: digest(part.encode()) for name, part in parts.items()}

    @property
    def ask_for_readings(self) -> bool:
        """Whether a rule in force asks what a reader makes of a turn."""
        named = {name for compiled in self.rules.rules for name in compiled.columns}
        return any(name.startswith("reads_") for name in named)

    @property
    def listed(self) -> tuple[RuleEntry, ...]:
        """The rules in force, for the report."""
        return self.rules.entries()


@dataclass(frozen=True)
class Enrolled:
    """Enrolled therapists, with whose voices speakers are compared.

    Attributes
    ----------
    voices
        Mean voice vector by pseudonym.
    """

    encoder: VoiceEncoder
    voices: Mapping[str, Vector]

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each voice, for an address."""
        return {name: digest(voice.tobytes()) for name, voice in sorted(self.voices.items())}


@dataclass(frozen=True)
class Plan:
    """The engines of one recording.

    Attributes
    ----------
    transcriber
        None: timing only; `no_words` says why.
    language
        ISO 639-1; None: the transcriber detects it.
    no_words
        Why there are no words; None: there is a transcriber.
    reader_for
        The reader for a language, None without one, and why: asked once the words are there, for
        the transcriber may be the one who detects the language.
    enrolled
        None: voices are not compared.
    provenance
        Engines with the reason for each, and notes; stages and rules are added at the end.
    """

    diarizer: Diarizer
    transcriber: Transcriber | None
    pitch: PitchTracker
    language: str | None
    no_words: str | None
    reader_for: Callable[[str | None], tuple[Reader | None, EngineChoice]]
    enrolled: Enrolled | None
    provenance: Provenance

    def choice(self, task: str) -> EngineChoice:
        """The engine for `task`, and why it was chosen."""
        return next(choice for choice in self.provenance.engines if choice.task == task)
