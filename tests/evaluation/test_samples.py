"""The two acted sessions, heard by the engines that need no download, against their truth."""

from pathlib import Path

import polars as pl
import pytest

from pipeline.evaluation.material.acted_sessions import missed, moments, overlap, process, truth
from pipeline.session import SessionResult

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def samples(repository: Path) -> Path:
    return repository / "samples"


@pytest.fixture(scope="session")
def processed(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, SessionResult]:
    return process(samples, tmp_path_factory.mktemp("samples") / "workspace")


def test_every_planted_primary_moment_is_found(
    processed: dict[str, SessionResult], samples: Path
) -> None:
    assert not missed(processed["rupture"], samples)


def test_nothing_is_flagged_that_was_not_planted(
    processed: dict[str, SessionResult], samples: Path
) -> None:
    planted = truth(samples, "rupture_moments")
    known = pl.concat([overlap(moments(processed["rupture"]), row) for row in planted])
    extra = moments(processed["rupture"]).join(known, on="moment_id", how="anti")
    assert extra.is_empty(), extra.select("kind", "marker", "start_ms")


def test_the_benign_session_has_no_moment(processed: dict[str, SessionResult]) -> None:
    found = moments(processed["benign"])
    assert found.is_empty(), found.select("kind", "marker", "start_ms")


def test_the_therapists_answers_are_read_as_planted(
    processed: dict[str, SessionResult], samples: Path
) -> None:
    found = moments(processed["rupture"])
    for row in truth(samples, "rupture_moments"):
        # After the last moment there are not the minutes that a repair would need.
        if row["primary"] == "true" and row["response"] != "possibly_repaired":
            assert row["response"] in overlap(found, row)["response"].to_list(), row["moment"]


@pytest.mark.parametrize("name", ["rupture", "benign"])
def test_silences_stand_where_the_synthesiser_left_them(
    processed: dict[str, SessionResult], samples: Path, name: str
) -> None:
    heard = processed[name].tables["silences"].filter(pl.col("length_ms") >= 1000)
    long = [
        (int(row["start_ms"]), int(row["end_ms"]))
        for row in truth(samples, f"{name}_silences")
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
def test_roles_come_from_the_sidecar(processed: dict[str, SessionResult], name: str) -> None:
    roles = dict(processed[name].tables["roles"].select("speaker", "role").iter_rows())
    assert roles == {"channel 1": "therapist", "channel 2": "client"}
