from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.core.errors import ConfigError, InputError
from pipeline.research.agreement.metrics import Tally
from pipeline.research.search import sweeps, tuning_report
from pipeline.research.search.sweeps import Sweep
from pipeline.research.search.tuning import Trial, _folds, _settled, choice


def sweep(**given: object) -> Sweep:
    common: dict[str, object] = {
        "codes": "codes.csv",
        "group": "all",
        "goal": "f1",
        "folds": 2,
        "parameters": {"moments.merge_ms": [1000, 2000]},
    }
    return Sweep.model_validate({**common, **given})


def test_points_of_a_grid_come_in_order() -> None:
    asked = sweep(
        parameters={
            "moments.merge_ms": [1000, 2000],
            "moments.min_score": {"from": 0.25, "to": 0.8, "step": 0.25},
        }
    )
    assert [tuple(point.values()) for point in asked.points()] == [
        (1000, 0.25),
        (1000, 0.5),
        (1000, 0.75),
        (2000, 0.25),
        (2000, 0.5),
        (2000, 0.75),
    ]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 30), st.integers(0, 9))
def test_drawn_points_are_of_the_grid_and_none_comes_twice(
    sizes: list[int], trials: int, seed: int
) -> None:
    parameters = {f"p.{number}": list(range(size)) for number, size in enumerate(sizes)}
    whole = [tuple(point.items()) for point in sweep(parameters=parameters).points()]
    asked = sweep(parameters=parameters, trials=trials, seed=seed)
    drawn = [tuple(point.items()) for point in asked.points()]
    assert len(drawn) == len(set(drawn)) == min(trials, len(whole))
    assert set(drawn) <= set(whole)
    assert drawn[0] == whole[0]
    assert drawn == [tuple(point.items()) for point in asked.points()]


def test_mistakes_in_a_sweep_are_told_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        "codes: c.csv\ngroup: anger\ngoal: f1\nfolds: 1\nparameters:\n"
        "  moments.merge_ms: {from: 3, to: 1, step: 1}\nfold: 3\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        sweeps.read(file)
    for part in (
        "s.yaml:2: group",
        "s.yaml:4: folds",
        "'to' is smaller than 'from'",
        "s.yaml:7: fold",
    ):
        assert part in str(caught.value)
    with pytest.raises(ValueError, match="unknown number 'f2'"):
        sweep(goal="f2")


def trial(values: Mapping[str, int], **found: tuple[int, int]) -> Trial:
    """Right and false moments of each session, of 4 events each."""
    tallies = {
        name: Tally(
            sessions=1,
            duration_ms=3_600_000,
            events=4,
            found=right,
            false_alarms=false,
            benign=4,
            benign_flagged=min(false, 4),
        )
        for name, (right, false) in found.items()
    }
    return Trial(values, tallies)


MERGE = "moments.merge_ms"


def test_the_choice_keeps_bounds_and_takes_the_earlier_of_equals() -> None:
    trials = [
        trial({MERGE: 1000}, s=(2, 0)),
        trial({MERGE: 2000}, s=(4, 3)),
        trial({MERGE: 3000}, s=(2, 0)),
    ]
    assert choice(sweep(), trials, ["s"]) == 1
    assert choice(sweep(at_most={"benign_share": 0.5}), trials, ["s"]) == 0
    assert choice(sweep(at_least={"recall": 0.9}), trials, ["s"]) == 1
    # Bounds that nothing keeps: the best is still told, and that it breaks them.
    assert choice(sweep(at_least={"recall": 1.1}), trials, ["s"]) == 1


def test_nothing_is_scored_on_what_it_was_tuned_on() -> None:
    # Each session is served by a value of its own: what was chosen on one fails on the other.
    trials = [
        trial({MERGE: 1000}, a=(4, 0), b=(0, 4), h=(3, 0)),
        trial({MERGE: 2000}, a=(0, 4), b=(4, 1), h=(0, 0)),
    ]
    start = trials[0].tallies
    got = _settled(sweep(), trials, start, [("a",), ("b",)], frozenset(["h"]))
    assert got.apparent.found == 4
    assert got.cross_validated.found == 0
    assert (got.best, got.agreed) == (0, 1)
    assert got.held is not None
    assert got.held.found == 3
    text = tuning_report.report(got)
    assert "1 of 2 folds would have chosen the same settings" in text
    assert tuning_report.machine(got)["chosen"] == {MERGE: 1000}


def test_what_is_written_can_be_used(tmp_path: Path) -> None:
    trials = [trial({MERGE: 4321, "engines.pitch": "pyin"}, a=(4, 0), b=(4, 0))]  # type: ignore[dict-item]
    asked = sweep(parameters={MERGE: [4321], "engines.pitch": ["pyin"]})
    got = _settled(asked, trials, trials[0].tallies, [("a",), ("b",)], frozenset())
    file = tmp_path / "tuned.yaml"
    file.write_text(tuning_report.settings(got), encoding="utf-8")
    settings = config.load(str(file))
    assert (settings.moments.merge_ms, settings.engines.pitch) == (4321, "pyin")


def test_folds_part_the_sessions() -> None:
    names = [f"S-{number}" for number in range(11)]
    folds = _folds(names, 3)
    assert sorted(name for fold in folds for name in fold) == sorted(names)
    assert sorted(len(fold) for fold in folds) == [3, 4, 4]
    assert _folds(names[::-1], 3) == folds
    with pytest.raises(InputError, match="2 coded sessions to tune on, but 3 folds"):
        _folds(names[:2], 3)
