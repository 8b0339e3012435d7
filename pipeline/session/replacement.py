"""A file whose bytes are others now: the session of the older ones makes room for the new one.

A copy that was not complete when it was processed, or a file that was written anew, would else
stand in the workspace twice. What a person decided or corrected is never removed with it.
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
    """Sessions of bytes that a file no longer has.

    Attributes
    ----------
    removed, kept
        Ids; those are kept of which a person decided or corrected something.
    """

    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to tell a person."""
        said = []
        if self.removed:
            said.append(
                "This file had other bytes before: its new session has replaced "
                f"{_sessions(self.removed)}, on which nobody had decided or corrected anything."
            )
        if self.kept:
            said.append(
                f"This file had other bytes before: {_sessions(self.kept)} made from them "
                f"{'is' if len(self.kept) == 1 else 'are'} kept beside the new one, for what was "
                "decided or corrected there."
            )
        return tuple(said)


def _sessions(ids: tuple[str, ...]) -> str:
    return "an older session" if len(ids) == 1 else f"{len(ids)} older sessions"


def replace_older(path: Path, store: Store, catalogue: Catalogue) -> Older:
    """Remove the sessions of bytes that lay at `path` before, once the new one is finished.

    The recording is the file's own business: none is touched. The caller holds the store's lock.

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
    """Remove what was begun of a recording that changed meanwhile, if it was never finished."""
    try:
        read_manifest(recording_id, store)
    except (InputError, StoreError):
        store.remove(recording_id)
        catalogue.forget(recording_id, keep_corrections=True)
