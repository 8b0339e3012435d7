"""The queue: what is taken, in what order, and that it follows what lies on disk."""

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_sessions import Folder

from pipeline import config
from pipeline.core.errors import ConfigError, InputError
from pipeline.desk.desk import Desk
from pipeline.desk.queue import Filter, Queue
from pipeline.session.workbench import Workbench
from pipeline.workspace.verdicts import standing


@pytest.fixture
def at(workspace: Path) -> Iterator[Desk]:
    opened = Desk(Workbench(config.load(), workspace))
    yield opened
    opened.close()


def queue(at: Desk, reviewer: str = "AK", **wanted: str) -> Queue:
    return at.index.queue(Filter.of(wanted), reviewer)


def test_the_strongest_evidence_comes_first(at: Desk) -> None:
    rows = queue(at).shown
    scores = [row.moment.score for row in rows]
    assert len(rows) > 2
    assert scores == sorted(scores, reverse=True)
    assert {row.moment.kind for row in rows} == {"withdrawal", "confrontation"}
    assert all(row.moment.observed.endswith(".") for row in rows)


def test_filters_take_what_they_say(at: Desk) -> None:
    every = queue(at).rows
    for wanted, holds in (
        ({"kind": "withdrawal"}, lambda row: row.moment.kind == "withdrawal"),
        ({"marker": "C1"}, lambda row: row.moment.marker == "C1"),
        ({"client": "C-01"}, lambda row: row.session.metadata.client == "C-01"),
        ({"therapist": "T-01"}, lambda row: row.session.metadata.therapist == "T-01"),
        ({"since": "2026-03-05"}, lambda row: str(row.session.metadata.date) == "2026-03-09"),
        ({"until": "2026-03-05"}, lambda row: str(row.session.metadata.date) == "2026-03-02"),
    ):
        found = queue(at, **wanted).rows
        assert list(found) == [row for row in every if holds(row)]
        assert 0 < len(found) < len(every)


@pytest.mark.parametrize(
    "nonsense",
    [{"status": "maybe"}, {"since": "yesterday"}, {"nobody": "knows"}, {"client": ""}],
)
def test_what_a_link_makes_up_is_passed_over(at: Desk, nonsense: dict[str, str]) -> None:
    assert Filter.of(nonsense) == Filter()
    assert queue(at, **nonsense).rows == queue(at).rows


def test_a_verdict_moves_a_moment_for_its_reviewer_alone(at: Desk) -> None:
    row = queue(at).shown[0]
    at.decide(row.session, row.moment, "AK", "confirm", salience=3)
    assert row.moment not in [r.moment for r in queue(at).shown]
    assert [r.moment for r in queue(at, status="decided").shown] == [row.moment]
    assert queue(at, "BL").shown[0].moment == row.moment
    assert queue(at, status="all").shown[0].of("AK") is not None


def test_a_place_in_the_queue_stays_while_one_decides(at: Desk) -> None:
    first, second, third, *_ = queue(at).shown
    at.decide(second.session, second.moment, "AK", "reject")
    before, after = queue(at).neighbours(second.moment)
    assert before is not None
    assert after is not None
    assert (before.moment, after.moment) == (first.moment, third.moment)


def test_a_change_of_mind_is_a_new_entry_and_undo_brings_back_the_older(at: Desk) -> None:
    row = queue(at).shown[0]
    at.decide(row.session, row.moment, "AK", "confirm", note="first")
    second = at.decide(row.session, row.moment, "AK", "reject", note="second")
    assert second.kind is None
    at.undo(second.verdict_id or 0, "AK")
    (stands,) = standing(at.ledger.all())
    assert (stands.decision, stands.note) == ("confirm", "first")
    assert len(at.ledger.all()) == 3, "nothing was overwritten"
    with pytest.raises(InputError, match="replaced or undone"):
        at.undo(second.verdict_id or 0, "AK")
    with pytest.raises(InputError, match="replaced or undone"):
        at.undo(stands.verdict_id or 0, "BL")


def test_evidence_is_copied_in_without_a_word_of_the_session(at: Desk) -> None:
    row = queue(at, kind="confrontation").shown[0]
    entry = at.decide(row.session, row.moment, "AK", "confirm")
    told = json.loads(entry.evidence)
    assert told["hits"]
    assert {"rule", "clauses", "marker"} <= told["hits"][0].keys()
    said = at.opened(row.session).tables["turns"]["text"].drop_nulls().to_list()
    assert said
    for text in said:
        assert text not in entry.evidence
    assert "listen" not in entry.evidence


def test_a_run_beside_the_desk_is_seen_at_the_next_look(processed: Folder, at: Desk) -> None:
    before = {s.recording.short_id: s.stamp for s in at.index.sessions()}
    assert at.index.sessions() is at.index.sessions(), "nothing is read twice"
    name = next(iter(before))
    shutil.rmtree(at.bench.store.session(name))
    assert {s.recording.short_id for s in at.index.sessions()} == before.keys() - {name}
    original = processed.workspace / "sessions" / name
    shutil.copytree(original, at.bench.store.session(name))
    assert {s.recording.short_id for s in at.index.sessions()} == before.keys()


def test_a_damaged_session_does_not_cost_the_others(at: Desk) -> None:
    damaged, *others = [s.recording.short_id for s in at.index.sessions()]
    (at.bench.store.session(damaged) / "walk.json").write_text("{", encoding="utf-8")
    assert at.index.closed == 0
    assert [s.recording.short_id for s in at.index.sessions()] == others
    assert at.index.closed == 1, "and it is told"
    with pytest.raises(InputError, match="no such session"):
        at.index.session(damaged)


def test_a_page_of_an_older_walk_is_noticed(at: Desk) -> None:
    row = queue(at).shown[0]
    assert at.moment(row.session, row.moment.moment_id, row.moment.mark) == row.moment
    with pytest.raises(InputError, match="processed again"):
        at.moment(row.session, row.moment.moment_id, "withdrawal:0:1")
    with pytest.raises(InputError, match="processed again"):
        at.moment(row.session, 999)


def test_roles_are_mended_under_the_settings_of_the_walk_alone(workspace: Path, at: Desk) -> None:
    session = next(s for s in at.index.sessions() if s.moments)
    swapped = at.swapped(session)
    assert set(swapped.values()) == {"therapist", "client"}
    processed = at.mend_roles(session, swapped)
    assert dict(processed.tables["roles"].select("speaker", "role").iter_rows()) == swapped
    again = at.index.session(session.recording.short_id)
    assert again.stamp != session.stamp
    other = Desk(Workbench(config.load("strict"), workspace, profile="strict"))
    with pytest.raises(ConfigError, match="other settings"):
        other.mend_roles(again, at.swapped(again))
    other.close()


def test_a_missed_moment_lies_within_the_recording_and_where_nothing_is_flagged(at: Desk) -> None:
    session = next(s for s in at.index.sessions() if s.moments)
    length = session.recording.duration_ms
    with pytest.raises(InputError, match="beyond the end"):
        at.add_missed(session, "AK", (length - 1000, length + 1), "withdrawal", "W2")
    moment = session.moments[0]
    with pytest.raises(InputError, match="already a suggested moment"):
        at.add_missed(session, "AK", (moment.start_ms, moment.end_ms), moment.kind, None)
    other = "confrontation" if moment.kind == "withdrawal" else "withdrawal"
    added = at.add_missed(session, "AK", (moment.start_ms, moment.end_ms), other, None)
    assert added in at.index.attached(session).loose or added.kind in {
        m.kind for m in session.moments[1:]
    }
    assert added.decided_at <= dt.datetime.now(dt.UTC)
