"""What is posted to the desk by hand: kept as it can be read again, or refused and not kept."""

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from desk_sessions import Folder
from starlette.testclient import TestClient

from pipeline import config
from pipeline.core.vocabulary import MARKERS
from pipeline.desk.access import PAGE_HEADER, Gate, Reviewer, hosts
from pipeline.desk.app import application
from pipeline.desk.desk import Desk
from pipeline.session.workbench import Workbench
from pipeline.workspace.verdicts import as_codes, standing

OURS = "http://127.0.0.1:8321"
SECRET = "Zebrafink"  # noqa: S105  # a word that no answer repeats


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("border"))
    folder.process(folder.written("only", client="C-01", session_number=1))
    return folder


@pytest.fixture(scope="module")
def desk(sessions: Folder) -> Iterator[Desk]:
    opened = Desk(Workbench(config.load(), sessions.workspace))
    yield opened
    opened.close()


class Poster:
    """AK's browser, which says what it likes of a session's withdrawal."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        (self.session,) = desk.index.sessions()
        self.moment = next(m for m in self.session.moments if m.kind == "withdrawal")
        self.path = f"/sessions/{self.session.recording.short_id}"
        gate = Gate(["AK"], 8321)
        app = application(desk, gate, hosts("127.0.0.1", 8321))
        self.client = TestClient(app, base_url=OURS, headers={"origin": OURS})
        self.client.get("/enter", params={"token": gate.tokens["AK"]})
        self.client.headers[PAGE_HEADER] = gate.page_token(Reviewer("AK"))

    def decide(self, **body: Any) -> tuple[int, dict[str, Any]]:
        path = f"{self.path}/moments/{self.moment.moment_id}/verdict"
        return self.send(path, {"decision": "confirm", "mark": self.moment.mark} | body)

    def add(self, **body: Any) -> tuple[int, dict[str, Any]]:
        usual = {"start_ms": 46_500, "end_ms": 49_000, "kind": "confrontation", "marker": "C2"}
        return self.send(f"{self.path}/missed", usual | body)

    def send(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.client.post(path, content=content)
        return answer.status_code, answer.json()


@pytest.fixture
def poster(desk: Desk) -> Poster:
    made = Poster(desk)
    desk.ledger.forget(made.session.recording.recording_id)
    return made


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({}, ("withdrawal", "W2")),
        ({"kind": "withdrawal"}, ("withdrawal", "W2")),
        ({"kind": "confrontation"}, ("confrontation", None)),
        ({"marker": "C3"}, ("confrontation", "C3")),
        ({"marker": "W5"}, ("withdrawal", "W5")),
        ({"kind": "confrontation", "marker": "C3"}, ("confrontation", "C3")),
        ({"decision": "reject", "kind": "confrontation", "marker": "C3"}, (None, None)),
        ({"decision": "unsure", "marker": "C3"}, ("confrontation", "C3")),
    ],
)
def test_what_is_left_out_is_filled_in_without_a_contradiction(
    poster: Poster, body: dict[str, Any], kept: tuple[str | None, str | None]
) -> None:
    assert poster.moment.marker == "W2"
    status, told = poster.decide(**body)
    assert status == 201
    (entry,) = poster.desk.ledger.all()
    assert (entry.kind, entry.marker) == kept == (told["kind"], told["marker"])
    for frame in as_codes([entry]).values():
        named = frame.drop_nulls(["kind", "marker"])
        assert named["marker"].replace_strict(MARKERS).equals(named["kind"])


@pytest.mark.parametrize("decision", ["confirm", "reject", "unsure"])
@pytest.mark.parametrize(
    ("kind", "marker"), [("confrontation", "W2"), ("withdrawal", "C1"), ("withdrawal", "C7")]
)
def test_a_kind_and_a_marker_of_the_other_kind_are_refused(
    poster: Poster, decision: str, kind: str, marker: str
) -> None:
    for status, told in (
        poster.decide(decision=decision, kind=kind, marker=marker),
        poster.add(kind=kind, marker=marker),
    ):
        assert status == 422
        assert "a marker that does not belong to the kind" in told["error"]
        assert "W1 to W7 for a withdrawal" in told["error"]
    assert poster.desk.ledger.all() == []


WRONG: dict[str, tuple[object, str]] = {
    "salience 0": ({"salience": 0}, "salience"),
    "salience 6": ({"salience": 6}, "salience"),
    "salience 2.5": ({"salience": 2.5}, "salience"),
    "salience 3.0": ({"salience": 3.0}, "salience"),
    "salience true": ({"salience": True}, "salience"),
    "salience text": ({"salience": "3"}, "salience"),
    "salience NaN": ({"salience": float("nan")}, "salience"),
    "salience Infinity": ({"salience": float("inf")}, "salience"),
    "salience huge": ({"salience": 10**40}, "salience"),
    "salience list": ({"salience": [3]}, "salience"),
    "note long": ({"note": "x" * 4001}, "a note that is too long"),
    "note escape": ({"note": f"{SECRET}\x1b[2J"}, "control characters"),
    "note zero": ({"note": f"{SECRET}\x00"}, "control characters"),
    "note bell": ({"note": f"{SECRET}\x07"}, "control characters"),
    "note delete": ({"note": f"{SECRET}\x7f"}, "control characters"),
    "note C1": ({"note": f"{SECRET}\x9b31m"}, "control characters"),
    "note half a sign": ({"note": f"{SECRET}\ud83d"}, "not valid JSON"),
    "note number": ({"note": 3}, "note"),
    "note null": ({"note": None}, "note"),
    "note object": ({"note": {SECRET: 1}}, "note"),
    "kind": ({"kind": SECRET}, "kind"),
    "kind of a move": ({"kind": "therapist_move"}, "kind"),
    "marker": ({"marker": SECRET}, "marker"),
    "marker W8": ({"marker": "W8"}, "marker"),
    "marker small": ({"marker": "w2"}, "marker"),
    "marker line": ({"marker": "W2\n"}, "marker"),
    "unknown key": ({SECRET: 1}, "an unknown field"),
    "another's name": ({"reviewer": SECRET}, "an unknown field"),
}


@pytest.mark.parametrize(("body", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_have_been_decided_is_refused_with_the_field(
    poster: Poster, body: dict[str, Any], told: str
) -> None:
    for status, answer in (poster.decide(**body), poster.add(**body)):
        assert status == 422
        assert told in answer["error"]
        assert answer["error"].endswith("nothing was saved")
        assert SECRET not in answer["error"]
    assert poster.desk.ledger.all() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_ms": -1},
        {"start_ms": 49_000},
        {"start_ms": 49_001},
        {"start_ms": 46_500.5},
        {"start_ms": "46500"},
        {"start_ms": None},
        {"start_ms": float("nan")},
        {"start_ms": True},
        {"end_ms": 0},
        {"end_ms": float("inf")},
        {"end_ms": 10**400},
        {"end_ms": 2**63},
        {"end_ms": 10_000_000},
        {"replaces": 0},
        {"replaces": -1},
        {"replaces": 10**30},
        {"replaces": "1"},
        {"decision": "added"},
    ],
    ids=str,
)
def test_a_stretch_lies_in_the_recording_and_ends_after_its_start(
    poster: Poster, wrong: dict[str, Any]
) -> None:
    status, told = poster.add(**wrong)
    assert status in (409, 422)
    assert told["error"]
    assert "bug" not in told["error"]
    assert poster.desk.ledger.all() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"confirm"',
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"note":' * 50_000,
        b'{"decision": "confirm"}',
        b'{"decision": "added", "mark": ""}',
        b'{"decision": "retracted", "mark": ""}',
        b'{"decision": ["confirm"], "mark": "x"}',
        b'{"decision": "confirm", "mark": 1}',
        b'{"decision": "confirm", "mark": "%s"}' % (b"x" * 101),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_body_of_another_form_is_refused(poster: Poster, body: bytes) -> None:
    for path in (
        f"{poster.path}/moments/{poster.moment.moment_id}/verdict",
        f"{poster.path}/missed",
    ):
        status, told = poster.send(path, body)
        assert status == 422
        assert "the request is not valid" in told["error"]
    assert poster.desk.ledger.all() == []


def test_a_huge_body_is_refused_before_it_is_read(poster: Poster) -> None:
    status, told = poster.send(f"{poster.path}/missed", b'{"note": "' + b"x" * (3 << 20) + b'"}')
    assert (status, told) == (413, {"error": "the request is too large"})


@pytest.mark.parametrize(
    "roles",
    [
        {},
        {SECRET: "therapist"},
        {"therapist": "supervisor"},
        {"therapist": 1},
        {"": "client"},
        {"x" * 100_000: "client"},
    ],
    ids=lambda roles: str(roles)[:30],
)
def test_who_is_who_is_said_of_speakers_that_there_are(
    poster: Poster, roles: dict[str, object]
) -> None:
    status, told = poster.send(f"{poster.path}/roles", {"roles": roles})
    assert status in (409, 422)
    assert "bug" not in told["error"]


@pytest.mark.parametrize("entry", ["0", "1", "99999999999999999999999999"])
def test_what_is_no_entry_cannot_be_taken_back(poster: Poster, entry: str) -> None:
    status, told = poster.send(f"/verdicts/{entry}/undo", {})
    assert status == 409
    assert "was replaced or undone" in told["error"]


def test_entries_of_an_earlier_version_are_shown_changed_and_taken_back(poster: Poster) -> None:
    """Kind and marker disagree: nothing is lost, and every page and list goes on working."""
    poster.decide(note="kept", salience=4)
    poster.add(kind="confrontation", marker="C2")
    first, second = poster.desk.ledger.all()
    poster.desk.ledger.forget(first.recording_id)
    old = poster.desk.ledger.append(first.but(kind="confrontation", verdict_id=None))
    added = poster.desk.ledger.append(second.but(marker="W2", verdict_id=None))
    for path in ("/", "/?status=all", "/caseload", poster.path):
        assert poster.client.get(path).status_code == 200
    page = poster.client.get(f"{poster.path}/moments/{poster.moment.moment_id}")
    assert page.status_code == 200
    assert "kept" in page.text
    assert pl.concat(as_codes(poster.desk.ledger.all()).values()).height == 2

    status, told = poster.decide(kind="withdrawal", marker="W2")
    assert status == 201
    status, again = poster.send(f"/verdicts/{told['verdict_id']}/undo", {})
    assert status == 201, "as it stood before, for it was said so"
    assert (again["kind"], again["marker"], again["note"]) == ("confrontation", "W2", "kept")
    assert poster.send(f"/verdicts/{added.verdict_id}/undo", {})[0] == 201
    (stands,) = standing(poster.desk.ledger.all())
    assert (stands.kind, stands.marker) == ("confrontation", "W2")
    assert {old, added} <= set(poster.desk.ledger.all()), "as they were"
