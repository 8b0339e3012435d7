"""Take the pictures in docs/images: the desk and a report of the acted session `rupture`.

``scripts/demo`` makes the workspace; a Chromium of the system takes the pictures. The decision that
the picture of the desk shows is made in a copy of the workspace.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from browser import launch, shoot
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.workspace.catalogue import Catalogue

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SESSION = "rupture.flac"
MOST_BYTES = 200_000


@contextmanager
def desk(workspace: Path) -> Iterator[str]:
    """Serve a workspace, and give the link of reviewer AK."""
    command = [sys.executable, "-m", "pipeline.cli", "review", "--workspace", str(workspace)]
    options = ["--port", "0", "--no-browser", "--reviewer", "AK"]
    with subprocess.Popen(  # noqa: S603  # this Python, on a copy
        [*command, *options], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        found = re.search(r"http\S+", server.stdout.readline())
        try:
            assert found, "the desk printed no link"
            yield found[0]
        finally:
            server.terminate()


def opened(browser: Browser, width: int, height: int) -> Page:
    """Open an empty page in light colours."""
    size = {"width": width, "height": height}
    return browser.new_context(viewport=size, color_scheme="light").new_page()  # type: ignore[arg-type]


def picture_desk(browser: Browser, workspace: Path) -> Path:
    """Show the first moment of the session, playing, and confirmed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(workspace, Path(folder) / "workspace"))
        with desk(copy) as link:
            page = opened(browser, 1240, 820)
            page.goto(link)
            page.locator(".moments a").first.click()
            page.locator("#verdict").wait_for()
            page.wait_for_load_state("networkidle")
            page.keyboard.press("1")
            page.locator("#verdict[data-decision='confirm']").wait_for()
            page.keyboard.press("Space")
            page.wait_for_timeout(9_000)  # the transcript moves along
            return shoot(page, IMAGES / "desk.png", whole=False)


def picture_report(browser: Browser, workspace: Path) -> Path:
    """Show the head of the report, the timeline and the list of moments."""
    sessions = Catalogue(workspace).entries()
    (entry,) = [each for each in sessions if each.path.name == SESSION]
    page = opened(browser, 1060, 1240)
    page.goto((workspace / "sessions" / entry.recording_id[:12] / "report.html").as_uri())
    return shoot(page, IMAGES / "report.png", whole=False)


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path, nargs="?", default=ROOT / "demo")
    workspace = parser.parse_args().workspace.resolve()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for path in (picture_desk(browser, workspace), picture_report(browser, workspace)):
            size = path.stat().st_size
            print(f"{path.relative_to(ROOT)}: {size:,} bytes")
            if size > MOST_BYTES:
                sys.exit(f"over {MOST_BYTES:,} bytes; make its window smaller")
        browser.close()


if __name__ == "__main__":
    main()
