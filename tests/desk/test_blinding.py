"""Nobody sees what another reviewer decided, wrote or added before they have decided themselves.

AK works through the whole workspace; BL's pages must not differ by a byte from those of a
workspace in which AK did nothing. Then BL decides, step by step.
"""

import re
from collections.abc import Iterator

import pytest
from desk_sessions import TALK, Folder
from starlette.testclient import TestClient

from pipeline import config
from pipeline.desk.access import PAGE_HEADER, Gate, Reviewer, hosts
from pipeline.desk.app import application
from pipeline.desk.desk import Desk
from pipeline.desk.queue import Filter
from pipeline.session.workbench import Workbench
from pipeline.workspace.verdicts import Ledger, Verdict

OURS = "http://127.0.0.1:8321"
SIGNS = ("Zebrafink", "AKARELLA", "Quittenbaum", "Rohrdommel")
"""What only AK's entries hold: the notes of verdicts, the name, the notes of other moments."""
AK, BL = SIGNS[1], "BL"


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A client with two sessions, and one without any moment."""
    folder = Folder(tmp_path_factory.mktemp("blind"))
    first = folder.written("first", client="C-01", therapist="T-01", session_number=1)
    shifted = [(who, start + 1, end + 1, text) for who, start, end, text in TALK]
    second = folder.written(
        "second", shifted, client="C-01", therapist="T-01", session_number=2, date="2026-03-09"
    )
    calm = folder.written("calm", TALK[:3], client="C-02", session_number=1)
    folder.process(first, second, calm)
    return folder


@pytest.fixture(scope="module")
def desk(sessions: Folder) -> Iterator[Desk]:
    opened = Desk(Workbench(config.load(), sessions.workspace), (sessions.recordings,))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _nothing_decided(desk: Desk) -> None:
    for session in desk.index.sessions():
        desk.ledger.forget(session.recording.recording_id)


class Seen:
    """Every page and answer that one reviewer can get."""

    def __init__(self, desk: Desk, reviewer: str) -> None:
        self._desk, self._name = desk, reviewer
        gate = Gate([AK, BL], 8321)
        app = application(desk, gate, hosts("127.0.0.1", 8321))
        self._client = TestClient(app, base_url=OURS, headers={"origin": OURS})
        self._client.get("/enter", params={"token": gate.tokens[reviewer]})
        self._client.headers[PAGE_HEADER] = gate.page_token(Reviewer(reviewer))
        self._token = gate.page_token(Reviewer(reviewer))

    def addresses(self) -> list[str]:
        found = ["/", "/caseload", "/recordings", "/recordings/progress"]
        found += [f"/?status={status}" for status in ("undecided", "decided", "all")]
        found += ["/?kind=withdrawal&status=all", "/?client=C-01&status=all", "/?page=2"]
        for session in self._desk.index.sessions():
            path = f"/sessions/{session.recording.short_id}"
            found += [path, f"{path}/report", f"{path}/sound", f"{path}?at=1000", f"{path}/none"]
            for moment in session.moments:
                found.append(f"{path}/moments/{moment.moment_id}")
                found.append(f"{path}/moments/{moment.moment_id}?status=all")
        return found

    def all(self) -> dict[str, str]:
        """Answers by address, with status; tokens of the page, which differ each time, left out."""
        return {path: self.page(path) for path in self.addresses()}

    def page(self, path: str) -> str:
        answer = self._client.get(path, headers={"accept": "application/json, text/html"})
        return f"{answer.status_code} {answer.text.replace(self._token, '')}"

    def post(self, path: str, **body: object) -> str:
        answer = self._client.post(path, json=body)
        return f"{answer.status_code} {answer.text}"


def everything(desk: Desk) -> None:
    """AK decides each moment, adds one to each session, and has one that is no longer flagged."""
    for session in desk.index.sessions():
        for number, moment in enumerate(session.moments):
            note, said = SIGNS[0], ("confirm", "reject", "unsure")[number % 3]
            desk.decide(session, moment, AK, said, salience=5, note=note)  # type: ignore[arg-type]
        desk.add_missed(session, AK, (300, 900), "confrontation", "C7", 4, SIGNS[2])
        entry = desk.ledger.all()[-1]
        desk.ledger.append(
            Verdict(
                session.recording.recording_id,
                100,
                200,
                "confirm",
                AK,
                entry.decided_at,
                "withdrawal",
                "W1",
                kind="withdrawal",
                marker="W1",
                note=SIGNS[3],
            )
        )


def decide_all(desk: Desk, reviewer: str, client: str) -> None:
    for row in desk.index.queue(Filter(client=client, status="all"), reviewer).rows:
        desk.decide(row.session, row.moment, reviewer, "confirm")


def test_pages_are_the_same_whatever_another_reviewer_did(desk: Desk) -> None:
    visit = Seen(desk, BL)
    before = visit.all()
    assert sum(text.startswith("200 ") for text in before.values()) > 15
    everything(desk)
    after = visit.all()
    assert [path for path in before if before[path] != after[path]] == []
    assert not [s for s in SIGNS for path, text in after.items() if s in text], "and no sign"
    own = " ".join(Seen(desk, AK).all().values())
    assert all(sign in own for sign in SIGNS), "whose they are sees them"


def test_one_decision_opens_one_moment_and_nothing_else(desk: Desk) -> None:
    visit = Seen(desk, BL)
    row = desk.index.queue(Filter(), BL).shown[0]
    desk.decide(row.session, row.moment, BL, "confirm")
    before = visit.all()
    everything(desk)
    after = visit.all()
    own = f"/sessions/{row.session.recording.short_id}/moments/{row.moment.moment_id}"
    lists = {"/?status=decided", "/?status=all", "/?kind=withdrawal&status=all"}
    lists |= {"/?kind=confrontation&status=all", "/?client=C-01&status=all"}  # "1 other" decided
    differing = {path for path in before if before[path] != after[path]}
    assert {own, f"{own}?status=all", "/caseload"} <= differing
    assert differing <= {own, f"{own}?status=all", "/caseload"} | lists


def test_a_moment_shows_what_others_said_once_it_is_decided_and_no_other_one(desk: Desk) -> None:
    everything(desk)
    visit = Seen(desk, BL)
    first, *others = desk.index.queue(Filter(), BL).shown
    entry = desk.decide(first.session, first.moment, BL, "unsure")

    def path(row: object) -> str:
        return f"/sessions/{row.session.recording.short_id}/moments/{row.moment.moment_id}"  # type: ignore[attr-defined]

    assert SIGNS[0] in visit.page(path(first))
    for row in others:
        assert not any(sign in visit.page(path(row)) for sign in SIGNS)
    session = visit.page(f"/sessions/{first.session.recording.short_id}")
    assert "once you have decided every moment here" in session
    assert not any(sign in session for sign in SIGNS)
    desk.undo(entry.verdict_id or 0, BL)
    assert SIGNS[0] not in visit.page(path(first)), "taken back: blind again"


def test_what_others_added_is_shown_once_every_moment_of_the_session_is_decided(
    desk: Desk,
) -> None:
    everything(desk)
    visit = Seen(desk, BL)
    first = next(s for s in desk.index.sessions() if s.moments)
    for moment in first.moments:
        desk.decide(first, moment, BL, "reject")
    page = visit.page(f"/sessions/{first.recording.short_id}")
    assert SIGNS[2] in page
    assert SIGNS[3] in page
    assert "Added by other reviewers" in page
    assert "once you have decided" not in page
    for session in desk.index.sessions():
        if session is not first:
            page = visit.page(f"/sessions/{session.recording.short_id}")
            assert not any(sign in page for sign in SIGNS)


def test_in_a_session_without_moments_own_additions_come_first(desk: Desk) -> None:
    everything(desk)
    visit = Seen(desk, BL)
    calm = next(s for s in desk.index.sessions() if not s.moments)
    path = f"/sessions/{calm.recording.short_id}"
    assert "once you have added a moment here" in visit.page(path)
    desk.add_missed(calm, BL, (1000, 2000), "withdrawal", "W3")
    assert SIGNS[2] in visit.page(path)


def counts(page: str) -> list[list[int]]:
    """Numbers of each row of the caseload: kinds, then states."""
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", page, re.DOTALL)
    cells = [re.findall(r'<td class="number">([^<]+)</td>', row) for row in rows]
    return [[int(cell) if cell.isdigit() else 0 for cell in row] for row in cells]


def test_the_caseload_counts_per_reviewer(desk: Desk) -> None:
    """Withdrawal, confrontation; undecided, confirmed, rejected, unsure, differ, added."""
    visit = Seen(desk, BL)
    everything(desk)
    assert counts(visit.page("/caseload")) == [
        [1, 1, 2, 0, 0, 0, 0, 0],
        [1, 1, 2, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]
    first = next(
        row.session
        for row in desk.index.queue(Filter(), BL).rows
        if row.session.metadata.session_number == 1
    )
    desk.decide(first, first.moments[0], BL, "confirm")
    assert counts(visit.page("/caseload"))[0] == [1, 1, 1, 1, 0, 0, 0, 0]
    desk.decide(first, first.moments[1], BL, "confirm")
    assert counts(visit.page("/caseload"))[0] == [1, 1, 0, 1, 0, 0, 1, 1], "they differ on one"
    assert counts(visit.page("/caseload"))[1:] == [
        [1, 1, 2, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert counts(Seen(desk, AK).page("/caseload"))[2] == [0, 0, 0, 0, 0, 0, 0, 1]


def test_answers_to_posts_tell_nothing_of_others(desk: Desk) -> None:
    """Another's entry is refused as one that never was, and so is what would replace it."""
    everything(desk)
    visit = Seen(desk, BL)
    session = next(s for s in desk.index.sessions() if s.moments)
    path = f"/sessions/{session.recording.short_id}/missed"
    body = {"start_ms": 2000, "end_ms": 3000, "kind": "withdrawal", "marker": "W1"}
    theirs = desk.ledger.all()[0].verdict_id or 0
    for others, nobodys in (
        (visit.post(f"/verdicts/{theirs}/undo"), visit.post("/verdicts/99999/undo")),
        (visit.post(path, **body, replaces=theirs), visit.post(path, **body, replaces=99999)),
    ):
        assert others == nobodys
        assert others.startswith("409 ")
    added = visit.post(path, start_ms=300, end_ms=900, kind="confrontation", marker="C7")
    assert added.startswith("201 "), "where another added one, too"
    assert not any(sign in added for sign in SIGNS)


def test_the_list_of_verdicts_and_the_codes_show_all(desk: Desk) -> None:
    everything(desk)
    notes = {entry.note for entry in Ledger(desk.bench.store.workspace).all()}
    assert notes == set(SIGNS) - {AK}
