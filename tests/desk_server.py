"""The desk served to a browser: from a thread, or by the command where it must die."""

import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import uvicorn
from playwright.sync_api import Page

from pipeline import config
from pipeline.desk.access import Gate, hosts
from pipeline.desk.app import application
from pipeline.desk.connections import configured
from pipeline.desk.desk import Desk
from pipeline.session.workbench import Workbench

PATIENCE_S = 30
_REVIEW = (sys.executable, "-m", "pipeline.cli", "review", "--port", "0", "--no-browser",
           "--reviewer", "AK", "--reviewer", "BL")  # fmt: skip


class Served:
    """A desk that answers.

    Parameters
    ----------
    links
        Of each reviewer.
    """

    def __init__(self, links: dict[str, str]) -> None:
        self.links = links
        self.base = next(iter(links.values())).partition("/enter")[0]

    def enter(self, page: Page, reviewer: str = "AK", path: str = "/") -> Page:
        """Open the link of a reviewer, and a page."""
        page.goto(self.links[reviewer])
        page.wait_for_url(f"{self.base}/")
        if path != "/":
            page.goto(self.base + path)
        return page


@contextmanager
def served(workspace: Path, *folders: Path, **review: object) -> Iterator[Served]:
    """Serve a workspace to AK and BL from a thread.

    Parameters
    ----------
    review
        Settings of the section `review` that differ from the default.
    """
    settings = config.load()
    other = settings.review.model_copy(update=review)
    desk = Desk(Workbench(settings.model_copy(update={"review": other}), workspace), folders)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        gate = Gate(("AK", "BL"), port)
        app = application(desk, gate, hosts("127.0.0.1", port))
        server = uvicorn.Server(configured(app, desk.settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        base = f"http://127.0.0.1:{port}"
        try:
            yield Served({n: f"{base}/enter?token={token}" for n, token in gate.tokens.items()})
        finally:
            server.should_exit = server.force_exit = True
            thread.join(PATIENCE_S)
            desk.close()


class Command:
    """`tether review` as a person starts it."""

    def __init__(self, workspace: Path) -> None:
        self._process: Popen[str] = Popen(
            (*_REVIEW, "--workspace", str(workspace)),
            stdout=PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        told = [self._process.stdout.readline() for _ in range(2)]
        links = {found[1]: found[2] for line in told if (found := re.match(r"(\w+): (\S+)", line))}
        self.desk = Served(links)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.communicate()


def until(page: Page, expression: str, argument: object = None) -> Any:
    """Wait until an expression holds, and give its value.

    The page allows no `eval`, by which Playwright's own waiting works.
    """
    end = time.monotonic() + PATIENCE_S
    while not (found := page.evaluate(expression, argument)):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(50)
    return found
