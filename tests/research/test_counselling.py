"""Real conversations end to end: numbers only, nobody reads their words here."""

import csv
from pathlib import Path

import pytest

from pipeline import config
from pipeline.evaluation.material import counselling
from pipeline.research import Tolerance, evaluate

# The three shortest that are held out, and one other.
FEW = ("10", "107", "59", "118")


@pytest.mark.slow
def test_counselling_text_is_evaluated(shared_data: Path, tmp_path: Path) -> None:
    collection = shared_data / "counselling_text"
    files = counselling.write(collection, tmp_path, FEW)
    counselling.process(files, tmp_path / "workspace", config.load())
    got = evaluate(
        tmp_path / "workspace",
        counselling.said(tmp_path),
        [str(file) for file in files],
        tolerance=Tolerance(0, "utterances"),
    ).evaluation
    assert {score.name for score in got.scores} == set(FEW)
    with (collection / "codes.csv").open(encoding="utf-8") as file:
        coded = [row for row in csv.DictReader(file) if row["transcript_id"] in FEW]
    # At the exact utterance each code is an event of its own: ids were found, each in its place.
    assert got.tally().events == len(coded) > 0
    assert got.events["codes"].to_list() == [1] * len(coded)
    for kind in ("withdrawal", "confrontation"):
        assert got.tally(kind).events == sum(row["kind"] == kind for row in coded)
    tuned, held = got.part(counselling.HELD_OUT, inside=False), got.part(counselling.HELD_OUT)
    assert [score.name for score in tuned.scores] == ["118"]
    assert (tuned.tally() + held.tally()).benign == got.tally().benign > 0
