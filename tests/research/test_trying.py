"""Trials score as one by one, whoever does the work."""

from pathlib import Path

import pytest

from pipeline import config
from pipeline.config import Settings
from pipeline.core.errors import ConfigError
from pipeline.formats.codes import Codes
from pipeline.research import Annotations, Tolerance
from pipeline.research.search.trials import START, Tallies, Tried
from pipeline.research.sessions import ipc, load_sessions
from pipeline.research.sessions.cases import Case
from pipeline.research.study import Study

PLAIN = config.load()
TRIED = tuple(
    config.load("default", given)
    for given in (
        {"moments.min_score": 0.9},
        {"roles.min_margin": 0.3},
        {"turns.turn_pause_ms": 300},
        {"rules": ["confrontation"]},
    )
)


@pytest.fixture(scope="module")
def study(five_processed: Path) -> Study:
    """Every session was looked at, and nobody found a rupture in any."""
    return opened(five_processed, PLAIN)


def opened(five_processed: Path, settings: Settings) -> Study:
    cases: tuple[Case, ...] = load_sessions.read(five_processed, settings=settings).cases
    return Study.of(cases, Annotations(Codes.zero()), Tolerance(15_000, "ms"), all_looked_at=True)


def tallies(five_processed: Path, study: Study, processes: int = 1) -> Tallies:
    told: list[tuple[int, int]] = []
    found = Tried(five_processed, PLAIN, TRIED, "all").tallies(
        study, lambda *step: told.append(step), processes
    )
    done, steps = zip(*told, strict=True)
    assert list(done) == list(range(1, len(done) + 1))
    assert set(steps) == {len(done)}
    return found


@pytest.mark.slow
def test_a_trial_scores_as_its_settings_do_alone(five_processed: Path, study: Study) -> None:
    found = tallies(five_processed, study)
    assert Tried(five_processed, PLAIN, TRIED, "all").by_rules == (0, 3)
    for number, settings in {START: PLAIN, **dict(enumerate(TRIED))}.items():
        scores = opened(five_processed, settings).evaluate(PLAIN.evaluation).scores
        assert found[number] == {score.name: score.tallies["all"] for score in scores}
    alarms = [sum(each.false_alarms for each in own.values()) for own in found.values()]
    assert len(set(alarms)) > 1


@pytest.mark.slow
def test_several_processes_score_the_same(
    five_processed: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tallies(five_processed, study)
    monkeypatch.setattr(ipc, "WORTH_A_PROCESS", 1)
    assert tallies(five_processed, study, processes=2) == alone


@pytest.mark.slow
def test_a_mistake_in_the_rules_of_a_trial_is_told_by_whoever_meets_it(
    five_processed: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ipc, "WORTH_A_PROCESS", 1)
    wrong = config.load("default", {"params": {"silence-after-question": {"min_mss": 1}}})
    for processes in (1, 2):
        tried = Tried(five_processed, PLAIN, (wrong,), "all")
        with pytest.raises(ConfigError, match=r"min_mss.*did you mean 'min_ms'"):
            tried.tallies(study, lambda _done, _all: None, processes)
