"""What a walk leaves: the report and ``walk.json``, from which a session is opened again."""

import shlex
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import polars as pl
from pydantic import TypeAdapter, ValidationError

from pipeline import report
from pipeline.core.errors import InputError, StoreError
from pipeline.core.tables import Recording, Tables
from pipeline.formats.timed_text.cues import UNNAMED
from pipeline.workspace.layout import RUN_MANIFEST
from pipeline.workspace.stage_cache import Outcome, State
from pipeline.workspace.store import Store, canonical, told, write_private


@dataclass(frozen=True)
class SessionResult:
    """A session whose walk is done.

    Attributes
    ----------
    computed
        Stages that had to be computed, the report among them; empty: all was there already.
    stale
        Stages whose result an older engine made.
    seconds
        Wall time of each stage that was computed.
    mended
        Stages computed again because what was kept of them was damaged.
    language, settings
        As in its `RunManifest`.
    """

    recording: Recording
    tables: Tables
    provenance: report.Provenance
    computed: tuple[str, ...]
    stale: tuple[str, ...]
    seconds: Mapping[str, float]
    recomputed: tuple[str, ...] = ()
    language: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunManifest:
    """What the last walk came to, as ``walk.json`` has it.

    Attributes
    ----------
    language
        Of the lexicons and rules that were used.
    slots
        Stage and slot, in the order of the walk: later tables replace earlier ones of that name.
    stale
        Stages whose result an older engine made.
    settings
        What `stages.decided_by` gave; empty in the note of an older version.
    """

    recording: Recording
    language: str | None
    provenance: report.Provenance
    slots: tuple[tuple[str, str], ...]
    stale: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


_MANIFEST = TypeAdapter(RunManifest)


def read_manifest(recording_id: str, store: Store) -> RunManifest:
    """``walk.json`` of a session.

    Raises
    ------
    InputError
        It was never walked to the end.
    StoreError
        The note is damaged.
    """
    file = store.session(recording_id) / RUN_MANIFEST
    with told("the note of this session's last walk cannot be read", must="readable"):
        try:
            content = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                "this session has no finished walk", hint="run `tether run` on its recording"
            ) from None
    try:
        return _MANIFEST.validate_json(content)
    except ValidationError:  # its message would quote what was found
        raise StoreError(
            "the note of this session's last walk is damaged on disk",
            hint="run `tether run` on its recording again",
        ) from None


def publish(
    recording: Recording,
    language: str | None,
    outcome: Outcome,
    provenance: report.Provenance,
    settings: Mapping[str, str],
    store: Store,
    on_progress: Callable[[str, State], None] = lambda _stage, _state: None,
) -> SessionResult:
    """Render the report and note the walk, unless both stand already."""
    provenance = replace(
        provenance,
        stages=dict(outcome.addresses),
        role_commands=_role_commands(recording, outcome.tables["roles"], provenance.options),
    )
    stale = tuple(name for name, state in outcome.states.items() if state == "stale")
    slots = tuple(outcome.slots.items())
    note = RunManifest(recording, language, provenance, slots, stale, settings)
    content = canonical(_MANIFEST.dump_python(note, mode="json"))
    folder = store.session(recording.recording_id)
    walk_file, report_file = folder / RUN_MANIFEST, folder / report.REPORT
    computed = [name for name, state in outcome.states.items() if state == "done"]
    stands = report_file.is_file() and walk_file.is_file() and walk_file.read_bytes() == content
    seconds = dict(outcome.seconds)
    if not stands:
        on_progress("report", "started")
        began = time.perf_counter()
        html = report.render(recording, outcome.tables, provenance)
        write_private(report_file, html.encode("utf-8"))
        # What is heard in it belongs to moments that may be others now.
        (folder / report.WITH_CLIPS).unlink(missing_ok=True)
        write_private(walk_file, content)
        computed.append("report")
        seconds["report"] = time.perf_counter() - began
        on_progress("report", "done")
    return SessionResult(
        recording,
        outcome.tables,
        provenance,
        tuple(computed),
        stale,
        seconds,
        outcome.recomputed,
        language,
        settings,
    )


def _role_commands(
    recording: Recording, found: pl.DataFrame, options: tuple[str, ...]
) -> tuple[str, ...]:
    """What to type where a role is unknown or was inferred: one command for each guess."""
    doubtful = found.filter(
        pl.col("source").is_in(["unknown", "enrolled", "inferred"]), pl.col("speaker") != UNNAMED
    )["speaker"]
    return tuple(
        shlex.join(["tether", "correct", recording.short_id, f"{speaker}=therapist", *options])
        for speaker in doubtful
    )


def reopen(recording_id: str, store: Store, only: Collection[str] | None = None) -> SessionResult:
    """The last walk of a session, from the store alone: the recording may be gone.

    Parameters
    ----------
    only
        Names of the tables that are wanted; None: all.

    Raises
    ------
    InputError
        It was never walked to the end.
    """
    note = read_manifest(recording_id, store)
    shelf = store.shelf(recording_id, note.slots)
    tables = {name: shelf[name] for name in shelf if only is None or name in only}
    # JSON sorted the names of the stages; a report gives them in the order of the walk.
    given = note.provenance.stages
    ordered = {stage: given[stage] for stage, _ in note.slots if stage in given}
    return SessionResult(
        note.recording,
        tables,
        replace(note.provenance, stages=ordered),
        (),
        note.stale,
        {},
        (),
        note.language,
        note.settings,
    )
