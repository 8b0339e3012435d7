"""Many sessions as other settings see them: the same as one by one, and no more is read."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from pipeline import batch, config
from pipeline.assembly import Workbench
from pipeline.errors import StoreError
from pipeline.research import cases, flagging, opening
from pipeline.session import rerun
from pipeline.session.keeping import read_note

TALK = """role,start_ms,end_ms,text
therapist,0,4000,"How has your week been since we met here the last time?"
client,4200,6000,"You don't listen to me."
therapist,6500,9000,"I'm sorry. What was it like for you when I said that?"
client,9400,14000,"It was all right I suppose and then I went home to my sister."
therapist,14200,18000,"Could you say a bit more about your sister and the house?"
client,24200,26000,"{says}"
therapist,60000,64000,"And what would you like to talk about today?"
client,64200,66000,"I don't see how this is supposed to help."
"""
SAYS = ("She is well.", "I don't know.", "Can we stop?", "Fine.", "You never listen to me.")


def unexplained(case: cases.Case) -> pl.DataFrame:
    """Hits without what an experiment does not look at."""
    hits = case.tables["hits"].drop("clauses", "params")
    return hits.with_columns(pl.col("suppressed_by").is_null())


class Silent:
    def begins(self, number: int, total: int, path: Path) -> None: ...

    def stage(self, name: str, state: str) -> None: ...

    def ends(self, result: batch.Result) -> None: ...


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of five sessions, one of them in a language without lexicons."""
    folder = tmp_path_factory.mktemp("cases")
    for number, says in enumerate(SAYS):
        file = folder / f"{number}.csv"
        file.write_text(TALK.format(says=says), encoding="utf-8")
        language = "tlh" if number == 1 else "en"
        file.with_name(f"{file.name}.yaml").write_text(f"language: {language}\n", encoding="utf-8")
    bench = Workbench(config.load(), folder / "ws")
    files = sorted(folder.glob("*.csv"))
    results = batch.run(files, bench, Silent(), options={}, refresh=False)
    bench.catalogue.close()
    assert [result.error for result in results] == [None] * len(SAYS)
    return folder / "ws"


@pytest.fixture
def workspace(walked: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(walked, tmp_path / "ws"))


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
    walked: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = other(**OTHERS[name])
    monkeypatch.setattr(cases, "BATCH", 3)
    together = opening.read(walked, settings=settings).cases
    bench = Workbench(settings, walked)
    for case in together:
        # As the walk itself would compute it: stage by stage, all of it.
        alone = flagging._computed(case.entry, bench)
        assert all(
            case.tables[table].equals(alone.tables[table]) for table in ("moments", "set_aside")
        )
        assert unexplained(case).equals(unexplained(alone))
        assert set(case.tables) == set(alone.tables)
    bench.catalogue.close()
    before = opening.read(walked).cases
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
    walked: Path, given: Mapping[str, object], stage: str | None
) -> None:
    bench = Workbench(other(**given), walked)
    (entry, *_) = bench.catalogue.entries()
    note = read_note(entry.recording_id, bench.store)
    spoken = bench.speak(note.language)
    assert rerun.first_other(note, bench.store, spoken, bench.settings, {}) == stage
    bench.catalogue.close()


def test_a_correction_counts(walked: Path) -> None:
    bench = Workbench(config.load(), walked)
    (entry, *_) = bench.catalogue.entries()
    note = read_note(entry.recording_id, bench.store)
    spoken, corrected = bench.speak(note.language), {"client": "other"}
    assert rerun.first_other(note, bench.store, spoken, bench.settings, corrected) == "roles"
    bench.catalogue.close()


def spoil(workspace: Path, table: str) -> None:
    """Damage one session's table."""
    file = min(workspace.glob(f"sessions/*/artifacts/*/{table}.parquet"))
    file.write_bytes(b"spoiled")


def test_what_is_damaged_is_computed_again_in_memory_or_left_out(workspace: Path) -> None:
    sound = opening.read(workspace, settings=other(**OTHERS["rules"]))
    spoil(workspace, "measures")
    again = opening.read(workspace, settings=other(**OTHERS["rules"]))
    assert (len(again.cases), again.closed) == (len(SAYS), 0)
    for before, after in zip(sound.cases, again.cases, strict=True):
        assert unexplained(before).equals(unexplained(after))
    spoil(workspace, "words")  # what was heard cannot be made again
    left = opening.read(workspace, settings=other(**OTHERS["rules"]))
    assert (len(left.cases), left.closed) == (len(SAYS) - 1, 1)
    spoil(workspace, "moments")
    assert opening.read(workspace).closed == 1


def test_nothing_is_read_that_nobody_asks_for(workspace: Path) -> None:
    spoil(workspace, "doubts")
    opened = opening.read(workspace)
    assert opened.closed == 0
    with pytest.raises(StoreError, match="table 'doubts'"):
        _ = [case.tables["doubts"] for case in opened.cases]


@pytest.mark.slow
def test_several_processes_see_the_same(walked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = other(**OTHERS["rules"])
    alone = opening.read(walked, settings=settings).cases
    monkeypatch.setattr(cases, "BATCH", 2)
    monkeypatch.setattr(opening, "_WORTH_A_PROCESS", 1)
    together = opening.read(walked, settings=settings, processes=2).cases
    for one, two in zip(alone, together, strict=True):
        assert set(one.tables) == set(two.tables)
        assert all(one.tables[name].equals(two.tables[name]) for name in one.tables)
