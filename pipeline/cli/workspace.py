"""Open the workspace that a command works on."""

from pathlib import Path

from pipeline import session
from pipeline.session import SessionResult
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.database import require
from pipeline.workspace.store import Store


def reopen(name: str, workspace: Path) -> tuple[Store, SessionResult]:
    """The store, and a session as its last run left it, by id prefix or path."""
    require(workspace)
    store = Store(workspace)
    return store, session.reopen(Catalogue(workspace).find(name).recording_id, store)
