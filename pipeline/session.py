"""The walk of one recording: from its bytes to candidate moments and a report.

::

    media ─ activity ─ spans ─┬─ words ─┬─ turns ──┬─ measures ─ roles ─┬─ moments ─ report.html
                              │         └─ quality ┼────────────────────┘
                              └─ frames ───────────┘

Each box but the last is a stage of the store; audio is decoded only if a stage that hears it is
missing. What engines and rules are used is decided by `assembly` and comes in as a `Plan`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from pipeline import activity, audio, baseline, features, quality, regions, report, roles, turns
from pipeline.config import Settings
from pipeline.errors import InputError
from pipeline.features import frames
from pipeline.intake import Source
from pipeline.lexicon import Lexicons
from pipeline.ports import (
    Audio,
    Diarizer,
    Feature,
    PitchTracker,
    SpeechDetector,
    Transcribed,
    Transcriber,
)
from pipeline.rules import RuleBook
from pipeline.stage import Outcome, Stage, State, run
from pipeline.store import Store, canonical, digest, write_private
from pipeline.tables import (
    ACTIVITY,
    DIARIZATION,
    DROPOUTS,
    FRAMES,
    MEDIA,
    SPANS,
    TRANSCRIPTION,
    WORDS,
    Recording,
    Tables,
)


@dataclass(frozen=True)
class Spoken:
    """What depends on the language of a session."""

    lexicons: Lexicons
    features: tuple[Feature, ...]
    rules: RuleBook


@dataclass(frozen=True)
class Plan:
    """The engines and rules of one walk.

    Attributes
    ----------
    transcriber
        None: timing only; `no_words` says why.
    language
        ISO 639-1; None: the transcriber detects it.
    provenance
        Engines with the reason for each, and notes; its stages are filled in at the end.
    """

    settings: Settings
    diarizer: Diarizer
    transcriber: Transcriber | None
    pitch: PitchTracker
    language: str | None
    no_words: str | None
    spoken: Spoken
    provenance: report.Provenance

    def name_of(self, task: str) -> str:
        """Name of the engine that does `task`."""
        return next(choice.name for choice in self.provenance.engines if choice.task == task)


@dataclass(frozen=True)
class Walked:
    """A session whose walk is done.

    Attributes
    ----------
    computed
        Stages that had to be computed, the report among them; empty: all was there already.
    stale
        Stages whose result an older engine made.
    seconds
        Wall time of each stage that was computed.
    """

    recording: Recording
    tables: Tables
    provenance: report.Provenance
    computed: tuple[str, ...]
    stale: tuple[str, ...]
    seconds: Mapping[str, float]


class _Sound:
    """Decodes when it is first asked, and frees the scratch files at the end."""

    def __init__(self, source: Source, store: Store, settings: Settings) -> None:
        self._source, self._store, self._settings = source, store, settings
        self._decoded: audio.Decoded | None = None

    def decoded(self) -> audio.Decoded:
        if self._decoded is None:
            self._decoded = audio.decode(
                self._source.audio, self._store.scratch, self._settings.audio
            )
        return self._decoded

    @property
    def audio(self) -> Audio | None:
        return self.decoded().audio if self._source.audio else None

    def close(self) -> None:
        if self._decoded is not None:
            self._decoded.close()
            self._decoded = None


def walk(
    source: Source,
    store: Store,
    settings: Settings,
    detector: SpeechDetector,
    choose: Callable[[Source, Tables], Plan],
    corrections: Mapping[str, str],
    *,
    refresh: bool = False,
    tell: Callable[[str, State], None] = lambda _stage, _state: None,
) -> Walked:
    """Walk one recording; what is there already is not computed again.

    Parameters
    ----------
    choose
        Gives the plan, once the number of channels and whether they differ are known.
    corrections
        Role of a speaker as a person set it.
    """
    sound = _Sound(source, store, settings)
    try:
        stages = _listening(source, sound, settings, detector, choose)
        heard = run(stages, source.recording_id, store, refresh=refresh, tell=tell)
        plan = choose(source, heard.tables)
        recording = _recording(source, heard.tables["media"])
        stages = [
            *_understanding(recording, sound, plan),
            *_deciding(recording, plan.spoken, settings, corrections),
        ]
        outcome = run(
            stages, source.recording_id, store, upstream=heard, refresh=refresh, tell=tell
        )
    finally:
        sound.close()
    return _publish(recording, outcome, plan.provenance, store, tell)


def decide_again(
    recording_id: str,
    store: Store,
    speak: Callable[[str | None], Spoken],
    settings: Settings,
    corrections: Mapping[str, str],
) -> Walked:
    """Roles and rules once more over the last walk; the recording itself may be gone.

    Parameters
    ----------
    speak
        Gives lexicons, features and rules of a language.
    """
    note = _read_note(recording_id, store)
    kept = [(stage, slot) for stage, slot in note.slots if stage not in ("roles", "moments")]
    addresses = {stage: note.provenance.stages[stage] for stage, _ in kept}
    tables: dict[str, pl.DataFrame] = {}
    for stage, slot in kept:
        tables |= store.read(recording_id, stage, slot)
    states: dict[str, State] = dict.fromkeys(addresses, "kept")
    upstream = Outcome(tables, states, addresses, dict(kept), {})
    stages = _deciding(note.recording, speak(note.language), settings, corrections)
    outcome = run(stages, recording_id, store, upstream=upstream)
    return _publish(note.recording, outcome, note.provenance, store)


def _recording(source: Source, media: pl.DataFrame) -> Recording:
    row = media.row(0, named=True)
    return Recording(
        source.recording_id,
        row["duration_ms"],
        row["sample_rate_hz"],
        row["channels"],
        source.metadata,
    )


def _listening(
    source: Source,
    sound: _Sound,
    settings: Settings,
    detector: SpeechDetector,
    choose: Callable[[Source, Tables], Plan],
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
        return {"media": _media_of_words(choose(source, {})), "dropouts": DROPOUTS.empty()}

    def active(_: Tables) -> Tables:
        if sound.audio is None:
            return {"activity": ACTIVITY.empty()}
        return {"activity": activity.detect(sound.audio, detector, settings.activity)}

    return [
        Stage("media", 1, (), media, _dump(settings, "audio", "activity"), {"av": version("av")}),
        Stage("activity", 1, ("media",), active, _dump(settings, "activity"), detector.identity()),
    ]


def _media_of_words(plan: Plan) -> pl.DataFrame:
    """A transcript without audio lasts until its last word ends."""
    words = _transcribe(
        plan, None, regions.cut(SPANS.empty(), 0, plan.settings.transcription)
    ).words
    if words.is_empty():
        raise InputError("the transcript holds no words", expected="at least one timed line")
    row: dict[str, object] = {
        "duration_ms": words["end_ms"].max(),
        "channels": 0,
        "damaged_packets": 0,
        "gap_ms": 0,
    }
    return MEDIA.frame([row])


def _transcribe(plan: Plan, heard: Audio | None, cut: pl.DataFrame) -> Transcribed:
    if plan.transcriber is None:
        return Transcribed(WORDS.empty(), None, 0)
    return plan.transcriber.transcribe(heard, cut, plan.language)


def _understanding(recording: Recording, sound: _Sound, plan: Plan) -> list[Stage]:
    """The stages from speakers to measures."""
    settings = plan.settings
    duration_ms = recording.duration_ms

    def spans(tables: Tables) -> Tables:
        found = plan.diarizer.diarize(sound.audio, tables["activity"], recording)
        row: dict[str, object] = {
            "engine": plan.name_of("who spoke when"),
            "speakers": found.spans["speaker"].n_unique(),
            "margin": found.margin,
            "knows_overlap": found.knows_overlap,
        }
        return {"spans": found.spans, "diarization": DIARIZATION.frame([row])}

    def words(tables: Tables) -> Tables:
        cut = regions.cut(tables["spans"], duration_ms, settings.transcription)
        heard = _transcribe(plan, sound.audio, cut)
        row: dict[str, object] = {
            "engine": plan.name_of("words"),
            "language": heard.language,
            "dropped_words": heard.dropped_words,
            "note": plan.no_words,
        }
        return {"words": heard.words, "transcription": TRANSCRIPTION.frame([row])}

    def cut_turns(tables: Tables) -> Tables:
        return turns.build(tables, settings.turns, _acknowledges(plan.spoken.lexicons))

    def pitch_and_level(tables: Tables) -> Tables:
        if sound.audio is None:
            return {"frames": FRAMES.empty()}
        made = frames.measure(sound.audio, tables["spans"], plan.pitch, settings)
        return {"frames": made}

    def assess(tables: Tables) -> Tables:
        return {"quality": quality.assess(sound.audio, tables, settings.quality)}

    def measure(tables: Tables) -> Tables:
        values = features.measure_all(tables, plan.spoken.features)
        return {"measures": baseline.score(values, plan.spoken.features, tables, settings.baseline)}

    metadata = recording.metadata
    speakers = {"speakers": metadata.speakers, "engine": plan.name_of("who spoke when")}
    language = {"language": plan.language, "engine": plan.name_of("words")}
    lexicons = {"lexicons": digest(plan.spoken.lexicons.canonical().encode())}
    pitch = {"engine": settings.engines.pitch}
    catalogue = {"features": [[f.name, f.version, f.item] for f in plan.spoken.features]}
    return [
        Stage(
            "spans",
            1,
            ("media", "activity"),
            spans,
            _dump(settings, plan.name_of("who spoke when")) | speakers,
            plan.diarizer.identity(),
        ),
        Stage(
            "words",
            1,
            ("spans",),
            words,
            _dump(settings, "transcription", plan.name_of("words")) | language,
            plan.transcriber.identity() if plan.transcriber else {},
        ),
        Stage("turns", 1, ("media", "words"), cut_turns, _dump(settings, "turns") | lexicons),
        Stage(
            "frames",
            1,
            ("spans",),
            pitch_and_level,
            _dump(settings, "pitch") | pitch,
            plan.pitch.identity(),
        ),
        Stage("quality", 1, ("media", "words"), assess, _dump(settings, "quality")),
        Stage(
            "measures",
            1,
            ("turns", "frames"),
            measure,
            _dump(settings, "baseline", "features") | catalogue | lexicons,
        ),
    ]


def _deciding(
    recording: Recording, spoken: Spoken, settings: Settings, corrections: Mapping[str, str]
) -> list[Stage]:
    """The stages that a correction or a changed rule computes again: roles and moments."""

    def assign(tables: Tables) -> Tables:
        assigned = roles.assign(tables, recording.metadata, corrections, settings.roles)
        measures = tables["measures"]
        if not settings.features.therapist_voice:
            measures = baseline.without_voice_of(measures, assigned["roles"], spoken.features)
        return {**assigned, "measures": measures}

    def flag(tables: Tables) -> Tables:
        return spoken.rules.flag(tables, spoken.lexicons, settings)

    metadata = recording.metadata
    known_roles = {
        "channels": {str(number): role for number, role in metadata.channels.items()},
        "roles": dict(metadata.roles),
        "corrections": dict(corrections),
    }
    voice = {"therapist_voice": settings.features.therapist_voice}
    rules = {"rules": spoken.rules.canonical(), "lexicons": spoken.lexicons.canonical()}
    return [
        Stage(
            "roles",
            1,
            ("turns", "measures"),
            assign,
            _dump(settings, "roles") | known_roles | voice,
        ),
        Stage(
            "moments",
            1,
            ("roles", "quality"),
            flag,
            _dump(settings, "moments", "response") | rules,
        ),
    ]


def _acknowledges(lexicons: Lexicons) -> Callable[[str], bool] | None:
    """Whether a text is made of acknowledgements only; None where no lexicon tells."""
    if lexicons.language is None:
        return None
    return lambda text: bool(lexicons.only("acknowledgement", text))


def _dump(settings: Settings, *sections: str) -> dict[str, Any]:
    """Settings on which a stage depends, as JSON values; an engine without settings has none."""
    dumped = settings.model_dump(mode="json")
    return {name: dumped[name] for name in sections if name in dumped}


@dataclass(frozen=True)
class _Note:
    """What the last walk came to, as ``walk.json`` has it.

    Attributes
    ----------
    slots
        Stage and slot, in the order of the walk: later tables replace earlier ones of that name.
    """

    recording: Recording
    language: str | None
    provenance: report.Provenance
    slots: tuple[tuple[str, str], ...]


_NOTE = TypeAdapter(_Note)


def _read_note(recording_id: str, store: Store) -> _Note:
    file = store.session(recording_id) / "walk.json"
    if not file.is_file():
        raise InputError(
            "this session has no finished walk", hint="run `tether run` on its recording"
        )
    return _NOTE.validate_json(file.read_bytes())


def _publish(
    recording: Recording,
    outcome: Outcome,
    provenance: report.Provenance,
    store: Store,
    tell: Callable[[str, State], None] = lambda _stage, _state: None,
) -> Walked:
    """Render the report and note the walk, unless both stand already."""
    provenance = replace(
        provenance,
        stages=dict(outcome.addresses),
        role_commands=_role_commands(recording, outcome.tables["roles"]),
    )
    heard = outcome.tables["transcription"]["language"][0]
    language = recording.metadata.language or heard
    note = _Note(recording, language, provenance, tuple(outcome.slots.items()))
    content = canonical(_NOTE.dump_python(note, mode="json"))
    folder = store.session(recording.recording_id)
    walk_file, report_file = folder / "walk.json", folder / "report.html"
    computed = [name for name, state in outcome.states.items() if state == "done"]
    stands = report_file.is_file() and walk_file.is_file() and walk_file.read_bytes() == content
    seconds = dict(outcome.seconds)
    if not stands:
        tell("report", "started")
        began = time.perf_counter()
        html = report.render(recording, outcome.tables, provenance)
        write_private(report_file, html.encode("utf-8"))
        write_private(walk_file, content)
        computed.append("report")
        seconds["report"] = time.perf_counter() - began
        tell("report", "done")
    stale = tuple(name for name, state in outcome.states.items() if state == "stale")
    return Walked(recording, outcome.tables, provenance, tuple(computed), stale, seconds)


def _role_commands(recording: Recording, found: pl.DataFrame) -> tuple[str, ...]:
    """What to type where a role is unknown or was inferred: one command for each guess."""
    doubtful = found.filter(pl.col("source").is_in(["unknown", "inferred"]))["speaker"]
    return tuple(
        f'tether correct {recording.short_id} "{speaker}=therapist"' for speaker in doubtful
    )


def reopen(recording_id: str, store: Store) -> Walked:
    """The last walk of a session, from the store alone: the recording may be gone.

    Raises
    ------
    InputError
        It was never walked to the end.
    """
    note = _read_note(recording_id, store)
    tables: dict[str, pl.DataFrame] = {}
    for stage, slot in note.slots:
        tables |= store.read(recording_id, stage, slot)
    return Walked(note.recording, tables, note.provenance, (), (), {})
