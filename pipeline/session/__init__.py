"""The walk of one recording: from its bytes to candidate moments.

::

    media ─ activity ─ spans ─┬─ words ─┬─ turns ─ meaning ┬─ values ─ roles ─ measures ┬─ moments
                              │         └─ quality ────────┼────────────────────────────┘
                              └─ frames ───────────────────┘

Each is a stage of the store; audio is decoded only if a stage that hears it is
missing. What engines and rules are used is decided by `assembly` and comes in as a `Plan`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import polars as pl

from pipeline import report
from pipeline.config import Settings
from pipeline.core.languages import NOT_UNDERSTOOD
from pipeline.core.tables import Recording, Tables
from pipeline.engines.protocols import SpeechDetector
from pipeline.session import prior_sessions, stages
from pipeline.session.cleanup import purge, unused
from pipeline.session.enrolment import therapist_voice
from pipeline.session.intake import Source
from pipeline.session.manifest import SessionResult, publish, read_manifest, reopen
from pipeline.session.moment_audio import moment_clips
from pipeline.session.plan import Enrolled, LanguageResources, Plan
from pipeline.session.replacement import Older, abandon, replace_older
from pipeline.session.role_warnings import numbered, unlabelled, unused_role_warnings
from pipeline.session.stages import settings_digest
from pipeline.workspace.stage_cache import Outcome, State, run
from pipeline.workspace.store import Store

__all__ = [
    "Enrolled",
    "LanguageResources",
    "Older",
    "Plan",
    "SessionResult",
    "abandon",
    "decide_again",
    "moment_clips",
    "numbered",
    "purge",
    "read_manifest",
    "reopen",
    "replace_older",
    "settings_digest",
    "therapist_voice",
    "unlabelled",
    "unused",
    "walk",
]


def process(
    source: Source,
    store: Store,
    settings: Settings,
    detector: SpeechDetector,
    choose: Callable[[Source, Tables], Plan],
    corrections: Mapping[str, str],
    *,
    refresh: bool = False,
    on_progress: Callable[[str, State], None] = lambda _stage, _state: None,
) -> SessionResult:
    """Walk one recording; what is there already is not computed again.

    Parameters
    ----------
    choose
        Gives the plan, once the number of channels and whether they differ are known.
    corrections
        Role of a speaker as a person set it.
    """
    sound = stages.Sound(source, store, settings)
    root = source.recording_id
    try:
        first = stages.listening(source, sound, settings, detector)
        heard = run(first, root, store, refresh=refresh, on_progress=on_progress)
        plan = choose(source, heard.tables)
        recording = _recording(source, heard.tables["media"])
        hearing = stages.hearing(recording, sound, plan)
        said = run(hearing, root, store, upstream=heard, refresh=refresh, on_progress=on_progress)
        language = plan.language or said.tables["transcription"]["language"][0]
        spoken = plan.language_resources(language)
        encoder, meant = plan.sentence_encoder_for(language)
        knowing = stages.understanding(sound, plan, spoken, encoder, meant)
        known = run(knowing, root, store, upstream=said, refresh=refresh, on_progress=on_progress)
        past = _past(recording, known, store, settings)
        decide = stages.deciding(recording, spoken, settings, corrections, past, _compared(known))
        outcome = run(decide, root, store, upstream=known, refresh=refresh, on_progress=on_progress)
        source.require_unchanged()
    finally:
        sound.close()
    about = (
        *_about(language, plan, spoken, meant),
        *unused_role_warnings(recording, outcome.tables),
        *_repairs(outcome.tables, source),
    )
    notes = prior_sessions.told((*plan.provenance.notes, *about), past)
    engines = (*plan.provenance.engines, meant)
    provenance = replace(plan.provenance, engines=engines, rules=spoken.listed, notes=notes)
    settled = settings_digest(settings, spoken)
    return publish(recording, language, outcome, provenance, settled, store, on_progress)


def decide_again(
    recording_id: str,
    store: Store,
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
    corrections: Mapping[str, str],
    named: Callable[[report.Provenance], report.Provenance] = lambda provenance: provenance,
) -> SessionResult:
    """Roles and rules once more over the last walk; the recording itself may be gone.

    Parameters
    ----------
    speak
        Gives lexicons, features and rules of a language.
    named
        Puts the names of workspace and settings into the provenance.
    """
    note = read_manifest(recording_id, store)
    kept = [(stage, slot) for stage, slot in note.slots if stage not in stages.DECIDING]
    addresses = {stage: note.provenance.stages[stage] for stage, _ in kept}
    tables: dict[str, pl.DataFrame] = {}
    for stage, slot in kept:
        tables |= store.read(recording_id, stage, slot)
    states: dict[str, State] = {
        stage: "stale" if stage in note.stale else "kept" for stage in addresses
    }
    upstream = Outcome(tables, states, addresses, dict(kept), {})
    spoken = language_resources(note.language)
    past = _past(note.recording, upstream, store, settings)
    decide = stages.deciding(
        note.recording, spoken, settings, corrections, past, _compared(upstream)
    )
    outcome = run(decide, recording_id, store, upstream=upstream)
    provenance = named(note.provenance)
    notes = prior_sessions.told(provenance.notes, past)
    provenance = replace(provenance, rules=spoken.listed, notes=notes)
    settled = settings_digest(settings, spoken)
    return publish(note.recording, note.language, outcome, provenance, settled, store)


def _compared(known: Outcome) -> tuple[str, ...]:
    return ("voices",) if "voices" in known.slots else ()


def _past(
    recording: Recording, known: Outcome, store: Store, settings: Settings
) -> tuple[prior_sessions.Past, ...]:
    at_most = settings.baseline.earlier_sessions
    return prior_sessions.find(recording, known.slots["values"], store, at_most)


def _about(
    language: str | None, plan: Plan, spoken: LanguageResources, meant: report.EngineChoice
) -> Iterator[str]:
    """What is to be said of the language, and of rules on meaning where nobody compares it."""
    if language and not plan.language:
        yield f"Nobody named the language; the transcriber heard '{language}'."
    if spoken.lexicons.language is None:
        yield f"{_lacking(language)}: rules that need words abstain."
    elif meant.name == "none" and plan.transcriber and spoken.compares_meaning:
        yield f"Rules on meaning flag nothing, for it was not compared: {meant.because}."


def _lacking(language: str | None) -> str:
    """Why there is no lexicon."""
    if language == NOT_UNDERSTOOD:
        return "The transcript states a language that Tether does not understand"
    named = f"the language '{language}'" if language else "a language that nobody named"
    return f"There is no lexicon for {named}"


def _repairs(tables: Tables, source: Source) -> Iterator[str]:
    """What was mended or passed over in the files of a session, each sentence once."""
    told = [*source.repairs]
    for name in ("media", "diarization", "transcription"):
        told += tables[name]["repairs"].explode().drop_nulls().to_list()
    yield from dict.fromkeys(told)


def _recording(source: Source, media: pl.DataFrame) -> Recording:
    row = media.row(0, named=True)
    return Recording(
        source.recording_id,
        row["duration_ms"],
        row["sample_rate_hz"],
        row["channels"],
        source.metadata,
    )
