"""The walk of one recording: from its bytes to candidate moments.

::

    media ─ activity ─ spans ─┬─ words ─┬─ turns ──┬─ values ─ roles ─ measures ─┬─ moments
                              │         └─ quality ┼─────────────────────────────┘
                              └─ frames ───────────┘

Each is a stage of the store; audio is decoded only if a stage that hears it is
missing. What engines and rules are used is decided by `assembly` and comes in as a `Plan`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import polars as pl

from pipeline.config import Settings
from pipeline.intake import Source
from pipeline.ports import SpeechDetector
from pipeline.session import stages
from pipeline.session.keeping import Walked, publish, read_note, reopen
from pipeline.session.plan import Plan, Spoken
from pipeline.stage import Outcome, State, run
from pipeline.store import Store
from pipeline.tables import Recording, Tables

__all__ = ["Plan", "Spoken", "Walked", "decide_again", "reopen", "walk"]


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
    sound = stages.Sound(source, store, settings)
    root = source.recording_id
    try:
        first = stages.listening(source, sound, settings, detector)
        heard = run(first, root, store, refresh=refresh, tell=tell)
        plan = choose(source, heard.tables)
        recording = _recording(source, heard.tables["media"])
        rest = [
            *stages.understanding(recording, sound, plan),
            *stages.deciding(recording, plan.spoken, settings, corrections),
        ]
        outcome = run(rest, root, store, upstream=heard, refresh=refresh, tell=tell)
    finally:
        sound.close()
    return publish(recording, plan.language, outcome, plan.provenance, store, tell)


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
    note = read_note(recording_id, store)
    kept = [(stage, slot) for stage, slot in note.slots if stage not in stages.DECIDING]
    addresses = {stage: note.provenance.stages[stage] for stage, _ in kept}
    tables: dict[str, pl.DataFrame] = {}
    for stage, slot in kept:
        tables |= store.read(recording_id, stage, slot)
    states: dict[str, State] = dict.fromkeys(addresses, "kept")
    upstream = Outcome(tables, states, addresses, dict(kept), {})
    spoken = speak(note.language)
    decide = stages.deciding(note.recording, spoken, settings, corrections)
    outcome = run(decide, recording_id, store, upstream=upstream)
    provenance = replace(note.provenance, rules=spoken.listed)
    return publish(note.recording, note.language, outcome, provenance, store)


def _recording(source: Source, media: pl.DataFrame) -> Recording:
    row = media.row(0, named=True)
    return Recording(
        source.recording_id,
        row["duration_ms"],
        row["sample_rate_hz"],
        row["channels"],
        source.metadata,
    )
