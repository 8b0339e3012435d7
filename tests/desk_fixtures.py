"""SessionResult sessions for the desk: walked once, each test on its own copy."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_server import Served, served
from desk_sessions import TALK, Folder
from playwright.sync_api import expect

expect.set_options(timeout=30_000)  # a busy machine is no failure

MARKUP = """<script>document.title='broken in'</script><img src=x onerror="document.title='in'">"""

UNCLOSED = "<img src=x onerror=document.title='in'"
"""Import takes whole tags out of words; this is none, yet a browser would take it for one."""


@pytest.fixture(scope="session")
def processed(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Folder:
    """Four sessions.

    C-01 · 7 with sound (two withdrawals, the later one of weaker evidence), C-01 · 8 a transcript
    (a withdrawal, a confrontation), C-02 · 1 of speakers whose roles nobody knows, and one whose
    names and words are markup.
    """
    folder = Folder(tmp_path_factory.mktemp("desk"))
    spoken = folder.spoken(
        "spoken",
        repository / "samples",
        122,
        client="C-01",
        therapist="T-01",
        session_number=7,
        date=dt.date(2026, 3, 2),
    )
    written = folder.written(
        "written", client="C-01", therapist="T-01", session_number=8, date=dt.date(2026, 3, 9)
    )
    nobody = folder.written(
        "nobody",
        (*TALK, ("T", 60.0, 62.0, "Goodbye then.")),
        speakers=("A", "B"),
        client="C-02",
        session_number=1,
    )
    markup = folder.written(
        "markup",
        [(who, start, end, f"{text} {UNCLOSED}") for who, start, end, text in TALK],
        client=MARKUP,
        therapist="<i>T</i>",
    )
    folder.process(spoken, written, nobody, markup)
    return folder


@pytest.fixture
def workspace(processed: Folder, tmp_path: Path) -> Path:
    """A workspace of one's own."""
    return shutil.copytree(processed.workspace, tmp_path / "workspace")


@pytest.fixture
def desk(workspace: Path) -> Iterator[Served]:
    """The desk over it."""
    with served(workspace) as answering:
        yield answering
