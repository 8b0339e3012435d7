"""The two acted sessions, heard by the engines that need no download, against their truth."""

import csv
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from pipeline import batch, config
from pipeline.assembly import Workbench
from pipeline.session import Walked

pytestmark = pytest.mark.slow


class _Silent:
    """A listener that says nothing."""

    def begins(self, number: int, total: int, path: Path) -> None: ...

    def stage(self, name: str, state: str) -> None: ...

    def ends(self, result: batch.Result) -> None: ...


@pytest.fixture(scope="session")
def walked(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Walked]]:
    """Both samples, walked from their audio."""
    bench = Workbench(config.load(), tmp_path_factory.mktemp("samples") / "workspace")
    results = batch.run([repository / "samples"], bench, _Silent(), options={}, refresh=False)
    assert [result.error for result in results] == [None, None]
    yield {result.path.stem: result.walked for result in results if result.walked}
    bench.catalogue.close()


def truth(repository: Path, name: str) -> list[dict[str, str]]:
    with (repository / "samples" / "truth" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def moments(walked: Walked) -> pl.DataFrame:
    return walked.tables["moments"].filter(pl.col("kind") != "therapist_move")


def overlap(moments: pl.DataFrame, planted: dict[str, str]) -> pl.DataFrame:
    return moments.filter(
        (pl.col("kind") == planted["kind"])
        & (pl.col("start_ms") < int(planted["end_ms"]))
        & (pl.col("end_ms") > int(planted["start_ms"]))
    )


def test_every_planted_primary_moment_is_found(walked: dict[str, Walked], repository: Path) -> None:
    found = moments(walked["rupture"])
    planted = [row for row in truth(repository, "rupture_moments") if row["primary"] == "true"]
    assert planted
    missed = [row["moment"] for row in planted if overlap(found, row).is_empty()]
    assert not missed


def test_nothing_is_flagged_that_was_not_planted(
    walked: dict[str, Walked], repository: Path
) -> None:
    planted = truth(repository, "rupture_moments")
    known = pl.concat([overlap(moments(walked["rupture"]), row) for row in planted])
    extra = moments(walked["rupture"]).join(known, on="moment_id", how="anti")
    assert extra.is_empty(), extra.select("kind", "marker", "start_ms")


def test_the_benign_session_has_no_moment(walked: dict[str, Walked]) -> None:
    found = moments(walked["benign"])
    assert found.is_empty(), found.select("kind", "marker", "start_ms")


def test_the_therapists_answers_are_read_as_planted(
    walked: dict[str, Walked], repository: Path
) -> None:
    found = moments(walked["rupture"])
    for row in truth(repository, "rupture_moments"):
        # After the last moment there are not the minutes that a repair would need.
        if row["primary"] == "true" and row["response"] != "possibly_repaired":
            assert row["response"] in overlap(found, row)["response"].to_list(), row["moment"]


@pytest.mark.parametrize("name", ["rupture", "benign"])
def test_silences_stand_where_the_synthesiser_left_them(
    walked: dict[str, Walked], repository: Path, name: str
) -> None:
    heard = walked[name].tables["silences"].filter(pl.col("length_ms") >= 1000)
    long = [
        (int(row["start_ms"]), int(row["end_ms"]))
        for row in truth(repository, f"{name}_silences")
        if int(row["end_ms"]) - int(row["start_ms"]) >= 1000
    ]
    within = 150
    for start, end in long:
        near = heard.filter(
            ((pl.col("start_ms") - start).abs() <= within)
            & ((pl.col("end_ms") - end).abs() <= within)
        )
        assert near.height == 1, (start, end)


@pytest.mark.parametrize("name", ["rupture", "benign"])
def test_roles_come_from_the_sidecar(walked: dict[str, Walked], name: str) -> None:
    roles = dict(walked[name].tables["roles"].select("speaker", "role").iter_rows())
    assert roles == {"channel 1": "therapist", "channel 2": "client"}
