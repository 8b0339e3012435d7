"""Recordings that fail from the desk: they stay there with their reason until they succeed."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import GONE, NewPage, Watch, axe
from desk_server import served
from desk_sessions import Folder
from playwright.sync_api import Page, expect

from pipeline import config
from pipeline.core.errors import InputError
from pipeline.desk.desk import Desk
from pipeline.desk.ingest import Listed
from pipeline.session import intake
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Entry

BROKEN = b"RIFF this is no sound"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.workspace.mkdir()
    made.recordings.mkdir()
    return made


@pytest.fixture
def opened(folder: Folder) -> Iterator[Callable[[], Desk]]:
    """Starts the desk, as often as one likes."""
    desks: list[Desk] = []

    def start() -> Desk:
        for desk in desks:
            desk.close()
        desks.append(Desk(Workbench(config.load(), folder.workspace), (folder.recordings,)))
        return desks[-1]

    yield start
    for desk in desks:
        desk.close()


def ended(desk: Desk) -> dict[str, str]:
    """State of each recording of the run, once it has ended."""
    end = time.monotonic() + 120
    while desk.adding.working or any(each.open for each in desk.adding.progress):
        assert time.monotonic() < end
        time.sleep(0.05)
    return {each.path.name: each.state for each in desk.adding.progress}


def listed(desk: Desk) -> dict[str, Listed]:
    return {each.name: each for each in desk.recordings()}


def test_one_that_failed_stays_and_can_be_tried_again(
    folder: Folder, repository: Path, new_page: NewPage, page: Page, watch: Watch
) -> None:
    watch.allow(GONE + ".*/progress")  # a page may ask once more when the desk ends
    folder.spoken("sound", repository / "samples", 20, client="C-09", session_number=1)
    bad = folder.spoken("torn", repository / "samples", 25, client="C-09", session_number=2)
    whole = bad.read_bytes()
    bad.write_bytes(BROKEN)
    with served(folder.workspace, folder.recordings) as desk:
        desk.enter(page, path="/recordings")
        expect(page.locator(".files input")).to_have_count(2)
        expect(page.locator(".retry")).to_have_count(0)
        page.locator("#add button").click()
        expect(page.locator("#progress .sum")).to_have_text("1 added, 1 failed", timeout=120_000)
        expect(page.locator("#status")).to_have_text("1 added, 1 failed")
        expect(page.locator("#failed b")).to_have_text("torn.flac")
        expect(page.locator("#failed .reason")).not_to_be_empty()
        assert " of 2 " not in (page.locator("main").text_content() or "")
        axe(page)
        page.reload()
        expect(page.locator("#failed li")).to_have_count(1)
        expect(page.locator("#add")).to_have_count(0)

    with served(folder.workspace, folder.recordings) as desk:  # another day
        page = desk.enter(new_page(width=390), "BL", "/recordings")
        expect(page.locator("#progress")).to_be_hidden()
        expect(page.locator("#failed b")).to_have_text("torn.flac")
        expect(page.locator("#failed .reason")).not_to_be_empty()
        expect(page.locator("main")).to_contain_text("All other recordings here have been added.")
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it sticks out"
        page.locator(".retry").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#progress .sum")).to_have_text("1 failed", timeout=120_000)
        expect(page.locator("#failed li")).to_have_count(1)

        bad.write_bytes(whole)
        page.locator(".retry").click()
        expect(page.locator("#progress .sum")).to_have_text("1 added", timeout=120_000)
        expect(page.locator("#failed")).to_be_empty()
        expect(page.locator("#progress a")).to_have_count(1)


def test_a_run_that_is_killed_leaves_what_it_did_not_do(
    folder: Folder, opened: Callable[[], Desk], repository: Path
) -> None:
    first = folder.spoken("a", repository / "samples", 60, client="C-09")
    second = folder.written("b", client="C-10")
    desk = opened()
    desk.adding.begin([first, second])
    while not any(each.stage for each in desk.adding.progress):
        time.sleep(0.02)
    process = desk.adding._process  # as a machine without memory ends it
    assert process
    process.kill()
    assert set(ended(desk).values()) == {"failed"}
    for found in (listed(desk), listed(opened())):
        assert {"a.flac", "b.csv"} == found.keys()
        assert all("ended before" in each.reason and each.takes for each in found.values())


def test_a_run_that_cannot_begin_says_why_and_each_stays(
    folder: Folder, opened: Callable[[], Desk]
) -> None:
    path = folder.written("a", client="C-09")
    desk = opened()
    with desk.bench.store.lock():
        desk.adding.begin([path])
        assert ended(desk) == {"a.csv": "failed"}
    (each,) = listed(opened()).values()
    assert "another run is using" in each.reason
    assert each.takes
    desk = opened()
    desk.adding.begin([path])
    assert ended(desk) == {"a.csv": "done"}
    assert listed(desk) == {}


def test_what_the_desk_s_own_end_cut_off_is_not_lost_and_did_not_fail(
    folder: Folder, opened: Callable[[], Desk], repository: Path
) -> None:
    path = folder.spoken("a", repository / "samples", 60, client="C-09")
    desk = opened()
    desk.adding.begin([path])
    while not desk.bench.catalogue.entries():
        time.sleep(0.02)
    desk.close()
    assert listed(opened()) == {"a.flac": Listed(path)}


def test_a_recording_that_is_known_and_not_in_the_queue_is_listed(
    folder: Folder, opened: Callable[[], Desk], repository: Path
) -> None:
    """As a power cut leaves it; and so does a session that is damaged."""
    path = folder.spoken("a", repository / "samples", 20, client="C-09")
    source = intake.read(intake.Named(path, path.parent), consent=False)
    desk = opened()
    desk.bench.catalogue.remember(Entry(source.recording_id, path, source.sidecar), desk._now())
    assert listed(desk) == {"a.flac": Listed(path)}
    folder.process(path)
    assert listed(desk) == {}
    (session,) = desk.index.sessions()
    shutil.rmtree(desk.bench.store.session(session.recording.recording_id))
    assert listed(desk) == {"a.flac": Listed(path)}


def test_what_cannot_be_named_is_shown_with_its_reason(
    folder: Folder, opened: Callable[[], Desk]
) -> None:
    """Such files had no place on the page, and nobody missed them."""
    (folder.recordings / "lost.wav.yaml").write_text("parts: {client: a.wav}\n", encoding="utf-8")
    (folder.recordings / "caf\udce9.wav").write_bytes(BROKEN)
    desk = opened()
    found = listed(desk)
    assert found.keys() == {"lost.wav.yaml", "caf\ufffd.wav"}
    assert all(each.reason and not each.takes for each in found.values())
    with pytest.raises(InputError):
        desk.adding.begin([folder.recordings / "none.wav"])


def test_an_empty_folder_is_no_failure(opened: Callable[[], Desk]) -> None:
    assert listed(opened()) == {}


def test_names_that_are_not_utf_8_break_no_page(folder: Folder, page: Page) -> None:
    (folder.recordings / "caf\udce9.wav").write_bytes(BROKEN)
    with served(folder.workspace, folder.recordings) as desk:
        desk.enter(page, path="/recordings")
        expect(page.locator("#failed .reason")).to_contain_text("not UTF-8")
        expect(page.locator(".retry")).to_have_count(0)
        axe(page)
