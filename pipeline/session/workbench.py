"""The composition root: settings become engines, features and compiled rules, and a walk.

Everything that can be wrong with settings, rules and lexicons is found here, before audio is
touched. ``auto`` takes the best engine that is present and says why; a named engine never falls
back.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import lexicons as lexicon
from pipeline import measures, session
from pipeline.audio.clips import Clip
from pipeline.config import Settings
from pipeline.core.errors import ConfigError, EngineError
from pipeline.core.registry import Registry, nearest
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import ROLE_NAMES
from pipeline.engines import imported
from pipeline.engines.protocols import (
    Diarizer,
    PitchTracker,
    SentenceEncoder,
    SpeechDetector,
    Transcriber,
    VoiceEncoder,
)
from pipeline.formats.cues import UNNAMED
from pipeline.lexicons import Lexicons
from pipeline.measures import wording
from pipeline.rules import RuleBook
from pipeline.session import Enrolled, LanguageResources, Plan, SessionResult, intake
from pipeline.session.intake import Source
from pipeline.workspace.catalogue import Catalogue, Voice
from pipeline.workspace.provenance import EngineChoice, Provenance
from pipeline.workspace.stage_cache import State
from pipeline.workspace.store import Store

DIARIZERS = Registry(
    "diarizer",
    {
        "channels": "pipeline.engines.diarization.channels:ChannelsDiarizer",
        "pyannote": "pipeline.engines.diarization.pyannote:PyannoteDiarizer",
        "clustering": "pipeline.engines.diarization.clustering:ClusteringDiarizer",
    },
)
TRANSCRIBERS = Registry(
    "transcriber",
    {
        "faster_whisper": "pipeline.engines.transcription.faster_whisper:FasterWhisperTranscriber",
        "moonshine": "pipeline.engines.transcription.moonshine:MoonshineTranscriber",
    },
)
PITCH_TRACKERS = Registry(
    "pitch tracker",
    {
        "swift_f0": "pipeline.engines.pitch.swift_f0:SwiftF0Tracker",
        "pyin": "pipeline.engines.pitch.pyin:PyinTracker",
    },
)
ENCODERS = Registry(
    "voice encoder", {"ge2e": "pipeline.engines.diarization.clustering.encoder:Ge2e"}
)
SENTENCE_ENCODERS = Registry(
    "sentence encoder", {"minilm": "pipeline.engines.reading.minilm:MiniLmEncoder"}
)
DETECTORS = Registry("speech detector", {"silero": "pipeline.engines.vad.silero:Silero"})


class Workbench:
    """A workspace with its settings: walks recordings.

    Parameters
    ----------
    profile
        Name of the settings, for the report.
    options
        Options of the command line that name workspace and settings, where they are not the usual
        ones; they stand in the commands that a report gives.
    engines
        Engines that win over the settings: ``diarizer``, ``transcriber``, ``detector``,
        ``encoder``, ``sentences``; scripted ones make a test or an experiment.
    lexicons
        By language, where another bench has read them: reading takes a second.

    Raises
    ------
    ConfigError
        Mistakes in rules or lexicons, all at once.
    StoreError
        The workspace cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        workspace: Path,
        *,
        profile: str = "default",
        options: tuple[str, ...] = (),
        engines: Mapping[str, Any] | None = None,
        lexicons: Mapping[str | None, Lexicons] | None = None,
    ) -> None:
        self.settings = settings
        self.profile = profile
        self.options = options
        self._given = dict(engines or {})
        self._read = dict(lexicons or {})
        self._languages: dict[str | None, LanguageResources] = {}
        self._engines: dict[tuple[str, str], Any] = {}
        self.language_resources(settings.transcription.language)  # mistakes in rules are told now
        self.store = Store(workspace)
        self.catalogue = Catalogue(workspace)

    def process(
        self,
        source: Source,
        *,
        refresh: bool = False,
        on_progress: Callable[[str, State], None] = lambda _stage, _state: None,
    ) -> SessionResult:
        """Process one recording."""
        return session.process(
            source,
            self.store,
            self.settings,
            self.detector,
            self.plan,
            self.language_resources,
            self.catalogue.corrections(source.recording_id),
            refresh=refresh,
            on_progress=on_progress,
        )

    def correct(
        self, recording_id: str, roles: Mapping[str, str], now: dt.datetime, *, anew: bool = False
    ) -> SessionResult:
        """Note who is who, and run roles and rules again; the recording itself may be gone.

        Parameters
        ----------
        roles
            Role by speaker.
        anew
            Do so under these settings, though the walk was under others.

        Raises
        ------
        ConfigError
            An unknown role, a speaker who is not there, or settings other than those of the walk:
            moments would change for two reasons.
        StoreError
            A run is at work in the workspace.
        """
        for role in roles.values():
            if role not in ROLE_NAMES:
                raise ConfigError("unknown role", expected=nearest(role, ROLE_NAMES))
        before = session.reopen(recording_id, self.store)
        speakers = before.tables["roles"]["speaker"].to_list()
        for speaker in roles:
            if speaker not in speakers:  # it would change nothing
                known = ", ".join(session.unlabelled(speakers).values())
                raise ConfigError("no such speaker in this session", expected=f"one of {known}")
        if not anew:
            self._require_same_settings(before)
        with self.store.lock():
            for speaker, role in roles.items():
                self.catalogue.correct(recording_id, speaker, role, now)
            return self.decide_again(recording_id)

    def _require_same_settings(self, processed: SessionResult) -> None:
        differing = self._differing(processed)
        if differing:
            raise ConfigError(
                "the session was walked under other settings "
                f"('{processed.provenance.profile}', now '{self.profile}'): they differ in "
                + ", ".join(differing),
                expected="the same, for roles, baselines and rules are computed again",
                hint="say the --config of the run; or run the recording again with these settings; "
                "or `tether correct` with --anew to correct under these",
            )

    def decide_again(self, recording_id: str) -> SessionResult:
        """Roles and rules once more over the last walk."""
        return session.decide_again(
            recording_id,
            self.store,
            self.language_resources,
            self.settings,
            self.catalogue.corrections(recording_id),
            lambda found: replace(found, profile=self.profile, options=self.options),
        )

    def _differing(self, processed: SessionResult) -> list[str]:
        """Parts of the settings in which `decide_again` would differ from the walk.

        Empty too for the note of an older version, which does not tell.
        """
        now = session.settings_digest(self.settings, self.language_resources(processed.language))
        return [name for name, settled in processed.settings.items() if now.get(name) != settled]

    @property
    def detector(self) -> SpeechDetector:
        """The speech detector of every run."""
        detector: SpeechDetector = self._given.get("detector") or self._engine(DETECTORS, "silero")
        return detector

    def _engine(self, registry: Registry, name: str) -> Any:
        """The engine of that name: one for all recordings, so that its model is loaded once."""
        key = (registry.noun, name)
        if key not in self._engines:
            self._engines[key] = registry.get(name)(self.settings)
        return self._engines[key]

    def plan(self, source: Source, heard: Tables) -> Plan:
        """Choose the engines for one recording.

        Parameters
        ----------
        heard
            Tables `media` and `activity`; empty for a transcript without audio.

        Raises
        ------
        EngineError
            A named engine is not present, or `auto` finds none that says who speaks.
        """
        language = source.metadata.language or self.settings.transcription.language
        diarizer, who = self._diarizer(source, heard)
        transcriber, what = self._transcriber(source, language)
        pitch = self._engine(PITCH_TRACKERS, self.settings.engines.pitch)
        no_words = None if transcriber else f"Timing only: {what.because}."
        if self.settings.engines.meaning != "auto" and language:
            self._sentence_encoder_for(transcriber, language)  # what is missing is told now
        chosen = (
            _hearing(source, "speech activity", "silero", "always used", self.detector),
            who,
            what,
            _hearing(source, "pitch", self.settings.engines.pitch, "as configured", pitch),
        )
        return Plan(
            diarizer=diarizer,
            transcriber=transcriber,
            pitch=pitch,
            language=language,
            no_words=no_words,
            sentence_encoder_for=partial(self._sentence_encoder_for, transcriber),
            enrolled=self._enrolled(source),
            provenance=Provenance(
                version=version("tether"),
                profile=self.profile,
                options=self.options,
                engines=chosen,
                notes=(no_words,) if no_words else (),
            ),
        )

    @property
    def lexicons(self) -> dict[str | None, Lexicons]:
        """What was read so far, by language."""
        return {language: spoken.lexicons for language, spoken in self._languages.items()}

    def language_resources(self, language: str | None) -> LanguageResources:
        """Lexicons, features and compiled rules of a language."""
        if language not in self._languages:
            lexicons = self._read.get(language) or lexicon.load(
                language, own=map(Path, self.settings.lexicons)
            )
            words = wording.features(lexicons, self.settings.features)
            catalogue = measures.catalogue(self.settings, *words, lexicons=lexicons)
            rules = RuleBook.read(self.settings, catalogue, lexicons)
            self._languages[language] = LanguageResources(lexicons, catalogue, rules)
        return self._languages[language]

    @property
    def encoder(self) -> VoiceEncoder:
        """What voices are compared by, where enrolment is on."""
        encoder: VoiceEncoder = self._given.get("encoder") or self._engine(ENCODERS, "ge2e")
        return encoder

    def enrol(self, recording_id: str, path: Path, therapist: str, now: dt.datetime) -> Voice:
        """Keep the voice of the therapist of a session; needs `roles.enrolment`.

        Parameters
        ----------
        path
            Where the recording lies.
        therapist
            Pseudonym.

        Raises
        ------
        ConfigError
            Enrolment is off, or the sidecar names another therapist.
        InputError
            Nobody said who the therapist is, the recording is another or has no audio, or the
            therapist hardly talks alone.
        """
        if not self.settings.roles.enrolment:
            raise ConfigError(
                "enrolment is off, for a voice print identifies a person",
                expected="a therapist who agreed, and settings with 'roles: {enrolment: true}'",
                hint="name such settings with --config",
            )
        processed = session.reopen(recording_id, self.store)
        source = self._source(path)
        vector, speech_ms = session.therapist_voice(
            processed, source, therapist, self.store, self.settings, self.encoder
        )
        model = self.encoder.identity()["model"]
        voice = Voice(therapist, vector.astype("<f4").tobytes(), model, speech_ms, now)
        self.catalogue.enrol(voice)
        return voice

    def clips(self, processed: SessionResult, path: Path) -> dict[int, Clip]:
        """What is heard around the candidate moments of a walked session, by moment_id.

        Parameters
        ----------
        path
            Where the recording lies.

        Raises
        ------
        InputError
            The recording is another or has no audio.
        """
        source = self._source(path)
        return session.moment_clips(processed, source, self.store, self.settings)

    def _source(self, path: Path) -> Source:
        named = intake.Named(path, path.parent)
        return intake.read(named, consent=False, limits=self.settings.intake)

    def _enrolled(self, source: Source) -> Enrolled | None:
        """The voice of the therapist whom the sidecar names, or all where it names none."""
        if not (self.settings.roles.enrolment and source.audio):
            return None
        named = source.metadata.therapist
        found = [each for each in self.catalogue.voices() if named in (None, each.therapist)]
        if not found:
            return None
        model = self.encoder.identity()["model"]
        for each in found:
            if each.model != model:
                raise EngineError(
                    "a voice was enrolled with another network",
                    hint="tether enrol --list; then tether enrol --forget THERAPIST, and enrol the "
                    "voice again",
                )
        vectors = {each.therapist: np.frombuffer(each.vector, dtype="<f4") for each in found}
        return Enrolled(self.encoder, vectors)

    def _diarizer(self, source: Source, heard: Tables) -> tuple[Diarizer, EngineChoice]:
        name: str = self.settings.engines.diarizer
        because = "as configured"
        if given := self._given.get("diarizer"):
            diarizer: Diarizer = given
            name, because = "scripted", "given by the caller"
        else:
            if name == "auto":
                name, because = self._best_diarizer(source, heard)
            if name == "imported":
                files = source.diarization or source.transcript
                diarizer = imported.ImportedDiarizer(self.settings, files)
            else:
                diarizer = self._engine(DIARIZERS, name)
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
        reasons = []
        for name in ("pyannote", "clustering"):
            try:
                self._engine(DIARIZERS, name).identity()
            except EngineError as caught:
                reasons.append(caught)
            else:
                missing = f"; pyannote is not here ({reasons[0].found})" if reasons else ""
                return name, f"{why}{missing}"
        raise EngineError(
            f"{why}, and no diarizer that knows voices is here: "
            + ", ".join(reason.found for reason in reasons),
            expected="one, or a diarization or transcript that names the speakers",
            hint=reasons[-1].hint,
        )

    def _likeness(self, media: Mapping[str, Any]) -> tuple[bool, str]:
        """Whether no channel differs from another at all, and why voices must be told apart."""
        if media["channels"] == 1:
            return True, "one microphone"
        if media["correlation"] is None:
            return False, "only one channel carries sound"
        if media["correlation"] >= self.settings.activity.same_correlation:
            return True, "all channels carry the same sound"
        return False, "both speakers are heard on the channels alike"

    def _speakers_named(self, source: Source) -> int:
        """How many speakers the transcript tells apart; 0 without one."""
        if not source.transcript:
            return 0
        lines = imported.ImportedDiarizer(self.settings, source.transcript).content.lines
        return len({*lines["speaker"]} - {None, UNNAMED})

    def _transcriber(
        self, source: Source, language: str | None
    ) -> tuple[Transcriber | None, EngineChoice]:
        name: str = self.settings.engines.transcriber
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
                transcriber = imported.ImportedTranscriber(self.settings, source.transcript)
            else:
                transcriber = self._engine(TRANSCRIBERS, name)
                _require(name, "transcriber", transcriber.languages(), language)
        return transcriber, EngineChoice("words", name, because, transcriber.identity())

    def _best_transcriber(self, source: Source, language: str | None) -> tuple[str, str]:
        if source.transcript:
            read = imported.ImportedTranscriber(self.settings, source.transcript)
            if source.audio or read.content.has_words:
                return "imported", "there is a transcript"
            return "none", "the file holds times and no words"
        reasons = []
        for name in TRANSCRIBERS.names():
            transcriber = self._engine(TRANSCRIBERS, name)
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

    @property
    def _sentences(self) -> SentenceEncoder:
        named = self.settings.engines.meaning
        encoder: SentenceEncoder = self._given.get("sentences") or self._engine(
            SENTENCE_ENCODERS, "minilm" if named == "auto" else named
        )
        return encoder

    def _sentence_encoder_for(
        self, transcriber: Transcriber | None, language: str | None
    ) -> tuple[SentenceEncoder | None, EngineChoice]:
        """The sentence encoder for a language, and why; None: meaning is not compared."""
        task, name = "meaning", self.settings.engines.meaning
        if name == "none":
            return None, EngineChoice(task, "none", "as configured")
        if transcriber is None:
            return None, EngineChoice(task, "none", "there are no words")
        if language is None:
            return None, EngineChoice(task, "none", "nobody named the language")
        auto, given = name == "auto", "sentences" in self._given
        try:
            identity = self._sentences.identity()
            _require("the sentence encoder", "meaning", self._sentences.languages(), language)
        except EngineError as caught:
            if not auto:
                raise
            return None, EngineChoice(task, "none", caught.found)
        because = (
            "given by the caller" if given else "the best that is here" if auto else "as configured"
        )
        used = "scripted" if given else "minilm" if auto else name
        return self._sentences, EngineChoice(task, used, because, identity)


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
