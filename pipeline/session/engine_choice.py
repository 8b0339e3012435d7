"""Choose the engines for a recording, with the reason for each.

``auto`` takes the best installed engine and says why; a named engine never falls back. What comes
with the recording (a transcript, a channel for each speaker) is used before any engine.
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
    Reader,
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
    """Chooses engines by the settings; creates each once, so that its model is loaded once.

    Parameters
    ----------
    given
        Engines that override the settings: ``diarizer``, ``transcriber``, ``detector``,
        ``encoder``, ``reader``.
    """

    def __init__(self, settings: Settings, given: Mapping[str, Any]) -> None:
        self._settings = settings
        self._given = dict(given)
        self._made: dict[tuple[Kind, str], Any] = {}

    def engine(self, kind: Kind, name: str) -> Any:
        """The engine of that name, shared by all recordings.

        Raises
        ------
        ConfigError
            No engine has that name.
        """
        key = (kind, name)
        if key not in self._made:
            self._made[key] = registry.find(kind, name).make(self._settings)
        return self._made[key]

    @property
    def detector(self) -> SpeechDetector:
        """The speech detector for all recordings."""
        detector: SpeechDetector = self._given.get("detector") or self.engine(
            "speech detector", _DETECTOR
        )
        return detector

    @property
    def encoder(self) -> VoiceEncoder:
        """The encoder that compares voices, where enrolment is on."""
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
            A named engine is not installed, or `auto` finds no diarizer.
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
            return "imported", "the recording comes with a diarization"
        if not source.audio:
            return "imported", "there is a transcript and no audio"
        media = heard["media"].row(0, named=True)
        if media["channels"] > 1 and media["distinct_channels"]:
            return "channels", "each speaker has a separate channel"
        alike, why = self._likeness(media)
        named = [number for number in source.metadata.channels if number <= media["channels"]]
        if len(named) > 1 and not alike:
            return "channels", f"the session notes file assigns channels, although {why}"
        if self._speakers_named(source) > 1:
            return "imported", f"{why}, and the transcript names the speakers"
        reasons: list[tuple[str, EngineError]] = []
        for name in _tried("diarizer"):
            try:
                self.engine("diarizer", name).identity()
            except EngineError as caught:
                reasons.append((name, caught))
            else:
                missing = [f"{other} is not installed ({found.found})" for other, found in reasons]
                return name, "; ".join((why, *missing))
        raise EngineError(
            f"{why}; separating the speakers needs a model: "
            + ", ".join(found.found for _, found in reasons),
            expected="a diarizer, or a diarization or transcript that names the speakers",
            hint=reasons[-1][1].hint,
        )

    def _likeness(self, media: Mapping[str, Any]) -> tuple[bool, str]:
        """Whether all channels are alike, and why speakers must be separated by voice."""
        if media["channels"] == 1:
            return True, "one microphone"
        if media["correlation"] is None:
            return False, "only one channel contains sound"
        if media["correlation"] >= self._settings.activity.same_correlation:
            return True, "all channels contain the same sound"
        return False, "both speakers are heard on every channel"

    def _speakers_named(self, source: Source) -> int:
        """Number of speakers that the transcript names; 0 without a transcript."""
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
            A named engine is not installed, or does not know the language.
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
            return "none", "the file contains times but no words"
        reasons = []
        for name in _tried("transcriber"):
            transcriber = self.engine("transcriber", name)
            try:
                transcriber.identity()
            except EngineError as caught:
                reasons.append(f"{name} is not installed ({caught.found})")
                continue
            known = transcriber.languages()
            if known is None or language in known:
                because = f"the best installed; {reasons[0]}" if reasons else "the best"
                return name, because
            if language:
                reasons.append(f"{name} does not know the language '{language}'")
            else:
                reasons.append(f"{name} needs to know the language, which was not given")
        return "none", "; ".join(reasons)

    def reader(
        self, transcriber: Transcriber | None, language: str | None
    ) -> tuple[Reader | None, EngineChoice]:
        """The reader for a language, None without one, and why.

        Raises
        ------
        EngineError
            A named reader is not installed, or does not know the language.
        """
        task, name = "reading", self._settings.engines.reader
        reader: Reader
        if name == "none":
            return None, EngineChoice(task, "none", "as configured")
        if transcriber is None:
            return None, EngineChoice(task, "none", "there are no words")
        if language is None:
            return None, EngineChoice(task, "none", "the language is unknown")
        if given := self._given.get("reader"):
            reader = given
            return reader, EngineChoice(task, "scripted", "given by the caller", reader.identity())
        chosen = _tried("reader")[0] if name == "auto" else name
        reader = self.engine("reader", chosen)
        try:
            identity = reader.identity()
            _require(chosen, "reader", reader.languages(), language)
        except EngineError as caught:
            if name != "auto":
                raise
            return None, EngineChoice(task, "none", caught.found)
        because = "the best installed" if name == "auto" else "as configured"
        return reader, EngineChoice(task, chosen, because, identity)


def _tried(kind: Kind) -> list[str]:
    """Names of the engines that ``auto`` tries, in order."""
    return [each.name for each in registry.engines(kind) if each.auto is not None]


def _hearing(
    source: Source, task: str, name: str, because: str, engine: SpeechDetector | PitchTracker
) -> EngineChoice:
    """The choice of an engine that needs audio; "none" where there is no audio."""
    if not source.audio:
        return EngineChoice(task, "none", "there is no audio")
    return EngineChoice(task, name, because, engine.identity())


def _require(name: str, setting: str, known: frozenset[str] | None, language: str | None) -> None:
    """Refuse a named engine for a language that it does not know."""
    if language and known is not None and language not in known:
        raise EngineError(
            f"{name} knows {', '.join(sorted(known))} only, and the language is '{language}'",
            hint=f"set engines.{setting}: auto, or name an engine that knows the language",
        )
