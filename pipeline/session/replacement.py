"""Replace the session of a file whose bytes have changed.

Otherwise a file that was copied incompletely at first, or was written again, would appear in the
workspace twice. A session with decisions or corrections is never removed.
"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import InputError, StoreError
from pipeline.session.manifest import read_manifest
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.store import Store
from pipeline.workspace.verdicts import Ledger


@dataclass(frozen=True)
class Older:
    """Sessions from bytes that a file no longer has.

    Attributes
    ----------
    removed, kept
        Recording ids; sessions with decisions or corrections are kept.
    """

    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """Notes for people."""
        notes = []
        if self.removed:
            notes.append(
                "This file had other bytes before: its new session replaces "
                f"{_sessions(self.removed)} without decisions or corrections."
            )
        if self.kept:
            notes.append(
                f"This file had other bytes before: {_sessions(self.kept)} made from them "
                f"{'is' if len(self.kept) == 1 else 'are'} kept beside the new one, because of the "
                "decisions or corrections there."
            )
        return tuple(notes)


def _sessions(ids: tuple[str, ...]) -> str:
    return "an older session" if len(ids) == 1 else f"{len(ids)} older sessions"


def replace_older(path: Path, store: Store, catalogue: Catalogue) -> Older:
    """Remove sessions from bytes that `path` had before, once the new session is finished.

    No recording is touched. The caller holds the store's lock.

    Raises
    ------
    StoreError
        The workspace cannot be written.
    """
    marked = catalogue.replaced_at(path)
    if not marked:
        return Older()
    elsewhere = {e.recording_id for e in catalogue.entries() if not e.replaced and e.path.exists()}
    removed, kept = [], []
    ledger = Ledger(store.workspace)
    try:
        for entry in marked:
            if entry.recording_id in elsewhere:
                catalogue.leave(entry)
            elif ledger.of(entry.recording_id) or catalogue.corrections(entry.recording_id):
                kept.append(entry.recording_id)
            else:
                store.remove(entry.recording_id)
                catalogue.forget(entry.recording_id, keep_corrections=False)
                removed.append(entry.recording_id)
    finally:
        ledger.close()
    return Older(tuple(removed), tuple(kept))


def abandon(recording_id: str, store: Store, catalogue: Catalogue) -> None:
    """Remove the results of a recording that changed during its first run."""
    try:
        read_manifest(recording_id, store)
    except (InputError, StoreError):
        store.remove(recording_id)
        catalogue.forget(recording_id, keep_corrections=True)
