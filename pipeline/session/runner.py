"""Processing one recording: its stages in order, and what the run leaves."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipeline.config import Settings
from pipeline.core.languages import NOT_UNDERSTOOD
from pipeline.core.tables import Tables
from pipeline.engines.protocols import SpeechDetector
from pipeline.session import prior_sessions
from pipeline.session.context import Context, Fresh, Reopened, Sound
from pipeline.session.intake import Source
from pipeline.session.manifest import RunManifest, SessionResult, publish, read_manifest
from pipeline.session.plan import LanguageResources, Plan
from pipeline.session.role_warnings import unused_role_warnings
from pipeline.session.stage import Stage, sections
from pipeline.session.stages import STAGES, downstream
from pipeline.workspace import stage_cache
from pipeline.workspace.provenance import Provenance
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
    """Process one recording; results that are there already are not computed again.

    Parameters
    ----------
    choose
        Gives the engines, once the number of channels and whether they differ are known.
    language_resources
        Gives lexicons, features and rules of a language.
    corrections
        Role of a speaker as a person set it.
    """
    sound = Sound(source, store, settings)
    context = Fresh(
        settings,
        store,
        language_resources,
        corrections,
        Outcome({}, {}, {}, {}, {}),
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
    notes = (
        *plan.provenance.notes,
        *_about_language(context.language, plan, resources),
        *unused_role_warnings(context.recording, outcome.tables),
        *_repairs(outcome.tables, source),
    )
    provenance = replace(
        plan.provenance,
        rules=resources.listed,
        notes=prior_sessions.told(notes, context.past),
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
    """Roles and rules once more over the last run; the recording itself may be gone.

    Parameters
    ----------
    language_resources
        Gives lexicons, features and rules of a language.
    named
        Puts the names of workspace and settings into the provenance.
    """
    manifest, again = read_manifest(recording_id, store), downstream("roles")
    context = Reopened.keeping(
        lambda stage: stage not in again,
        manifest,
        settings,
        store,
        language_resources,
        corrections,
    )
    outcome = run_stages(context, chosen(again), recording_id)
    provenance = named(manifest.provenance)
    notes = prior_sessions.told(provenance.notes, context.past)
    provenance = replace(provenance, rules=context.resources.listed, notes=notes)
    return _publish(context, outcome, provenance, _silent)


def decided(
    recording_id: str,
    store: Store,
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
    corrections: Mapping[str, str],
) -> tuple[RunManifest, Outcome]:
    """A processed session as other settings see it: no audio, no engine, no report.

    Turns, values, roles, measures and moments are computed over the last run, where they differ.
    With a store that keeps what is written in memory, nothing changes in the workspace: so
    researchers try settings out.

    Parameters
    ----------
    language_resources
        Gives lexicons, features and rules of a language.
    corrections
        Role of a speaker as a person set it.

    Raises
    ------
    InputError
        The session was never processed to the end.
    """
    manifest, again = read_manifest(recording_id, store), without_engines()
    context = Reopened.keeping(
        lambda stage: stage not in again,
        manifest,
        settings,
        store,
        language_resources,
        corrections,
    )
    return manifest, run_stages(context, chosen(again), recording_id)


def first_other(
    manifest: RunManifest,
    store: Store,
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
    corrections: Mapping[str, str],
) -> str | None:
    """Name of the first stage that `decided` would compute; None: the run has left them all.

    Nothing but a manifest is read for it.
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
    """What other rules, lexicons and settings compute again from stored tables alone."""
    return frozenset(stage.name for stage in chosen(downstream("turns")) if stage.engine is None)


def run_stages(
    context: Context,
    stages: Iterable[Stage[Any]],
    root: str,
    *,
    refresh: bool = False,
    on_progress: Callable[[str, State], None] = _silent,
) -> Outcome:
    """Compute what is missing, each result kept as soon as it is there.

    Parameters
    ----------
    root
        SHA-256 of the recording.

    Returns
    -------
    Outcome
        Of the stages that the context began with and these; the context has it, too.
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
    """Digest of each part of the settings on which a decision rests, rules among them."""
    names = ("roles", "features", "baseline", "moments", "response")
    parts = sections(settings, *names)
    digests = {name: digest(canonical(part)) for name, part in parts.items()} | resources.digests
    return {name: whole[:16] for name, whole in digests.items()}


def _publish(
    context: Context,
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
    """What is to be said of the language."""
    if language and not plan.language:
        yield f"Nobody named the language; the transcriber heard '{language}'."
    if resources.lexicons.language is None:
        yield f"{_lacking(language)}: rules that need words abstain."


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
