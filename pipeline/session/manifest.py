"""The run manifest ``walk.json``, from which a session is opened again, and the report."""

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
from pipeline.workspace.store import Store, canonical, store_errors, write_private


@dataclass(frozen=True)
class SessionResult:
    """A processed session.

    Attributes
    ----------
    tables
        All tables, by name.
    provenance
        Engines, rules and stages behind the results.
    computed
        Stages that were computed, including the report; empty: all results existed.
    stale
        Stages whose results were made by an older engine.
    seconds
        Wall time of each stage that was computed.
    recomputed
        Stages computed again because their results were damaged.
    language, settings
        As in `RunManifest`.
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
    """The result of the last run, as kept in ``walk.json``.

    Attributes
    ----------
    language
        Language of the lexicons and rules that were used; None: unknown.
    slots
        Stage and slot, in processing order: later tables replace earlier ones of that name.
    stale
        Stages whose results were made by an older engine.
    settings
        Digests from `runner.settings_digest`; empty in a manifest of an older version.
    """

    recording: Recording
    language: str | None
    provenance: report.Provenance
    slots: tuple[tuple[str, str], ...]
    stale: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


_MANIFEST = TypeAdapter(RunManifest)


def read_manifest(recording_id: str, store: Store) -> RunManifest:
    """Read the run manifest of a session.

    Raises
    ------
    InputError
        The session was never fully processed.
    StoreError
        The run manifest is damaged.
    """
    file = store.session(recording_id) / RUN_MANIFEST
    with store_errors("the run manifest of this session cannot be read", must="readable"):
        try:
            content = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                "this session was never fully processed", hint="run `tether run` on its recording"
            ) from None
    try:
        return _MANIFEST.validate_json(content)
    except ValidationError:  # its message would quote the content
        raise StoreError(
            "the run manifest of this session is damaged on disk",
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
    """Write the report and the run manifest, unless both are up to date."""
    provenance = replace(
        provenance,
        stages=dict(outcome.addresses),
        role_commands=_role_commands(recording, outcome.tables["roles"], provenance.options),
    )
    stale = tuple(name for name, state in outcome.states.items() if state == "stale")
    slots = tuple(outcome.slots.items())
    manifest = RunManifest(recording, language, provenance, slots, stale, settings)
    content = canonical(_MANIFEST.dump_python(manifest, mode="json"))
    folder = store.session(recording.recording_id)
    file, report_file = folder / RUN_MANIFEST, folder / report.REPORT
    computed = [name for name, state in outcome.states.items() if state == "done"]
    seconds = dict(outcome.seconds)
    if not (report_file.is_file() and file.is_file() and file.read_bytes() == content):
        on_progress("report", "started")
        began = time.perf_counter()
        html = report.render(recording, outcome.tables, provenance)
        write_private(report_file, html.encode("utf-8"))
        # Its clips may belong to moments that no longer exist.
        (folder / report.WITH_CLIPS).unlink(missing_ok=True)
        write_private(file, content)
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
    """Commands that set an unknown or inferred role, one for each possible therapist."""
    doubtful = found.filter(
        pl.col("source").is_in(["unknown", "enrolled", "inferred"]), pl.col("speaker") != UNNAMED
    )["speaker"]
    return tuple(
        shlex.join(["tether", "correct", recording.short_id, f"{speaker}=therapist", *options])
        for speaker in doubtful
    )


def reopen(recording_id: str, store: Store, only: Collection[str] | None = None) -> SessionResult:
    """A session as its last run left it, from the store alone: the recording may be gone.

    Parameters
    ----------
    only
        Names of the tables to read; None: all.

    Raises
    ------
    InputError
        The session was never fully processed.
    StoreError
        The run manifest is damaged.
    """
    manifest = read_manifest(recording_id, store)
    shelf = store.shelf(recording_id, manifest.slots)
    tables = {name: shelf[name] for name in shelf if only is None or name in only}
    # JSON sorted the stages by name; a report lists them in processing order.
    given = manifest.provenance.stages
    ordered = {stage: given[stage] for stage, _ in manifest.slots if stage in given}
    return SessionResult(
        manifest.recording,
        tables,
        replace(manifest.provenance, stages=ordered),
        (),
        manifest.stale,
        {},
        (),
        manifest.language,
        manifest.settings,
    )
