"""Earlier sessions of the same client, whose values join the baseline of this one.

Off unless ``baseline.earlier_sessions`` is set. A session is earlier if its session notes file
names the same client and a lower session number or, where either number is missing, an earlier
date. The latest of the fully processed sessions count, as many as the settings say. A session that
was measured with another version, other settings or other lexicons is left out until it is
processed again, because its values are not comparable.

Only numbers are read, never words or audio. What is read is part of the parameters of the stage
`measures`, so a corrected role in session 3 gives session 4 another slot.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.core.errors import InputError, StoreError
from pipeline.core.tables import Metadata, Recording
from pipeline.measures.baseline import Earlier
from pipeline.session.manifest import RunManifest, read_manifest
from pipeline.workspace.store import Store

_STAGES = ("turns", "values", "roles")
_TOLD = "What is usual was taken from this session and "


@dataclass(frozen=True)
class Past:
    """An earlier session whose tables are not read yet.

    Attributes
    ----------
    slots
        Slots of the stages whose tables are needed, by stage.
    facts
        What the measures depend on: addresses of those stages, and whether the therapist is the
        same.
    """

    recording_id: str
    slots: Mapping[str, str]
    facts: Mapping[str, object]
    store: Store

    def read(self) -> Earlier:
        """Read its tables.

        Raises
        ------
        StoreError
            The tables are damaged.
        """
        tables: dict[str, pl.DataFrame] = {}
        try:
            for stage in _STAGES:
                tables |= self.store.read(self.recording_id, stage, self.slots[stage])
        except StoreError as caught:
            raise StoreError(
                f"an earlier session of this client cannot be read: {caught.found}",
                hint="run its recording again, or set baseline.earlier_sessions: 0",
            ) from caught
        return Earlier(tables, bool(self.facts["same_therapist"]))


def find(recording: Recording, values_slot: str, store: Store, at_most: int) -> tuple[Past, ...]:
    """The latest sessions of the same client before this one, in order.

    Parameters
    ----------
    values_slot
        Slot of this session's values; only sessions measured in the same way are found.
    at_most
        Number of sessions; 0: none.
    """
    now = recording.metadata
    if not at_most or now.client is None:
        return ()
    ours = store.manifest(recording.recording_id, "values", values_slot)
    found = [
        (_when(run_manifest.recording.metadata), _past(run_manifest, now, store))
        for run_manifest in _run_manifests(store)
        if run_manifest.recording.metadata.client == now.client
        and is_before(run_manifest.recording.metadata, now)
        and _way(_manifest(run_manifest, store)) == _way(ours)
    ]
    found.sort(key=lambda pair: (*pair[0], pair[1].recording_id))
    return tuple(past for _, past in found[-at_most:])


def is_before(one: Metadata, other: Metadata) -> bool:
    """Whether a session of the same client was held before another; False where unknown."""
    if None not in (one.session_number, other.session_number):
        return (one.session_number or 0) < (other.session_number or 0)
    return one.date is not None and other.date is not None and one.date < other.date


def with_baseline_note(notes: tuple[str, ...], past: tuple[Past, ...]) -> tuple[str, ...]:
    """`notes` with a sentence on the sessions that the baseline uses."""
    others = tuple(note for note in notes if not note.startswith(_TOLD))
    if not past:
        return others
    sessions = "1 earlier session" if len(past) == 1 else f"{len(past)} earlier sessions"
    return (*others, f"{_TOLD}{sessions} of the same client.")


def _run_manifests(store: Store) -> Iterator[RunManifest]:
    for session in store.sessions():
        try:
            yield read_manifest(session, store)
        except (InputError, StoreError):
            continue  # unfinished or damaged: reported when that session is opened


def _manifest(run_manifest: RunManifest, store: Store) -> dict[str, Any] | None:
    slots = dict(run_manifest.slots)
    if not slots.keys() >= set(_STAGES):
        return None
    try:
        return store.manifest(run_manifest.recording.recording_id, "values", slots["values"])
    except StoreError:
        return None


def _way(manifest: dict[str, Any] | None) -> object:
    """How values were measured; None where unknown."""
    return manifest and (manifest.get("version"), manifest.get("parameters"))


def _past(run_manifest: RunManifest, now: Metadata, store: Store) -> Past:
    slots, addresses = dict(run_manifest.slots), run_manifest.provenance.stages
    facts = {stage: addresses.get(stage) for stage in _STAGES}
    same = now.therapist is not None and run_manifest.recording.metadata.therapist == now.therapist
    return Past(
        run_manifest.recording.recording_id, slots, {**facts, "same_therapist": same}, store
    )


def _when(metadata: Metadata) -> tuple[int, dt.date]:
    return metadata.session_number or 0, metadata.date or dt.date.min
