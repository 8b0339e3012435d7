"""A walked session as other settings see it, from what was heard: no audio, no engine, no report.

With a store that keeps what is written in memory, nothing changes in the workspace: so researchers
try settings out.
"""

from collections.abc import Callable, Mapping

import polars as pl

from pipeline.config import Settings
from pipeline.session import prior_sessions, stages
from pipeline.session.manifest import RunManifest, read_manifest
from pipeline.session.plan import LanguageResources
from pipeline.workspace.stage_cache import Outcome, State, run
from pipeline.workspace.store import Store, canonical, digest


def decided(
    recording_id: str,
    store: Store,
    language_resources: Callable[[str | None], LanguageResources],
    settings: Settings,
    corrections: Mapping[str, str],
) -> tuple[RunManifest, Outcome]:
    """Turns, values, roles, measures and moments over the last walk; only what differs is computed.

    Parameters
    ----------
    speak
        Gives lexicons, features and rules of a language.
    corrections
        Role of a speaker as a person set it.

    Raises
    ------
    InputError
        The session was never walked to the end.
    """
    note = read_manifest(recording_id, store)
    spoken = language_resources(note.language)
    counting = stages.counting(settings, spoken, _if_there("meaning", dict(note.slots)))
    anew = {*stages.DECIDING, *(stage.name for stage in counting)}
    kept = {stage: slot for stage, slot in note.slots if stage not in anew}
    tables: dict[str, pl.DataFrame] = {}
    for stage, slot in kept.items():
        tables |= store.read(recording_id, stage, slot)
    states: dict[str, State] = dict.fromkeys(kept, "kept")
    addresses = {stage: note.provenance.stages[stage] for stage in kept}
    heard = Outcome(tables, states, addresses, kept, {})
    known = run(counting, recording_id, store, upstream=heard)
    at_most = settings.baseline.earlier_sessions
    past = prior_sessions.find(note.recording, known.slots["values"], store, at_most)
    compared = _if_there("voices", kept)
    decide = stages.deciding(note.recording, spoken, settings, corrections, past, compared)
    return note, run(decide, recording_id, store, upstream=known)


def first_other(
    note: RunManifest,
    store: Store,
    spoken: LanguageResources,
    settings: Settings,
    corrections: Mapping[str, str],
) -> str | None:
    """Name of the first stage that `decided` would compute; None: the walk has left them all.

    Nothing but a manifest is read for it.
    """
    slots, addresses = dict(note.slots), note.provenance.stages
    at_most = settings.baseline.earlier_sessions
    past = prior_sessions.find(note.recording, slots["values"], store, at_most)
    compared = _if_there("voices", slots)
    decide = stages.deciding(note.recording, spoken, settings, corrections, past, compared)
    counting = stages.counting(settings, spoken, _if_there("meaning", slots))
    for stage in (*counting, *decide):
        facts = stage.facts(note.recording.recording_id, addresses)
        if slots.get(stage.name) != digest(canonical(facts)):
            return stage.name
    return None


def _if_there(stage: str, slots: Mapping[str, str]) -> tuple[str, ...]:
    """The name of a stage that not every walk has, where this one has it."""
    return (stage,) if stage in slots else ()
