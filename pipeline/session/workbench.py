"""The composition root: settings become engines, features and compiled rules, and a walk.

Everything that can be wrong with settings, rules and lexicons is found here, before audio is
touched. Engines are chosen by `engine_choice`.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import lexicons as lexicon
from pipeline import measures, session
from pipeline.audio.clips import Clip
from pipeline.config import Settings
from pipeline.core.errors import ConfigError, EngineError
from pipeline.core.registry import nearest
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import ROLE_NAMES
from pipeline.engines.protocols import SpeechDetector, VoiceEncoder
from pipeline.lexicons import Lexicons
from pipeline.rules import RuleBook
from pipeline.session import Enrolled, LanguageResources, Plan, SessionResult, intake
from pipeline.session.engine_choice import EngineChooser
from pipeline.session.intake import Source
from pipeline.workspace.catalogue import Catalogue, Voice
from pipeline.workspace.provenance import Provenance
from pipeline.workspace.stage_cache import State
from pipeline.workspace.store import Store


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
        ``encoder``; scripted ones make a test or an experiment.
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
        self.engines = EngineChooser(settings, engines or {})
        self._read = dict(lexicons or {})
        self._languages: dict[str | None, LanguageResources] = {}
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
        return self.engines.detector

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
        diarizer, who = self.engines.diarizer(source, heard)
        transcriber, what = self.engines.transcriber(source, language)
        pitch, height = self.engines.pitch(source)
        no_words = None if transcriber else f"Timing only: {what.because}."
        chosen = (
            self.engines.detection(source),
            who,
            what,
            height,
        )
        return Plan(
            diarizer=diarizer,
            transcriber=transcriber,
            pitch=pitch,
            language=language,
            no_words=no_words,
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
            catalogue = measures.catalogue(self.settings, lexicons)
            rules = RuleBook.read(self.settings, catalogue, lexicons)
            self._languages[language] = LanguageResources(lexicons, catalogue, rules)
        return self._languages[language]

    @property
    def encoder(self) -> VoiceEncoder:
        """What voices are compared by, where enrolment is on."""
        return self.engines.encoder

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
