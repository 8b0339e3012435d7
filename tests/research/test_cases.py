"""Many sessions as other settings see them: the same as one by one, and no more is read."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from pipeline import config
from pipeline.core.errors import StoreError
from pipeline.research.sessions import cases, ipc, load_sessions, rule_runs
from pipeline.session import runner
from pipeline.session.manifest import read_manifest
from pipeline.session.workbench import Workbench


def unexplained(case: cases.Case) -> pl.DataFrame:
    """Hits without what an experiment does not look at."""
    hits = case.tables["hits"].drop("clauses", "params")
    return hits.with_columns(pl.col("suppressed_by").is_null())


@pytest.fixture
def workspace(five_processed: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(five_processed, tmp_path / "ws"))


def other(**given: object) -> config.Settings:
    return config.load("default", given)


OTHERS: Mapping[str, Mapping[str, object]] = {
    "rules": {"rules": ["confrontation"]},
    "moments": {"moments.merge_ms": 100_000},
    "baseline": {"baseline.min_n": 5},
    "turns": {"turns.turn_pause_ms": 300},
}


@pytest.mark.parametrize("name", OTHERS)
def test_sessions_in_batches_are_seen_as_one_by_one(
    five_processed: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = other(**OTHERS[name])
    monkeypatch.setattr(cases, "BATCH", 3)
    together = load_sessions.read(five_processed, settings=settings).cases
    bench = Workbench(settings, five_processed)
    for case in together:
        # As the walk itself would compute it: stage by stage, all of it.
        alone = rule_runs._computed(case.entry, bench)
        assert all(
            case.tables[table].equals(alone.tables[table]) for table in ("moments", "set_aside")
        )
        assert unexplained(case).equals(unexplained(alone))
        assert set(case.tables) == set(alone.tables)
    bench.catalogue.close()
    before = load_sessions.read(five_processed).cases
    assert [case.entry for case in together] == [case.entry for case in before]
    if name in {"rules", "moments"}:
        pairs = zip(before, together, strict=True)
        assert any(not a.tables["moments"].equals(b.tables["moments"]) for a, b in pairs)


@pytest.mark.parametrize(
    ("given", "stage"),
    [
        ({}, None),
        ({"response.window_ms": 1000}, "moments"),
        (OTHERS["rules"], "moments"),
        (OTHERS["baseline"], "measures"),
        ({"roles.min_margin": 0.3}, "roles"),
        (OTHERS["turns"], "turns"),
    ],
)
def test_the_first_stage_that_settings_change(
    five_processed: Path, given: Mapping[str, object], stage: str | None
) -> None:
    bench = Workbench(other(**given), five_processed)
    (entry, *_) = bench.catalogue.entries()
    note = read_manifest(entry.recording_id, bench.store)
    assert (
        runner.first_other(note, bench.store, bench.language_resources, bench.settings, {}) == stage
    )
    bench.catalogue.close()


def test_a_correction_counts(five_processed: Path) -> None:
    bench = Workbench(config.load(), five_processed)
    (entry, *_) = bench.catalogue.entries()
    note = read_manifest(entry.recording_id, bench.store)
    corrected = {"client": "other"}
    assert (
        runner.first_other(note, bench.store, bench.language_resources, bench.settings, corrected)
        == "roles"
    )
    bench.catalogue.close()


def spoil(workspace: Path, table: str) -> None:
    """Damage one session's table."""
    file = min(workspace.glob(f"sessions/*/artifacts/*/{table}.parquet"))
    file.write_bytes(b"spoiled")


def test_what_is_damaged_is_computed_again_in_memory_or_left_out(workspace: Path) -> None:
    sound = load_sessions.read(workspace, settings=other(**OTHERS["rules"]))
    spoil(workspace, "measures")
    again = load_sessions.read(workspace, settings=other(**OTHERS["rules"]))
    assert (len(again.cases), again.n_unreadable) == (len(sound.cases), 0)
    for before, after in zip(sound.cases, again.cases, strict=True):
        assert unexplained(before).equals(unexplained(after))
    spoil(workspace, "words")  # what was heard cannot be made again
    left = load_sessions.read(workspace, settings=other(**OTHERS["rules"]))
    assert (len(left.cases), left.n_unreadable) == (len(sound.cases) - 1, 1)
    spoil(workspace, "moments")
    assert load_sessions.read(workspace).n_unreadable == 1


def test_nothing_is_read_that_nobody_asks_for(workspace: Path) -> None:
    spoil(workspace, "doubts")
    opened = load_sessions.read(workspace)
    assert opened.n_unreadable == 0
    with pytest.raises(StoreError, match="table 'doubts'"):
        _ = [case.tables["doubts"] for case in opened.cases]


@pytest.mark.slow
def test_several_processes_see_the_same(
    five_processed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = other(**OTHERS["rules"])
    alone = load_sessions.read(five_processed, settings=settings).cases
    monkeypatch.setattr(cases, "BATCH", 2)
    monkeypatch.setattr(ipc, "WORTH_A_PROCESS", 1)
    together = load_sessions.read(five_processed, settings=settings, processes=2).cases
    for one, two in zip(alone, together, strict=True):
        assert set(one.tables) == set(two.tables)
        assert all(one.tables[name].equals(two.tables[name]) for name in one.tables)
