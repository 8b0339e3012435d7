"""Which engines process a recording, and why.

``auto`` takes the best engine that is present and says why; a named engine never falls back. What
the recording brings with it (a transcript, a channel for each speaker) comes before any engine.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.config import Settings
from pipeline.core import registry
from pipeline.core.errors import EngineError
from pipeline.core.registry import Kind
from pipeline.core.tables import Tables
from pipeline.engines import imported
from pipeline.engines.protocols import (
    Diarizer,
    PitchTracker,
    SpeechDetector,
    Transcriber,
    VoiceEncoder,
)
from pipeline.formats.timed_text.cues import UNNAMED
from pipeline.session.intake import Source
from pipeline.workspace.provenance import EngineChoice

_DETECTOR = "silero"
_VOICE_ENCODER = "ge2e"


class EngineChooser:
    """Chooses engines by the settings; each is made once, so that its model is loaded once.

    Parameters
    ----------
    given
        Engines that win over the settings: ``diarizer``, ``transcriber``, ``detector``,
        ``encoder``.
    """

    def __init__(self, settings: Settings, given: Mapping[str, Any]) -> None:
        self._settings = settings
        self._given = dict(given)
        self._made: dict[tuple[Kind, str], Any] = {}

    def engine(self, kind: Kind, name: str) -> Any:
        """The engine of that name: one for all recordings.

        Raises
        ------
        ConfigError
            There is none.
        """
        key = (kind, name)
        if key not in self._made:
            self._made[key] = registry.find(kind, name).make(self._settings)
        return self._made[key]

    @property
    def detector(self) -> SpeechDetector:
        """The speech detector of every run."""
        detector: SpeechDetector = self._given.get("detector") or self.engine(
            "speech detector", _DETECTOR
        )
        return detector

    @property
    def encoder(self) -> VoiceEncoder:
        """What voices are compared by, where enrolment is on."""
        encoder: VoiceEncoder = self._given.get("encoder") or self.engine(
            "voice encoder", _VOICE_ENCODER
        )
        return encoder

    def detection(self, source: Source) -> EngineChoice:
        """The choice of the speech detector."""
        return _hearing(source, "speech activity", _DETECTOR, "always used", self.detector)

    def pitch(self, source: Source) -> tuple[PitchTracker, EngineChoice]:
        """The pitch tracker for a recording, and why."""
        name = self._settings.engines.pitch
        tracker: PitchTracker = self.engine("pitch tracker", name)
        return tracker, _hearing(source, "pitch", name, "as configured", tracker)

    def diarizer(self, source: Source, heard: Tables) -> tuple[Diarizer, EngineChoice]:
        """The diarizer for a recording, and why.

        Parameters
        ----------
        heard
            Tables `media` and `activity`; empty for a transcript without audio.

        Raises
        ------
        EngineError
            A named engine is not present, or `auto` finds none that says who speaks.
        """
        name: str = self._settings.engines.diarizer
        because = "as configured"
        if given := self._given.get("diarizer"):
            diarizer: Diarizer = given
            name, because = "scripted", "given by the caller"
        else:
            if name == "auto":
                name, because = self._best_diarizer(source, heard)
            if name == "imported":
                files = source.diarization or source.transcript
                diarizer = imported.ImportedDiarizer(self._settings, files)
            else:
                diarizer = self.engine("diarizer", name)
        return diarizer, EngineChoice("who spoke when", name, because, diarizer.identity())

    def _best_diarizer(self, source: Source, heard: Tables) -> tuple[str, str]:
        if source.diarization:
            return "imported", "a diarization is named for the recording"
        if not source.audio:
            return "imported", "there is a transcript and no audio"
        media = heard["media"].row(0, named=True)
        if media["channels"] > 1 and media["distinct_channels"]:
            return "channels", "each speaker has a channel of their own"
        alike, why = self._likeness(media)
        named = [number for number in source.metadata.channels if number <= media["channels"]]
        if len(named) > 1 and not alike:
            return "channels", f"the sidecar says who speaks on which channel, though {why}"
        if self._speakers_named(source) > 1:
            return "imported", f"{why}, and the transcript names the speakers"
        reasons: list[tuple[str, EngineError]] = []
        for name in _tried("diarizer"):
            try:
                self.engine("diarizer", name).identity()
            except EngineError as caught:
                reasons.append((name, caught))
            else:
                missing = [f"{other} is not here ({found.found})" for other, found in reasons]
                return name, "; ".join((why, *missing))
        raise EngineError(
            f"{why}, and no diarizer that knows voices is here: "
            + ", ".join(found.found for _, found in reasons),
            expected="one, or a diarization or transcript that names the speakers",
            hint=reasons[-1][1].hint,
        )

    def _likeness(self, media: Mapping[str, Any]) -> tuple[bool, str]:
        """Whether no channel differs from another at all, and why voices must be told apart."""
        if media["channels"] == 1:
            return True, "one microphone"
        if media["correlation"] is None:
            return False, "only one channel carries sound"
        if media["correlation"] >= self._settings.activity.same_correlation:
            return True, "all channels carry the same sound"
        return False, "both speakers are heard on the channels alike"

    def _speakers_named(self, source: Source) -> int:
        """How many speakers the transcript tells apart; 0 without one."""
        if not source.transcript:
            return 0
        lines = imported.ImportedDiarizer(self._settings, source.transcript).content.lines
        return len({*lines["speaker"]} - {None, UNNAMED})

    def transcriber(
        self, source: Source, language: str | None
    ) -> tuple[Transcriber | None, EngineChoice]:
        """The transcriber for a recording, None for timing alone, and why.

        Raises
        ------
        EngineError
            A named engine is not present, or does not know the language.
        """
        name: str = self._settings.engines.transcriber
        because = "as configured"
        if given := self._given.get("transcriber"):
            transcriber: Transcriber = given
            name, because = "scripted", "given by the caller"
        else:
            if name == "auto":
                name, because = self._best_transcriber(source, language)
            if name == "none":
                return None, EngineChoice("words", name, because)
            if name == "imported":
                transcriber = imported.ImportedTranscriber(self._settings, source.transcript)
            else:
                transcriber = self.engine("transcriber", name)
                _require(name, "transcriber", transcriber.languages(), language)
        return transcriber, EngineChoice("words", name, because, transcriber.identity())

    def _best_transcriber(self, source: Source, language: str | None) -> tuple[str, str]:
        if source.transcript:
            read = imported.ImportedTranscriber(self._settings, source.transcript)
            if source.audio or read.content.has_words:
                return "imported", "there is a transcript"
            return "none", "the file holds times and no words"
        reasons = []
        for name in _tried("transcriber"):
            transcriber = self.engine("transcriber", name)
            try:
                transcriber.identity()
            except EngineError as caught:
                reasons.append(f"{name} is not here ({caught.found})")
                continue
            known = transcriber.languages()
            if known is None or language in known:
                because = f"the best that is here; {reasons[0]}" if reasons else "the best"
                return name, because
            named = f"the language '{language}'" if language else "a language that nobody named"
            reasons.append(f"{name} does not know {named}")
        return "none", "; ".join(reasons)


def _tried(kind: Kind) -> list[str]:
    """Names of the engines that ``auto`` tries, in its order."""
    return [each.name for each in registry.engines(kind) if each.auto is not None]


def _hearing(
    source: Source, task: str, name: str, because: str, engine: SpeechDetector | PitchTracker
) -> EngineChoice:
    """The choice of an engine that hears sound; none where there is none."""
    if not source.audio:
        return EngineChoice(task, "none", "there is no audio")
    return EngineChoice(task, name, because, engine.identity())


def _require(name: str, setting: str, known: frozenset[str] | None, language: str | None) -> None:
    """Refuse a named engine for a language that it would take for another."""
    if language and known is not None and language not in known:
        raise EngineError(
            f"{name} knows {', '.join(sorted(known))} only, and the language is '{language}'",
            hint=f"set engines.{setting}: auto, or name an engine that knows the language",
        )
