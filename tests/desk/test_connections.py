"""Whoever sends half a request, or nothing at all, keeps nobody out, and is no bug of Tether's."""

import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from desk_server import Served, served

from pipeline.desk.access import PAGE_HEADER

REQUEST_S, CONNECTIONS = 1, 12
PATIENCE_S = 30
"""A busy machine is no failure."""
HEAD = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n"
HALVES = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "half a head": HEAD,
    "half a body": b"POST /x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n{",
}
ANSWERED = HEAD + b"\r\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An empty desk that waits one second for a request."""
    workspace = tmp_path_factory.mktemp("desk") / "workspace"
    workspace.mkdir()
    with served(workspace, request_s=REQUEST_S, connections=CONNECTIONS) as answering:
        yield answering


def connect(desk: Served) -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", urlsplit(desk.base).port or 0), timeout=PATIENCE_S
    )


def ended_after_s(line: socket.socket) -> float:
    """Seconds until the desk ends a connection, whatever it says before."""
    began = time.monotonic()
    try:
        while line.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - began


class Browser:
    """One that was let in as AK."""

    def __init__(self, desk: Served) -> None:
        self._host = urlsplit(desk.base).netloc
        self._headers = {"host": self._host, "origin": desk.base}
        link = urlsplit(desk.links["AK"])
        _, cookie, _ = self._ask(f"{link.path}?{link.query}")
        self._headers["cookie"] = cookie.partition(";")[0]
        _, _, page = self._ask("/")
        self._headers[PAGE_HEADER] = page.partition('name="page-token" content="')[2][:64]

    def get(self, path: str) -> int:
        """Status of a page."""
        return self._ask(path)[0]

    def head(self, line: str, **more: object) -> bytes:
        """The head of a request as it would send it."""
        headers = self._headers | {name.replace("_", "-"): value for name, value in more.items()}
        lines = (f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{line} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()

    def _ask(self, path: str) -> tuple[int, str, str]:
        with closing(HTTPConnection(self._host, timeout=PATIENCE_S)) as connection:
            connection.request("GET", path, headers=self._headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("set-cookie", ""), answer.read().decode()


@pytest.mark.parametrize("before", [b"", ANSWERED], ids=["first", "further"])
def test_a_request_that_does_not_arrive_is_ended(desk: Served, before: bytes) -> None:
    with ExitStack() as opened:
        lines = [opened.enter_context(closing(connect(desk))) for _ in HALVES]
        for line, sent in zip(lines, HALVES.values(), strict=True):
            if before:
                line.sendall(before)
                assert line.recv(1 << 16).startswith(b"HTTP/1.1 421 ")
            line.sendall(sent)
        with ThreadPoolExecutor(len(lines)) as pool:  # so that all of them are waited for at once
            took = dict(zip(HALVES, pool.map(ended_after_s, lines), strict=True))
    assert all(REQUEST_S / 2 < each < PATIENCE_S for each in took.values()), took


def drip(line: socket.socket) -> None:
    for _ in range(40):
        time.sleep(REQUEST_S / 10)
        line.sendall(b"x")


@pytest.mark.parametrize("begun", ["half a head", "half a body"])
def test_a_byte_now_and_then_buys_no_more_time(desk: Served, begun: str) -> None:
    with closing(connect(desk)) as line:
        line.sendall(HALVES[begun])
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            drip(line)


def test_idle_connections_make_room_for_a_reviewer(tmp_path: Path) -> None:
    with (
        served(tmp_path / "workspace", request_s=2 * PATIENCE_S, connections=CONNECTIONS) as desk,
        ExitStack() as opened,
    ):
        lines = [opened.enter_context(closing(connect(desk))) for _ in range(4 * CONNECTIONS)]
        for number, line in enumerate(lines[-CONNECTIONS:]):
            line.sendall(list(HALVES.values())[number % 4])
        began = time.monotonic()
        assert Browser(desk).get("/caseload") == 200
        took_s = time.monotonic() - began
        assert took_s < PATIENCE_S, "at once, and not when the others had waited too long"


def test_a_request_that_takes_its_time_to_be_answered_is_not_ended(
    desk: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object, **__: object) -> list[object]:
        time.sleep(2 * REQUEST_S)
        return []

    visit = Browser(desk)
    monkeypatch.setattr("pipeline.desk.caseload.clients", slow)
    assert visit.get("/caseload") == 200


BEGUN = {
    "a body": ("POST /recordings/add", {"content_length": 5000}, b'{"keys": ["'),
    "nothing of a body": ("POST /recordings/add", {"content_length": 5000}, b""),
    "chunks": ("POST /recordings/add", {"transfer_encoding": "chunked"}, b"5\r\n{"),
    "an answer": ("GET /", {}, b""),
}


@pytest.mark.parametrize("too_slow", [False, True], ids=["broken off", "too slow"])
@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN.keys())
def test_half_a_request_is_no_bug(
    desk: Served,
    caplog: pytest.LogCaptureFixture,
    begun: tuple[str, dict[str, object], bytes],
    *,
    too_slow: bool,
) -> None:
    caplog.set_level(logging.INFO)
    visit = Browser(desk)
    line, headers, sent = begun
    with closing(connect(desk)) as broken:
        broken.sendall(visit.head(line, **headers) + sent)
        if too_slow:
            ended_after_s(broken)
        elif sent:
            time.sleep(0.2)  # so that it is being read
    time.sleep(0.3)
    assert visit.get("/") == 200
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING or r.exc_info]
    assert "bug" not in caplog.text
    assert "Disconnect" not in caplog.text
