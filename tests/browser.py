"""A real Chromium for tests, which fails a test for whatever a reader would call broken.

Fixtures, known to the tests of `desk/` and `report/` by their `conftest.py`; no other test loads
Playwright:

`new_page`
    opens a page: ``new_page(scheme="dark", width=390)``. Each call is a browser of its own, as if
    another person had opened it: cookies and storage are not shared.
`page`
    one page, light and wide.
`watch`
    what all pages of the test said and asked for. When the test ends it fails on messages of
    level error, on exceptions of the page, and on requests that leave the machine; what a test
    provokes it names first: ``watch.allow("404")``.

Functions: `axe` asserts that the accessibility checker finds nothing, `first_paint_ms` reads how
soon something was seen, `wait_until` waits for what the page is to do, `shoot` keeps a screenshot
of the whole page, `focused` says where the keyboard is.

Chromium is the system's (Debian's package `chromium`): Playwright's own cannot be fetched offline.
Where there is none, tests that need one are skipped.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    sync_playwright,
)

Scheme = Literal["light", "dark"]

WIDE, NARROW = 1280, 390
"""Widths in CSS pixels: a small laptop, a phone."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    # Whatever is asked of another machine finds no name for it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
GONE = r"ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)"
"""What a page that asks once more says of a server that has ended: which, depends on the moment."""
_STEP_MS = 50
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_WITHIN = {"file", "data", "blob", "about"}


@dataclass
class Watch:
    """What the pages of a test said and asked for.

    Attributes
    ----------
    complaints
        Messages of level error, and exceptions that nobody caught.
    requests
        Addresses that were asked for, in order.
    """

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _allowed: list[re.Pattern[str]] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Expect complaints in which this pattern is found."""
        self._allowed.append(re.compile(pattern))

    def check(self) -> None:
        """Fail on what was not allowed."""
        unexpected = [
            each for each in self.complaints if not any(p.search(each) for p in self._allowed)
        ]
        assert not unexpected, "the page complained:\n" + "\n".join(unexpected)
        abroad = [address for address in self.requests if not _stays(address)]
        assert not abroad, "the page asked another machine:\n" + "\n".join(abroad)

    def follow(self, page: Page) -> None:
        """Note what this page says and asks for from now on."""
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location['url']})")


class NewPage(Protocol):
    """Opens a page of a fresh browser context."""

    def __call__(
        self, scheme: Scheme = "light", width: int = WIDE, height: int = 900, **context: Any
    ) -> Page:
        """Open it; `context` goes to Playwright's ``Browser.new_context``."""


def program() -> str | None:
    """Path of the system's Chromium; None where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def launch(playwright: Playwright) -> Browser:
    """Start it, headless, with everything switched off that would reach a network."""
    return playwright.chromium.launch(executable_path=program(), args=list(_OPTIONS))


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> Browser:
    """The system's Chromium, started once in a process, whichever folders ask for it."""
    if program() is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium")
    return _started(pytestconfig)


@cache
def _started(session: pytest.Config) -> Browser:
    # Playwright can be started only once at a time in a thread, so the folders share it.
    playwright = sync_playwright().start()
    session.add_cleanup(playwright.stop)
    browser = launch(playwright)
    session.add_cleanup(browser.close)
    return browser


@pytest.fixture
def watch() -> Watch:
    """What the pages of this test say and ask for."""
    return Watch()


@pytest.fixture
def new_page(chromium: Browser, watch: Watch) -> Iterator[NewPage]:
    """Pages that are watched; closed, and what was seen checked, when the test ends."""
    contexts: list[BrowserContext] = []

    def opened(
        scheme: Scheme = "light", width: int = WIDE, height: int = 900, **context: Any
    ) -> Page:
        contexts.append(
            chromium.new_context(
                color_scheme=scheme, viewport={"width": width, "height": height}, **context
            )
        )
        page = contexts[-1].new_page()
        watch.follow(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    watch.check()


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A watched page, light and wide."""
    return new_page()


def axe(page: Page, within: str | None = None) -> None:
    """Assert that the accessibility checker axe finds nothing; all its rules, best practice too.

    Parameters
    ----------
    within
        Selector of the part to look at; the whole page without one.
    """
    found = Axe().run(page, context=within).response["violations"]
    told = [
        f"{each['id']} ({each['impact']}): {each['help']}\n"
        + "\n".join(
            f"    {node['target']}: {node['html'][:160]}\n        "
            + " ".join(str(node["failureSummary"]).split())
            for node in each["nodes"][:5]
        )
        for each in found
    ]
    assert not found, f"axe objects to {len(found)} things:\n" + "\n".join(told)


def first_paint_ms(page: Page) -> float:
    """Time from opening the page to its first contentful paint, in ms."""
    entries = "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)"
    wait_until(page, f"{entries}.length > 0")
    return float(page.evaluate(entries)[0])


def wait_until(page: Page, expression: str, within_ms: int = 10_000) -> None:
    """Wait until an expression of the page is true.

    Playwright's own `wait_for_function` evaluates text within the page, which a page refuses whose
    content security policy is strict, and then complains of.
    """
    for _ in range(within_ms // _STEP_MS):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(_STEP_MS)
    raise AssertionError(f"not within {within_ms} ms: {expression}")


def shoot(page: Page, path: Path, *, whole: bool = True) -> Path:
    """Keep a PNG of the whole page, or of what its window shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=whole, animations="disabled")
    return path


def focused(page: Page) -> str:
    """Id, name or text of the element that has the keyboard, whichever it has first."""
    return str(
        page.evaluate(
            """() => {
                const at = document.activeElement;
                return at.id || at.getAttribute('aria-label') || at.textContent.trim();
            }"""
        )
    )


def _stays(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in _WITHIN or parts.hostname in _LOOPBACK
