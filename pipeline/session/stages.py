"""The stages of a walk, each a pure function over tables with the settings it depends on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import polars as pl

from pipeline import audio, measures
from pipeline.audio.samples import Audio
from pipeline.config import Settings
from pipeline.core.errors import InputError
from pipeline.core.tables import (
    ACTIVITY,
    DIARIZATION,
    DOUBTS,
    DROPOUTS,
    FRAMES,
    LOSSES,
    MEDIA,
    TRANSCRIPTION,
    WORDS,
    Recording,
    Tables,
)
from pipeline.engines.protocols import Identity, SentenceEncoder, SpeechDetector, Transcribed
from pipeline.engines.transcription import asr_segments
from pipeline.formats import transcript
from pipeline.lexicons import Lexicons
from pipeline.measures import baseline, frames, meaning
from pipeline.session.intake import Source
from pipeline.session.plan import LanguageResources, Plan
from pipeline.session.prior_sessions import Past
from pipeline.speech import activity, quality, roles, turns, voices
from pipeline.workspace.provenance import EngineChoice
from pipeline.workspace.stage_cache import Stage
from pipeline.workspace.store import Store, canonical, digest

DECIDING = ("roles", "measures", "moments")
"""Stages that a correction computes again."""


class Sound:
    """Decodes when it is first asked, and frees the scratch files at the end."""

    def __init__(self, source: Source, store: Store, settings: Settings) -> None:
        self._source, self._store, self._settings = source, store, settings
        self._decoded: audio.Decoded | None = None

    def decoded(self) -> audio.Decoded:
        """The decoded recording.

        Raises
        ------
        ChangingError
            It was written to since it was hashed: what was decoded may not be of its id.
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
        """Its samples; None for a transcript alone."""
        return self.decoded().audio if self._source.audio else None

    def close(self) -> None:
        """Free the scratch files."""
        if self._decoded is not None:
            self._decoded.close()
            self._decoded = None


def listening(
    source: Source,
    sound: Sound,
    settings: Settings,
    detector: SpeechDetector,
) -> list[Stage]:
    """The stages before any engine is chosen: what was recorded, and where there is speech."""

    def media(_: Tables) -> Tables:
        if source.audio:
            decoded = sound.decoded()
            distinct = activity.distinct_channels(decoded.audio, settings.activity)
            told = decoded.media.with_columns(
                pl.lit(distinct, pl.Boolean).alias("distinct_channels")
            )
            return {"media": MEDIA.conform(told), "dropouts": decoded.dropouts}
        return {"media": _media_of_transcript(source), "dropouts": DROPOUTS.empty()}

    def active(tables: Tables) -> Tables:
        empty = {schema.name: schema.empty() for schema in (ACTIVITY, DOUBTS, LOSSES)}
        if sound.audio is None:
            return empty
        own = settings.activity
        heard = activity.hear(sound.audio, detector, own, settings.engines.threads)
        losses = activity.lost(sound.audio, tables["dropouts"], heard.activity, own)
        return {"activity": heard.activity, "doubts": heard.doubts, "losses": losses}

    reading = {} if source.audio else {"reading": transcript.VERSION}
    return [
        Stage(
            "media",
            3,
            (),
            media,
            _dump(settings, "audio", "activity") | reading,
            {"av": version("av")},
        ),
        Stage(
            "activity",
            6,
            ("media",),
            active,
            _dump(settings, "activity") | _told(detector.identity()),
            detector.identity(),
        ),
    ]


def _media_of_transcript(source: Source) -> pl.DataFrame:
    """A transcript without audio lasts until its last line ends."""
    duration_ms = transcript.load(source.transcript).duration_ms
    if not duration_ms:
        raise InputError("the transcript holds no words", expected="at least one timed line")
    row = {"duration_ms": duration_ms, "channels": 0, "damaged_packets": 0, "gap_ms": 0}
    return MEDIA.frame([dict[str, object](row)])


def _transcribe(plan: Plan, heard: Audio | None, cut: pl.DataFrame) -> Transcribed:
    if plan.transcriber is None:
        return Transcribed(WORDS.empty(), None, 0)
    return plan.transcriber.transcribe(heard, cut, plan.language)


def hearing(recording: Recording, sound: Sound, plan: Plan) -> list[Stage]:
    """Who spoke when, and the words: then the language is known."""
    settings = plan.settings
    who, what = plan.choice("who spoke when"), plan.choice("words")
    duration_ms = recording.duration_ms

    def spans(tables: Tables) -> Tables:
        found = plan.diarizer.diarize(sound.audio, tables["activity"], recording)
        row: dict[str, object] = {
            "engine": who.name,
            "speakers": found.spans["speaker"].n_unique(),
            "margin": found.margin,
            "knows_overlap": found.knows_overlap,
            "ends_estimated": found.ends_estimated,
            "repairs": list(found.repairs) or None,
        }
        return {"spans": found.spans, "diarization": DIARIZATION.frame([row])}

    def words(tables: Tables) -> Tables:
        cut = asr_segments.cut(tables["spans"], duration_ms, settings.transcription)
        heard = _transcribe(plan, sound.audio, cut)
        row: dict[str, object] = {
            "engine": what.name,
            "language": heard.language,
            "dropped_words": heard.dropped_words,
            "note": plan.no_words,
            "repairs": list(heard.repairs) or None,
        }
        return {"words": heard.words, "transcription": TRANSCRIPTION.frame([row])}

    metadata = recording.metadata
    speakers = {"speakers": metadata.speakers, "engine": who.name} | _told(who.identity)
    language = {"language": plan.language, "engine": what.name} | _told(what.identity)
    return [
        Stage(
            "spans",
            3,
            ("media", "activity"),
            spans,
            _dump(settings, who.name) | speakers,
            plan.diarizer.identity(),
            who.because,
        ),
        *_comparing(sound, plan),
        Stage(
            "words",
            2,
            ("spans",),
            words,
            _dump(settings, "transcription", what.name) | language,
            plan.transcriber.identity() if plan.transcriber else {},
            what.because,
        ),
    ]


def _comparing(sound: Sound, plan: Plan) -> list[Stage]:
    """Voices beside those of enrolled therapists; no stage at all where there are none."""
    enrolled = plan.enrolled
    if enrolled is None:
        return []

    def compare(tables: Tables) -> Tables:
        heard = sound.decoded().audio
        spans, settings = tables["spans"], plan.settings.voices
        made = voices.compare(heard, spans, enrolled.voices, enrolled.encoder, settings)
        return {"voices": made}

    told = _dump(plan.settings, "voices") | {"enrolled": enrolled.digests}
    return [Stage("voices", 1, ("spans",), compare, told, enrolled.encoder.identity())]


def understanding(
    sound: Sound,
    plan: Plan,
    spoken: LanguageResources,
    encoder: SentenceEncoder | None,
    choice: EngineChoice,
) -> list[Stage]:
    """The stages from turns to values; `meaning` is one of them where there is an encoder."""
    settings = plan.settings
    meant = _comparing_meaning(encoder, choice, settings, spoken)
    turned, valued = counting(settings, spoken, tuple(stage.name for stage in meant))

    def pitch_and_level(tables: Tables) -> Tables:
        if sound.audio is None:
            return {"frames": FRAMES.empty()}
        made = frames.measure(sound.audio, tables["spans"], plan.pitch, settings)
        return {"frames": made}

    def assess(tables: Tables) -> Tables:
        return {"quality": quality.assess(sound.audio, tables, settings.quality)}

    pitch = {"engine": settings.engines.pitch}
    return [
        turned,
        *meant,
        Stage(
            "frames",
            4,
            ("spans",),
            pitch_and_level,
            _dump(settings, "pitch", "phonation") | pitch,
            plan.pitch.identity(),
        ),
        Stage("quality", 2, ("media", "words"), assess, _dump(settings, "quality")),
        valued,
    ]


def _comparing_meaning(
    encoder: SentenceEncoder | None,
    choice: EngineChoice,
    settings: Settings,
    spoken: LanguageResources,
) -> list[Stage]:
    """Turns beside prototype sentences and questions; no stage at all where nobody compares."""
    if encoder is None:
        return []
    prototypes = spoken.lexicons.prototypes

    def compare(tables: Tables) -> Tables:
        return {"meaning": meaning.compare(tables["turns"], prototypes, encoder, settings.meaning)}

    identity = encoder.identity()
    told = _dump(settings, "meaning") | _prototypes(spoken) | {"engine": choice.name}
    told |= _told(identity)
    return [Stage("meaning", 1, ("turns",), compare, told, identity, choice.because)]


def _prototypes(spoken: LanguageResources) -> dict[str, str]:
    return {"prototypes": digest(spoken.lexicons.canonical_prototypes().encode())}


def counting(
    settings: Settings, spoken: LanguageResources, meant: tuple[str, ...] = ()
) -> tuple[Stage, Stage]:
    """The stages `turns` and `values`: they depend on lexicons, and need neither sound nor engine.

    Another lexicon or another setting of theirs computes them again from what was heard.

    Parameters
    ----------
    meant
        ``("meaning",)`` where turns were compared in meaning.
    """

    def cut_turns(tables: Tables) -> Tables:
        tells = partial(_tells, spoken.lexicons)
        return turns.build(
            tables,
            settings.turns,
            _acknowledges(spoken.lexicons),
            asks=tells("closing_question"),
            is_unfinished=tells("unfinished"),
        )

    def measure(tables: Tables) -> Tables:
        return {"values": measures.measure_all(tables, spoken.features)}

    lexicons = {"lexicons": spoken.digests["lexicons"]}
    catalogue = {"catalogue": [[f.name, f.version, f.item] for f in spoken.features]}
    return (
        Stage("turns", 4, ("media", "words"), cut_turns, _dump(settings, "turns") | lexicons),
        Stage(
            "values",
            1,
            ("turns", "frames", *meant),
            measure,
            _dump(settings, "features")
            | catalogue
            | lexicons
            | (_prototypes(spoken) if meant else {}),
        ),
    )


def deciding(
    recording: Recording,
    spoken: LanguageResources,
    settings: Settings,
    corrections: Mapping[str, str],
    past: Sequence[Past],
    compared: tuple[str, ...] = (),
) -> list[Stage]:
    """The stages that a correction or a changed rule computes again: roles, measures, moments.

    Parameters
    ----------
    past
        Earlier sessions of the client whose values join the baseline.
    compared
        ``("voices",)`` where voices were compared with those of enrolled therapists.
    """

    def assign(tables: Tables) -> Tables:
        asked = compared and settings.roles.enrolment
        known = voices.recognised(tables["voices"], settings.roles) if asked else {}
        return roles.assign(tables, recording.metadata, corrections, settings.roles, enrolled=known)

    def compare(tables: Tables) -> Tables:
        scored = baseline.score(
            tables["values"],
            spoken.features,
            tables,
            settings.baseline,
            [each.read() for each in past],
        )
        if settings.features.therapist_voice:
            return {"measures": scored, "frames": tables["frames"]}
        found = tables["roles"]
        hidden = found.filter(pl.col("role").is_in(("therapist", "unknown")))["speaker"].to_list()
        return {
            "measures": baseline.without_voice_of(scored, found, spoken.features),
            "frames": frames.without(tables["frames"], tables["spans"], hidden),
        }

    def flag(tables: Tables) -> Tables:
        return spoken.rules.flag(tables, spoken.lexicons, settings)

    metadata = recording.metadata
    known_roles = {
        "channels": {str(number): role for number, role in metadata.channels.items()},
        "roles": dict(metadata.roles),
        "corrections": dict(corrections),
    }
    voice = {"therapist_voice": settings.features.therapist_voice}
    earlier = {"earlier": [each.facts for each in past]} if past else {}
    return [
        Stage(
            "roles",
            5,
            ("turns", "values", *compared),
            assign,
            # Kept apart: what was told has a key "roles", as the settings have.
            _dump(settings, "roles") | {"told": known_roles},
        ),
        Stage(
            "measures",
            2,
            ("roles", "values"),
            compare,
            _dump(settings, "baseline") | voice | earlier,
        ),
        Stage(
            "moments",
            3,
            ("measures", "roles", "quality"),
            flag,
            _dump(settings, "moments", "response") | spoken.digests,
        ),
    ]


def settings_digest(settings: Settings, spoken: LanguageResources) -> dict[str, str]:
    """Digest of each part of the settings on which the deciding stages rest, rules among them."""
    sections = _dump(settings, "roles", "features", "baseline", "moments", "response")
    parts = {name: digest(canonical(part)) for name, part in sections.items()} | spoken.digests
    return {name: whole[:16] for name, whole in parts.items()}


def _acknowledges(lexicons: Lexicons) -> Callable[[str], bool] | None:
    """Whether a text is made of acknowledgements only; None where no lexicon tells."""
    if lexicons.language is None:
        return None
    return lambda text: bool(lexicons.only("acknowledgement", text))


def _tells(lexicons: Lexicons, name: str) -> Callable[[str], bool] | None:
    """Whether a text has a match of a lexicon; None where the language lacks it."""
    if name not in lexicons.entries:
        return None
    return lambda text: bool(lexicons.count(name, text))


def _told(identity: Identity) -> dict[str, Any]:
    """What an imported or scripted engine repeats: part of the slot, not of the engine's version.

    Another file asks another question; the answer to the older one is not merely stale.
    """
    repeats = "files" in identity or identity.get("engine") == "scripted"
    return {"told": dict(identity)} if repeats else {}


def _dump(settings: Settings, *sections: str) -> dict[str, Any]:
    """Settings on which a stage depends, as JSON values; an engine without settings has none."""
    dumped = settings.model_dump(mode="json", include=set(sections))
    return {name: dumped[name] for name in sections if name in dumped}
