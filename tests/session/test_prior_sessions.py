"""Earlier sessions of a client join the baseline: a workspace of three short sessions, walked."""

import datetime as dt
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from pipeline import config
from pipeline.core.tables import Metadata
from pipeline.evaluation.material.batch_results import results_of
from pipeline.session import SessionResult, prior_sessions
from pipeline.session.workbench import Workbench

SESSIONS = {"c_first": 1, "b_second": 2, "a_third": 3}
"""In the order of their names they come backwards."""


def _transcript(path: Path, number: int, turns: int = 60) -> None:
    """Four minutes and more; the client waits longer from session to session."""
    rows, at = ["role,start_ms,end_ms,text"], 1_000
    for turn in range(turns):
        role = ("therapist", "client")[turn % 2]
        wait = 300 + 10 * (turn % 7) + (200 * number if role == "client" else 0)
        length = 3_000 + 37 * (turn % 5)
        rows.append(f"{role},{at + wait},{at + wait + length},well it was like that {turn}")
        at += wait + length
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recordings, and beside them a workspace in which all were walked with this on."""
    made = tmp_path_factory.mktemp("practice") / "recordings"
    made.mkdir()
    for name, number in SESSIONS.items():
        _transcript(made / f"{name}.csv", number)
        _sidecar(made, name, number)
    assert list(_run(made, 5)) == list(SESSIONS), "by number, not by name"
    return made


@pytest.fixture
def folder(processed: Path, tmp_path: Path) -> Path:
    """The same, for a test that changes something."""
    shutil.copytree(processed.parent, tmp_path / "practice")
    return tmp_path / "practice" / "recordings"


def _sidecar(folder: Path, name: str, number: int, client: str = "C-01", who: str = "T-1") -> None:
    (folder / f"{name}.yaml").write_text(
        f"transcript: {name}.csv\nclient: {client}\ntherapist: {who}\nsession_number: {number}\n",
        encoding="utf-8",
    )


def _settings(at_most: int, others: Mapping[str, object] | None = None) -> config.Settings:
    return config.load("default", {"baseline.earlier_sessions": at_most, **(others or {})})


def _run(folder: Path, at_most: int, paths: Sequence[Path] = ()) -> dict[str, SessionResult]:
    bench = Workbench(_settings(at_most), folder.parent / "workspace")
    try:
        results = results_of(paths or [folder], bench)
    finally:
        bench.catalogue.close()
    assert [result.error for result in results] == [None] * len(results)
    return {result.path.stem: result.processed for result in results if result.processed}


def _row(processed: SessionResult, item: str, feature: str, role: str) -> dict[str, object]:
    roles = processed.tables["roles"]
    (speaker,) = roles.filter(pl.col("role") == role)["speaker"]
    measures = processed.tables["measures"].filter(
        pl.col("item") == item, pl.col("feature") == feature, pl.col("speaker") == speaker
    )
    return measures.sort("item_id").row(-1, named=True)


def test_by_default_each_session_speaks_for_itself(processed: Path) -> None:
    third = _run(processed, 0, [processed / "a_third.yaml"])["a_third"]
    assert _row(third, "turn", "latency_ms", "client")["n_baseline"] == 30
    assert _row(third, "session", "latency_median_ms", "client")["z"] is None
    assert config.load().baseline.earlier_sessions == 0


def test_earlier_sessions_join(processed: Path) -> None:
    found = _run(processed, 5)
    counts = {
        name: _row(found[name], "turn", "latency_ms", "client")["n_baseline"] for name in SESSIONS
    }
    assert counts == {"c_first": 30, "b_second": 60, "a_third": 90}
    third = _row(found["a_third"], "session", "latency_median_ms", "client")
    assert third["n_baseline"] == 3
    assert isinstance(third["z"], float)
    assert third["z"] > 0, "the client waits longer than before"
    assert _row(found["b_second"], "session", "latency_median_ms", "client")["z"] is None
    note = "What is usual was taken from this session and 2 earlier sessions of the same client."
    assert note in found["a_third"].provenance.notes
    assert not any("earlier" in note for note in found["c_first"].provenance.notes)
    assert not found["b_second"].computed, "a second run finds it all"


def test_only_the_latest_count_where_there_are_more(processed: Path) -> None:
    third = _run(processed, 1, [processed / "a_third.yaml"])["a_third"]
    assert _row(third, "turn", "latency_ms", "client")["n_baseline"] == 60


def test_another_therapist_shares_nothing_but_the_client(folder: Path) -> None:
    for file in (folder.parent / "workspace").glob("tether.db*"):
        file.unlink()  # it knows the same recordings at their first place, with other sidecars
    _sidecar(folder, "c_first", 1, who="T-2")
    _sidecar(folder, "b_second", 2, client="C-02")
    third = _run(folder, 5)["a_third"]
    assert _row(third, "turn", "latency_ms", "client")["n_baseline"] == 60
    assert _row(third, "turn", "latency_ms", "therapist")["n_baseline"] == 29


def test_a_correction_of_an_earlier_session_reaches_the_later_ones(folder: Path) -> None:
    bench = Workbench(_settings(5), folder.parent / "workspace")
    ids = {entry.path.stem: entry.recording_id for entry in bench.catalogue.entries()}
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for speaker, role in (("therapist", "client"), ("client", "therapist")):
        bench.catalogue.correct(ids["c_first"], speaker, role, now)
    bench.decide_again(ids["c_first"])
    second = _run(folder, 5, [folder / "b_second.yaml"])["b_second"]
    assert "measures" in second.computed
    assert "values" not in second.computed
    assert bench.decide_again(ids["b_second"]).computed == (), "it finds the same sessions"
    bench.catalogue.close()


def test_a_session_measured_otherwise_or_damaged_is_left_out(folder: Path) -> None:
    other = _settings(5, {"features.pause_min_ms": 400})
    bench = Workbench(other, folder.parent / "workspace")
    (result,) = results_of([folder / "b_second.yaml"], bench)
    bench.catalogue.close()
    assert result.processed is not None
    assert _row(result.processed, "turn", "latency_ms", "client")["n_baseline"] == 30
    for note in (folder.parent / "workspace").glob("sessions/*/walk.json"):
        note.write_bytes(b"{")
    third = _run(folder, 5, [folder / "a_third.yaml"])["a_third"]
    assert _row(third, "turn", "latency_ms", "client")["n_baseline"] == 30


def test_which_session_came_before() -> None:
    def held(number: int | None = None, date: str | None = None) -> Metadata:
        return Metadata(session_number=number, date=dt.date.fromisoformat(date) if date else None)

    assert prior_sessions.is_before(held(1), held(2))
    assert not prior_sessions.is_before(held(2), held(2))
    assert prior_sessions.is_before(held(1, "2026-02-01"), held(2, "2026-01-01")), (
        "the number counts"
    )
    assert prior_sessions.is_before(held(None, "2026-01-01"), held(4, "2026-02-01"))
    assert not prior_sessions.is_before(held(1), held(None, "2026-02-01")), "nobody says"
    assert not prior_sessions.is_before(held(), held())
