"""What `tether measures` says of errors holds on dialogues whose truth is known."""

from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from pipeline import config, measures
from pipeline.core.vocabulary import WINDOWS_MS
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.errors import dialogue, measure
from pipeline.measures import known_errors


def test_every_error_that_is_told_belongs_to_a_measure() -> None:
    catalogue = measures.catalogue(config.load())
    for item in WINDOWS_MS:
        assert set(known_errors.WINDOW) <= {f.name for f in catalogue if f.item == item}
    told = {(f.item, f.name): f.error for f in catalogue}
    assert "90 % within" in told["session", "talk_share"]
    assert set(known_errors.EVENTS) <= set(told)
    assert set(known_errors.ONE_MICROPHONE) <= set(known_errors.WINDOW)
    assert set(known_errors.SESSION) <= {name for item, name in told if item == "session"}


@pytest.mark.slow
def test_errors_are_as_small_as_is_told(shared_data: Path) -> None:
    """On the first two dialogues, most errors are within the 90th percentile of all."""
    settings = config.load()
    detector = Silero(settings)
    different = measure.differences(
        islice(dialogue.dialogues(shared_data / "read_speech"), 2),
        lambda talk: dialogue.from_stereo(talk, settings, detector),
        settings,
    )
    of_windows = measure.errors(different).filter(pl.col("item") == "window_60s")
    found = dict(of_windows.select("feature", "median").iter_rows())
    for name, (_, most) in known_errors.WINDOW.items():
        assert found[name] <= most + 1e-3, name


def test_the_truth_beside_itself_has_no_error(shared_data: Path) -> None:
    settings = config.load()
    different = measure.differences(
        islice(dialogue.dialogues(shared_data / "read_speech"), 1),
        lambda talk: measure.planted(talk, settings),
        settings,
    )
    errors = measure.errors(different)
    assert errors["p90"].max() == pytest.approx(0)
    assert errors["lost"].sum() == 0
