"""Process one recording: run its stages in order and keep the results."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipeline.config import Settings
from pipeline.core.languages import NOT_UNDERSTOOD
from pipeline.core.tables import Tables
from pipeline.engines.protocols import SpeechDetector
from pipeline.session import prior_sessions
from pipeline.session.context import Fresh, Reopened, Sound, Stored
from pipeline.session.intake import Source
from pipeline.session.manifest import RunManifest, SessionResult, publish, read_manifest
from pipeline.session.plan import LanguageResources, Plan
from pipeline.session.role_warnings import unused_role_warnings
from pipeline.session.stage import Stage, sections
from pipeline.session.stages import STAGES, downstream
from pipeline.workspace import stage_cache
from pipeline.workspace.provenance import EngineChoice, Provenance
from pipeline.workspace.stage_cache import Outcome, State
from pipeline.workspace.store import Store, canonical, digest


def _silent(_stage: str, _state: State) -> None:
    return


def process(
    source: Source,
    store: Store,
    settings: Settings,
    detector: SpeechDetector,
    choose: Callable[[Source, Tables], Plan],
    language_resources: Callable[[str | None], LanguageResources],
    corrections: Mapping[str, str],
    *,
    refresh: bool = False,
    on_progress: Callable[[str, State], None] = _silent,
) -> SessionResult:
    """Process one recording; results that exist are not computed again.

    Parameters
    ----------
    choose
        Returns the engines, once it is known how many channels there are and whether they differ.
    language_resources
        Returns lexicons, features and rules of a language.
    corrections
        Role by speaker, as set by a person.
    refresh
        Compute everything again.
    """
    sound = Sound(source, store, settings)
    context = Fresh(
        settings,
        corrections,
        Outcome({}, {}, {}, {}, {}),
        store,
        language_resources,
        source,
        sound,
        detector,
        choose,
    )
    try:
        outcome = run_stages(
            context, STAGES, source.recording_id, refresh=refresh, on_progress=on_progress
        )
        source.require_unchanged()
    finally:
        sound.close()
    plan, resources = context.plan, context.resources
    _, reading = context.reader
    notes = (
        *plan.provenance.notes,
        *_about_language(context.language, plan, resources),
        *_about_reading(reading, resources),
        *unused_role_warnings(context.recording, outcome.tables),
        *_repairs(outcome.tables, source),
    )
    provenance = replace(
        plan.provenance,
        engines=(*plan.provenance.engines, reading),
        rules=resources.listed,
        notes=prior_sessions.with_baseline_note(notes, context.past),
    )
    return _publish(context, outcome, provenance, on_progress)


def decide_again(
    recording_id: str,
    store: Store,
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
    corrections: Mapping[str, str],
    named: Callable[[Provenance], Provenance] = lambda provenance: provenance,
) -> SessionResult:
    """Run roles and rules again on the results of the last run; the recording may be gone.

    Parameters
    ----------
    language_resources
        Returns lexicons, features and rules of a language.
    corrections
        Role by speaker, as set by a person.
    named
        Adds the names of workspace and settings to the provenance.

    Raises
    ------
    InputError
        The session was never fully processed.
    """
    context, outcome = _again(
        downstream("roles"), recording_id, store, language_resources, settings, corrections
    )
    provenance = named(context.manifest.provenance)
    notes = prior_sessions.with_baseline_note(provenance.notes, context.past)
    provenance = replace(provenance, rules=context.resources.listed, notes=notes)
    return _publish(context, outcome, provenance, _silent)


def decided(
    recording_id: str,
    store: Store,
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
    corrections: Mapping[str, str],
) -> tuple[RunManifest, Outcome]:
    """A processed session under other settings: without audio, engines or report.

    Turns, values, roles, measures and moments are computed again from the last run where they
    differ. With a store that writes to memory only, nothing changes in the workspace; this is how
    researchers try out settings.

    Parameters
    ----------
    language_resources
        Returns lexicons, features and rules of a language.
    corrections
        Role by speaker, as set by a person.

    Raises
    ------
    InputError
        The session was never fully processed.
    """
    context, outcome = _again(
        without_engines(), recording_id, store, language_resources, settings, corrections
    )
    return context.manifest, outcome


def _again(
    names: frozenset[str],
    recording_id: str,
    store: Store,
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
    corrections: Mapping[str, str],
) -> tuple[Reopened, Outcome]:
    """Run the stages of these names on the results of the last run."""
    context = Reopened.keeping(
        lambda stage: stage not in names,
        read_manifest(recording_id, store),
        settings,
        store,
        language_resources,
        corrections,
    )
    return context, run_stages(context, chosen(names), recording_id)


def first_other(
    manifest: RunManifest,
    store: Store,
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
    corrections: Mapping[str, str],
) -> str | None:
    """Name of the first stage that `decided` would compute; None: all results exist.

    Reads the manifest only.
    """
    context = Reopened.keeping(
        lambda _stage: True,
        manifest,
        settings,
        store,
        language_resources,
        corrections,
        read=False,
    )
    root, slots = manifest.recording.recording_id, context.slots
    for stage in chosen(without_engines()):
        facts = stage.prepare(context).facts(root, context.outcome.addresses)
        if slots.get(stage.name) != digest(canonical(facts)):
            return stage.name
    return None


def chosen(names: Iterable[str]) -> tuple[Stage[Any], ...]:
    """The stages of these names, in order."""
    return tuple(stage for stage in STAGES if stage.name in names)


def without_engines() -> frozenset[str]:
    """Stages that other rules, lexicons or settings compute again from stored tables alone."""
    return frozenset(stage.name for stage in chosen(downstream("turns")) if stage.engine is None)


def run_stages(
    context: Stored,
    stages: Iterable[Stage[Any]],
    root: str,
    *,
    refresh: bool = False,
    on_progress: Callable[[str, State], None] = _silent,
) -> Outcome:
    """Compute what is missing, and keep each result at once.

    Parameters
    ----------
    root
        SHA-256 of the recording.

    Returns
    -------
    Outcome
        Results of the stages that the context began with and of these; the context holds it too.
    """
    for stage in stages:
        if stage.applies(context):
            context.outcome = stage_cache.run(
                [stage.prepare(context)],
                root,
                context.store,
                upstream=context.outcome,
                refresh=refresh,
                on_progress=on_progress,
            )
    return context.outcome


def settings_digest(settings: Settings, resources: LanguageResources) -> dict[str, str]:
    """Digest of each part of the settings that roles and moments depend on, including rules."""
    names = ("roles", "features", "baseline", "moments", "response")
    parts = sections(settings, *names)
    digests = {name: digest(canonical(part)) for name, part in parts.items()} | resources.digests
    return {name: whole[:16] for name, whole in digests.items()}


def _publish(
    context: Stored,
    outcome: Outcome,
    provenance: Provenance,
    on_progress: Callable[[str, State], None],
) -> SessionResult:
    settings = settings_digest(context.settings, context.resources)
    recording, language = context.recording, context.language
    return publish(recording, language, outcome, provenance, settings, context.store, on_progress)


def _about_language(
    language: str | None, plan: Plan, resources: LanguageResources
) -> Iterator[str]:
    """Notes about the language, for the report."""
    if language and not plan.language:
        yield f"The language was not given; the transcriber detected '{language}'."
    if resources.lexicons.language is None:
        yield f"{_lacking(language)}: rules that need words abstain."


def _about_reading(reading: EngineChoice, resources: LanguageResources) -> Iterator[str]:
    """A note where rules ask for readings and there is no reader."""
    if reading.name == "none" and resources.ask_for_readings:
        yield f"Replies were not read: {reading.because}. Rules that ask for readings find nothing."


def _lacking(language: str | None) -> str:
    """Why there is no lexicon."""
    if language == NOT_UNDERSTOOD:
        return "The transcript states a language that Tether does not know"
    if language is None:
        return "The language is unknown, so there is no lexicon for it"
    return f"There is no lexicon for the language '{language}'"


def _repairs(tables: Tables, source: Source) -> Iterator[str]:
    """What was repaired or skipped in the files of a session, each sentence once."""
    sentences = [*source.repairs]
    for name in ("media", "diarization", "transcription"):
        sentences += tables[name]["repairs"].explode().drop_nulls().to_list()
    yield from dict.fromkeys(sentences)
