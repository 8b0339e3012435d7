"""The composition root: turns settings into engines, features and compiled rules.

Errors in settings, rules and lexicons are reported here, before any audio is read. `engine_choice`
chooses the engines.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import lexicons as wordlists
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
from pipeline.workspace.layout import USUAL_PROFILE, USUAL_WORKSPACE
from pipeline.workspace.provenance import Provenance
from pipeline.workspace.stage_cache import State
from pipeline.workspace.store import Store


class Workbench:
    """A workspace with its settings; processes recordings.

    Parameters
    ----------
    profile
        Name of the settings, for the report.
    options
        Command-line options for a workspace and settings other than the defaults; the commands in
        a report repeat them.
    engines
        Engines that override the settings: ``diarizer``, ``transcriber``, ``detector``,
        ``encoder``, ``reader``; scripted ones serve tests and experiments.
    lexicons
        By language, from another workbench that has read them: reading takes a second.

    Raises
    ------
    ConfigError
        Errors in rules or lexicons, all at once.
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
        self.language_resources(settings.transcription.language)  # reports errors in rules now
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
        """Keep who is who, and run roles and rules again; the recording itself may be gone.

        Parameters
        ----------
        roles
            Role by speaker.
        now
            Time of the correction.
        anew
            Use these settings although the last run had others.

        Raises
        ------
        ConfigError
            An unknown role or speaker, or settings other than those of the last run: moments would
            change for two reasons.
        StoreError
            Another run is using the workspace.
        """
        for role in roles.values():
            if role not in ROLE_NAMES:
                raise ConfigError("unknown role", expected=nearest(role, ROLE_NAMES))
        before = session.reopen(recording_id, self.store)
        speakers = before.tables["roles"]["speaker"].to_list()
        for speaker in roles:
            if speaker not in speakers:  # the correction would have no effect
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
                "the session was processed with other settings "
                f"('{processed.provenance.profile}', now '{self.profile}'): they differ in "
                + ", ".join(differing),
                expected="the same settings, because roles, baselines and rules are computed again",
                hint="give the --config of that run; or run the recording again with these "
                "settings; or use `tether correct` with --anew",
            )

    def decide_again(self, recording_id: str) -> SessionResult:
        """Run roles and rules again on the results of the last run."""
        return session.decide_again(
            recording_id,
            self.store,
            self.language_resources,
            self.settings,
            self.catalogue.corrections(recording_id),
            lambda found: replace(found, profile=self.profile, options=self.options),
        )

    def _differing(self, processed: SessionResult) -> list[str]:
        """Parts of the settings in which `decide_again` would differ from the last run.

        Also empty for a run manifest of an older version, which does not hold them.
        """
        now = session.settings_digest(self.settings, self.language_resources(processed.language))
        return [name for name, settled in processed.settings.items() if now.get(name) != settled]

    @property
    def detector(self) -> SpeechDetector:
        """The speech detector for all recordings."""
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
            A named engine is not installed, or `auto` finds no diarizer.
        """
        language = source.metadata.language or self.settings.transcription.language
        diarizer, who = self.engines.diarizer(source, heard)
        transcriber, what = self.engines.transcriber(source, language)
        pitch, height = self.engines.pitch(source)
        if self.settings.engines.reader != "auto" and language:
            self.engines.reader(transcriber, language)  # report what is missing now
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
            reader_for=partial(self.engines.reader, transcriber),
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
        """The lexicons read so far, by language."""
        return {language: spoken.lexicons for language, spoken in self._languages.items()}

    def language_resources(self, language: str | None) -> LanguageResources:
        """Lexicons, features and compiled rules of a language."""
        if language not in self._languages:
            lexicons = self._read.get(language) or wordlists.load(
                language, own=map(Path, self.settings.lexicons)
            )
            catalogue = measures.catalogue(self.settings, lexicons)
            rules = RuleBook.read(self.settings, catalogue, lexicons)
            self._languages[language] = LanguageResources(lexicons, catalogue, rules)
        return self._languages[language]

    @property
    def encoder(self) -> VoiceEncoder:
        """The encoder that compares voices, where enrolment is on."""
        return self.engines.encoder

    def enrol(self, recording_id: str, path: Path, therapist: str, now: dt.datetime) -> Voice:
        """Keep the voice of a session's therapist; needs `roles.enrolment`.

        Parameters
        ----------
        path
            The recording.
        therapist
            Pseudonym.
        now
            Time of the enrolment.

        Raises
        ------
        ConfigError
            Enrolment is off, or the session notes file names another therapist.
        InputError
            No person has set who the therapist is, the recording has changed or has no audio, or
            the therapist speaks alone for too short a time.
        """
        if not self.settings.roles.enrolment:
            raise ConfigError(
                "enrolment is off, because a voice print identifies a person",
                expected="the therapist's consent, and settings with 'roles: {enrolment: true}'",
                hint="give such settings with --config",
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
        """Audio around the suggested moments of a processed session, by moment_id.

        Parameters
        ----------
        path
            The recording.

        Raises
        ------
        InputError
            The recording has changed or has no audio.
        """
        source = self._source(path)
        return session.moment_clips(processed, source, self.store, self.settings)

    def _source(self, path: Path) -> Source:
        named = intake.Named(path, path.parent)
        return intake.read(named, consent=False, limits=self.settings.intake)

    def _enrolled(self, source: Source) -> Enrolled | None:
        """The voice of the therapist in the session notes file, or all if it names none."""
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
                    "a voice was enrolled with another model",
                    hint="tether enrol --list; then tether enrol --forget THERAPIST, and enrol the "
                    "voice again",
                )
        vectors = {each.therapist: np.frombuffer(each.vector, dtype="<f4") for each in found}
        return Enrolled(self.encoder, vectors)


def workbench_of(settings: Settings, workspace: Path, profile: str) -> Workbench:
    """A workbench whose reports repeat the options of this workspace and profile.

    Parameters
    ----------
    profile
        Name of a built-in profile, or path of a file, as ``--config`` has it.
    """
    options: tuple[str, ...] = ()
    if str(workspace) != USUAL_WORKSPACE:
        options += ("--workspace", str(workspace))
    if profile != USUAL_PROFILE:
        options += ("--config", profile)
    return Workbench(settings, workspace, profile=Path(profile).stem, options=options)
