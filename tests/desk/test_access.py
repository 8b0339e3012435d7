"""Who comes in at the desk, and what a page of somebody else can do there: nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pipeline import config
from pipeline.desk.access import PAGE_HEADER, Gate, Reviewer, hosts
from pipeline.desk.app import application
from pipeline.desk.desk import Desk
from pipeline.session.workbench import Workbench

OURS = "http://127.0.0.1:8321"


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate(["AK", "BL"], 8321)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """An empty workspace, which nothing here changes."""
    opened = Desk(Workbench(config.load(), tmp_path_factory.mktemp("desk") / "workspace"))
    yield opened
    opened.close()


@pytest.fixture
def visit(desk: Desk, gate: Gate) -> TestClient:
    """A browser that has not been let in."""
    app = application(desk, gate, hosts("127.0.0.1", 8321))
    return TestClient(app, base_url=OURS, raise_server_exceptions=False)


@pytest.fixture
def inside(visit: TestClient, gate: Gate) -> TestClient:
    """A browser that opened the link of AK."""
    assert visit.get("/enter", params={"token": gate.tokens["AK"]}).status_code == 200
    return visit


PATHS = ["/", "/caseload", "/recordings", "/recordings/progress", "/sessions/" + "a" * 12]


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_sees_nothing(visit: TestClient, path: str) -> None:
    answer = visit.get(path)
    assert answer.status_code == 401
    assert "Open the link" in answer.text


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "\u00e9", "../.."])
def test_a_wrong_token_opens_nothing(visit: TestClient, token: str) -> None:
    assert visit.get("/enter", params={"token": token}).status_code == 401
    assert not visit.cookies


def test_a_link_opens_the_desk_for_one_reviewer(inside: TestClient) -> None:
    page = inside.get("/")
    assert page.status_code == 200
    assert "AK" in page.text
    assert "BL" not in page.text


def test_the_cookie_is_kept_from_scripts_and_other_sites(visit: TestClient, gate: Gate) -> None:
    answer = visit.get("/enter", params={"token": gate.tokens["AK"]})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert gate.tokens["AK"].lower() not in cookie


def test_a_cookie_cannot_be_made_up(visit: TestClient, gate: Gate) -> None:
    other = Gate(["AK"], 8321)  # another run
    stolen = other.admit(other.tokens["AK"])
    assert stolen
    for value in (stolen, "414b.", "414b." + "0" * 64, "zz.zz", "", stolen.replace("414b", "424c")):
        visit.cookies.set(gate.cookie, value)
        assert visit.get("/").status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1", "127.0.0.1:80", "localhost:9", ""]
)
def test_a_name_that_somebody_points_here_is_refused(inside: TestClient, host: str) -> None:
    assert inside.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8321", "[::1]:8321", "127.0.0.1:8321"])
def test_this_machine_may_be_called_by_its_names(visit: TestClient, host: str) -> None:
    assert visit.get("/", headers={"host": host}).status_code == 401, "asked for the link"


FOREIGN = ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8321", ""]


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_other_origins_neither_read_nor_write(
    inside: TestClient, gate: Gate, origin: str
) -> None:
    token = gate.page_token(Reviewer("AK"))
    with_origin = {"origin": origin, PAGE_HEADER: token}
    assert inside.get("/", headers={"origin": origin}).status_code == 403
    answer = inside.post("/recordings/add", json={"keys": ["x"]}, headers=with_origin)
    assert answer.status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_calls_foreign_is_refused(inside: TestClient, site: str) -> None:
    assert inside.get("/", headers={"sec-fetch-site": site}).status_code == 403
    assert inside.get("/static/desk.js", headers={"sec-fetch-site": site}).status_code == 403


def test_what_changes_something_needs_the_page_s_own_token(inside: TestClient, gate: Gate) -> None:
    def post(token: str | None) -> int:
        headers = {"origin": OURS} | ({PAGE_HEADER: token} if token is not None else {})
        sent = inside.post("/recordings/add", json={"keys": ["x"]}, headers=headers)
        return int(sent.status_code)

    assert post(None) == 403
    assert post("") == 403
    assert post(gate.page_token(Reviewer("BL"))) == 403, "another reviewer's"
    assert post(gate.page_token(Reviewer("AK"))) == 409, "let in; there is no such recording"


def test_without_an_origin_nothing_is_changed(inside: TestClient, gate: Gate) -> None:
    headers = {PAGE_HEADER: gate.page_token(Reviewer("AK"))}
    assert inside.post("/recordings/add", json={"keys": ["x"]}, headers=headers).status_code == 403


@pytest.mark.parametrize("path", [*PATHS, "/nowhere", "/static/desk.js", "/enter"])
def test_every_answer_carries_the_headers(inside: TestClient, path: str) -> None:
    headers = inside.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/app.py",
        "/static//etc/passwd",
        "/sessions/../../etc/passwd",
        "/sessions/..%2f..%2ftether.db",
        "/sessions/%2e%2e/report",
        "/sessions/" + "f" * 12 + "/report",
        "/sessions/" + "f" * 12 + "/sound.wav",
        "/sessions/" + "f" * 64 + "/moments/0",
        "/sessions/x/moments/-1",
        "/sessions/x/moments/99999999999999999999999999",
    ],
)
def test_forged_paths_and_ids_lead_nowhere(inside: TestClient, path: str) -> None:
    answer = inside.get(path)
    assert answer.status_code == 404
    assert "root:" not in answer.text
    assert "import" not in answer.text


def test_forms_that_no_page_sends_are_refused(inside: TestClient, gate: Gate) -> None:
    headers = {"origin": OURS, PAGE_HEADER: gate.page_token(Reviewer("AK"))}
    for content in (b"", b"[]", b"{", b'{"keys": []}', b'{"keys": ["x"], "more": 1}', b"\xff"):
        answer = inside.post("/recordings/add", content=content, headers=headers)
        assert answer.status_code == 422
    long = inside.post("/recordings/add", content=b" " * (1 << 21), headers=headers)
    assert long.status_code == 413


def test_a_recording_outside_of_the_folders_is_not_added(
    inside: TestClient, gate: Gate, tmp_path: Path
) -> None:
    (tmp_path / "secret.wav").write_bytes(b"RIFF")
    headers = {"origin": OURS, PAGE_HEADER: gate.page_token(Reviewer("AK"))}
    body = {"keys": [str(tmp_path / "secret.wav")]}
    assert inside.post("/recordings/add", json=body, headers=headers).status_code == 409


def test_a_bug_of_ours_says_where_and_not_what(
    inside: TestClient,
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> None:
        raise RuntimeError("words of a session")

    monkeypatch.setattr(desk.index, "sessions", broken)
    page = inside.get("/")
    assert page.status_code == 500
    assert "internal error: RuntimeError at" in page.text
    assert "<h1>" in page.text
    asked = inside.get("/", headers={"accept": "application/json"})
    assert "RuntimeError" in asked.json()["error"]
    for text in (
        page.text,
        asked.text,
        *(r.getMessage() for r in caplog.records if r.name == "tether"),
    ):
        assert "words of a session" not in text
