"""Open the workspace that a command works on."""

from pathlib import Path

from pipeline import config, session
from pipeline.cli.options import USUAL_PROFILE, USUAL_WORKSPACE
from pipeline.session import SessionResult
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.database import require
from pipeline.workspace.store import Store


def reopen(name: str, workspace: Path) -> tuple[Store, SessionResult]:
    """The store, and a session as its last run left it, by id prefix or path."""
    require(workspace)
    store = Store(workspace)
    return store, session.reopen(Catalogue(workspace).find(name).recording_id, store)


def bench_of(settings: config.Settings, workspace: Path, profile: str) -> Workbench:
    """A workbench whose reports repeat the options of this workspace and profile."""
    options: tuple[str, ...] = ()
    if str(workspace) != USUAL_WORKSPACE:
        options += ("--workspace", str(workspace))
    if profile != USUAL_PROFILE:
        options += ("--config", profile)
    return Workbench(settings, workspace, profile=Path(profile).stem, options=options)
