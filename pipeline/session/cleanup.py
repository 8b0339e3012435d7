"""Find outdated results, and remove a session with proof that it is gone."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.errors import InputError, StoreError
from pipeline.core.spelling import SHORT_ID
from pipeline.session.manifest import read_manifest
from pipeline.workspace import database
from pipeline.workspace.catalogue import Catalogue, Reason
from pipeline.workspace.layout import artifact
from pipeline.workspace.store import Store
from pipeline.workspace.verdicts import Ledger


def unused(store: Store) -> Iterator[tuple[str, str, int]]:
    """Session, name and bytes of each artifact that the session's last run does not use.

    Sessions without a finished run are skipped: an interrupted run resumes from their artifacts.
    """
    for session in store.sessions():
        try:
            manifest = read_manifest(session, store)
        except (InputError, StoreError):
            continue
        used = {artifact(stage, slot) for stage, slot in manifest.slots}
        for name, size in store.artifacts(session).items():
            if name not in used:
                yield session, name, size


def purge(
    recording_id: str,
    store: Store,
    catalogue: Catalogue,
    ledger: Ledger,
    *,
    keep_corrections: bool,
    keep_verdicts: bool,
    never_again: Reason | None,
    now: dt.datetime,
) -> list[str]:
    """Remove all that the workspace holds of a session, and list what is left.

    The catalogue entry goes last: after a kill the session can still be found and purged again.
    The recording itself is not touched. The caller holds the store's lock.

    Parameters
    ----------
    never_again
        Why the recording must not be processed again; None: it may be.
    """
    paths = [e.path for e in catalogue.entries() if e.recording_id == recording_id]
    if never_again:
        catalogue.withhold(recording_id, never_again, now)
    store.remove(recording_id)
    if not keep_verdicts:
        ledger.forget(recording_id)
    catalogue.forget(recording_id, keep_corrections=keep_corrections)
    return list(_left(recording_id, paths, store, catalogue, ledger))


def _left(
    recording_id: str, paths: list[Path], store: Store, catalogue: Catalogue, ledger: Ledger
) -> Iterator[str]:
    if store.session(recording_id).exists():
        yield "its folder"
    if any(entry.recording_id == recording_id for entry in catalogue.entries()):
        yield "the path of its recording"
    corrections = len(catalogue.corrections(recording_id))
    if corrections:
        yield f"corrected roles of {corrections} speakers"
    verdicts = len(ledger.of(recording_id))
    if verdicts:
        yield f"{verdicts} entries of decisions"
    digits = recording_id[:SHORT_ID].encode()
    for file in sorted(store.workspace.rglob("*.*")):
        text = file.suffix in (".json", ".html") and file.is_file()  # tables hold no id
        if digits.decode() in str(file) or (text and digits in file.read_bytes()):
            yield f"its id, in {file.relative_to(store.workspace)}"
    withheld = any(one.recording_id == recording_id for one in catalogue.withheld())
    if withheld:
        yield "its id, so that the recording is not processed again"
    kept = [database.content(file) for file in store.workspace.glob("tether.db*")]
    if not (corrections or verdicts or withheld) and any(digits in content for content in kept):
        yield "its id, in tether.db"
    others = "\n".join(str(entry.path) for entry in catalogue.entries())
    names = [str(path).encode() for path in paths if str(path) not in others]
    if any(name in content for name in names for content in kept):
        yield "the path of its recording, in tether.db"
