"""The two acted sessions, processed from their audio, and what was planted in them."""

import csv
from pathlib import Path

import polars as pl

from pipeline import config
from pipeline.evaluation.material.batch_results import results_of
from pipeline.session import SessionResult
from pipeline.session.workbench import Workbench


def process(
    samples: Path, workspace: Path, settings: config.Settings | None = None
) -> dict[str, SessionResult]:
    """Both samples, by name; by default with the settings of every run."""
    bench = Workbench(settings or config.load(), workspace)
    try:
        results = results_of([samples], bench)
    finally:
        bench.catalogue.close()
    assert [result.error for result in results] == [None, None]
    return {result.path.stem: result.processed for result in results if result.processed}


def truth(samples: Path, name: str) -> list[dict[str, str]]:
    """The planted ruptures of a sample, one row each."""
    with (samples / "truth" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def moments(processed: SessionResult) -> pl.DataFrame:
    """The suggested ruptures: all moments but the therapist's own moves."""
    return processed.tables["moments"].filter(pl.col("kind") != "therapist_move")


def overlap(moments: pl.DataFrame, planted: dict[str, str]) -> pl.DataFrame:
    """Moments of the planted kind that share time with it."""
    return moments.filter(
        (pl.col("kind") == planted["kind"])
        & (pl.col("start_ms") < int(planted["end_ms"]))
        & (pl.col("end_ms") > int(planted["start_ms"]))
    )


def missed(processed: SessionResult, samples: Path) -> list[str]:
    """Names of the planted primary moments of ``rupture`` that were not found."""
    found = moments(processed)
    planted = [row for row in truth(samples, "rupture_moments") if row["primary"] == "true"]
    assert planted
    return [row["moment"] for row in planted if overlap(found, row).is_empty()]
