import math

import numpy as np
import polars as pl
import pytest

from pipeline import config, measures
from pipeline.core.tables import Tables
from pipeline.evaluation.material.small_session import Line, session, value
from pipeline.measures.feature import Given
from pipeline.measures.features import dyad

SETTINGS = config.load()
BOTH_VOICES = config.load("default", {"features.therapist_voice": True})


def _alternating(n: int, wait_a: int, wait_b: int) -> list[Line]:
    lines: list[Line] = []
    at = 0
    for _ in range(n):
        lines.append(("a", at, at + 2_000))
        at += 2_000 + wait_b
        lines.append(("b", at, at + 2_000))
        at += 2_000 + wait_a
    return lines


def _balance(lines: list[Line], speaker: str) -> float | None:
    found = measures.measure_all(session(lines), dyad.features(Given(SETTINGS)))
    return value(found, "session", "latency_balance", speaker=speaker)


def test_who_waits_twice_as_long_has_a_balance_of_one() -> None:
    lines = _alternating(8, wait_a=1_600, wait_b=800)
    assert _balance(lines, "a") == pytest.approx(1)
    assert _balance(lines, "b") == pytest.approx(-1)


def test_waits_that_nobody_hears_are_even() -> None:
    lines = _alternating(8, wait_a=100, wait_b=20)
    assert _balance(lines, "a") == 0
    early = _alternating(8, wait_a=480, wait_b=-200)
    assert _balance(early, "a") == pytest.approx(math.log2(480 / 120))


def test_few_turns_have_no_balance() -> None:
    assert _balance(_alternating(5, 1_600, 800), "a") is None, "a answers four times"
    assert _balance(_alternating(6, 1_600, 800), "a") is not None


def _heard(levels_a: list[float], levels_b: list[float]) -> Tables:
    """a and b alternate; each turn has its own level."""
    lines = _alternating(len(levels_a), 500, 500)
    levels = {"a": levels_a, "b": levels_b}
    offset = {"a": 0, "b": 2_500}
    sounds = {
        name: lambda t, name=name: (150.0, -30 + levels[name][(t - offset[name]) // 5_000])
        for name in "ab"
    }
    return session(lines, frames=sounds)


def _entrained(tables: Tables, name: str, settings: config.Settings = BOTH_VOICES) -> float | None:
    found = measures.measure_all(tables, dyad.features(Given(settings)))
    return value(found, "session", name)


def test_who_follows_the_other_is_near_at_changes_of_speaker() -> None:
    rng = np.random.default_rng(1)
    a = list(rng.normal(0, 4, 40))
    follows = _heard(a, a)
    alone = _heard(a, list(rng.permutation(a)))
    assert (_entrained(follows, "level_proximity_db") or 0) > 1.5
    assert abs(_entrained(alone, "level_proximity_db") or 0) < 0.8


def test_proximity_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(2)
    a, b = list(rng.normal(0, 4, 12)), list(rng.normal(0, 4, 12))
    level_a, level_b = np.array(a) - np.median(a), np.array(b) - np.median(b)
    pairs = []
    for number in range(12):
        pairs.append((level_a[number], level_b[number]))
        if number < 11:
            pairs.append((level_b[number], level_a[number + 1]))
    adjacent = [abs(x - y) for x, y in pairs]
    apart = [
        abs(x - y) for i, (x, _) in enumerate(pairs) for j, (_, y) in enumerate(pairs) if i != j
    ]
    expected = np.mean(apart) - np.mean(adjacent)
    found = _entrained(_heard(a, b), "level_proximity_db")
    assert found == pytest.approx(expected, abs=1e-4)


def test_who_comes_nearer_converges() -> None:
    n = 30
    sides = np.array([(-1) ** k for k in range(n)])
    nearing = list(sides * np.linspace(6, 0, n))
    assert (_entrained(_heard(nearing, [0.0] * n), "level_convergence") or 0) > 0.8
    parting = nearing[::-1]
    assert (_entrained(_heard(parting, [0.0] * n), "level_convergence") or 0) < -0.8


def test_both_voices_are_compared_only_where_the_settings_allow() -> None:
    assert {feature.needs for feature in dyad.features(Given(SETTINGS))} == {"timing"}
    assert "voice" in {feature.needs for feature in dyad.features(Given(BOTH_VOICES))}


def test_few_exchanges_or_a_third_person_entrain_nobody() -> None:
    few = _heard([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])
    assert _entrained(few, "level_proximity_db") is None
    lines = [*_alternating(10, 500, 500), ("c", 60_000, 61_000)]
    third = session(lines, frames={name: lambda _: (150.0, -30.0) for name in "abc"})
    assert _entrained(third, "level_proximity_db") is None
    assert isinstance(third["units"], pl.DataFrame)
