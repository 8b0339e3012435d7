"""What holds for all measures together, over conversations that turns have cut."""

import time
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import config, measures
from pipeline.core.tables import FRAMES, LOSSES, MEASURES, MEDIA, Tables
from pipeline.core.vocabulary import FAMILIES, ITEMS
from pipeline.evaluation.material.small_session import Line, session
from pipeline.measures import baseline, features
from pipeline.speech import turns

SETTINGS = config.load("default", {"features.therapist_voice": True})
CATALOGUE = measures.catalogue(SETTINGS)


@dataclass(frozen=True)
class Talk:
    """What two people say, and where the signal is lost; times in ms."""

    lines: tuple[Line, ...]
    losses: tuple[tuple[int, int], ...]


@st.composite
def conversations(draw: st.DrawFn) -> Talk:
    """Up to 25 stretches of speech of two people, some at the same time."""
    lines: list[Line] = []
    at = draw(st.integers(0, 300)) * 10
    for _ in range(draw(st.integers(1, 25))):
        speaker = draw(st.sampled_from("ab"))
        start = max(0, at + draw(st.integers(-100, 600)) * 10)
        start = max(start, max((e for s, _, e in lines if s == speaker), default=0) + 10)
        at = start + draw(st.one_of(st.integers(20, 60), st.integers(60, 700))) * 10
        lines.append((speaker, start, at))
    lost = draw(st.lists(st.tuples(st.integers(0, 6000), st.integers(20, 300)), max_size=3))
    return Talk(tuple(lines), tuple((start * 10, (start + n) * 10) for start, n in lost))


def _sound(t_ms: int, origin_ms: int, base_hz: float) -> tuple[float | None, float | None]:
    at = t_ms - origin_ms
    return (None if at % 70 < 30 else base_hz + at % 130), -30 + (at % 90) / 9


def _tables(
    talk: Talk, *, origin_ms: int = 0, names: str = "ab", channels: tuple[int, int] = (0, 1)
) -> Tables:
    """Tables of a conversation, cut by the pipeline's own turns; short lines acknowledge."""
    moved = [(names["ab".index(s)], a + origin_ms, e + origin_ms) for s, a, e in talk.lines]
    words = [
        (s, t, t + 200, "yes" if e - a <= 600 else "so.")
        for s, a, e in moved
        for t in range(a, e - 190, 300)
    ]
    sounds = {
        names[0]: lambda t: _sound(t, origin_ms, 120),
        names[1]: lambda t: _sound(t, origin_ms, 210),
    }
    tables = dict(session(moved, words=words, frames=sounds))
    end_ms = max(end for _, _, end in moved) + 5_000
    media = {"duration_ms": end_ms, "channels": 2, "damaged_packets": 0, "gap_ms": 0}
    tables["media"] = MEDIA.frame([dict[str, object](media)])
    lost = [(start + origin_ms, min(end + origin_ms, end_ms)) for start, end in talk.losses]
    tables["losses"] = LOSSES.frame(
        {"start_ms": start, "end_ms": end, "channel": channel}
        for channel in (0, 1)
        for start, end in lost
        if start < end
    )
    # Channels go by the order of names; `channels` is that of the two people.
    place = dict(zip(sorted(names), (0, 1), strict=True))
    swap = {place[name]: channel for name, channel in zip(names, channels, strict=True)}
    for name in ("spans", "frames"):
        tables[name] = tables[name].with_columns(
            pl.col("channel").replace_strict(swap, return_dtype=pl.Int16)
        )
    tables["frames"] = tables["frames"].sort("channel", "t_ms")
    return tables | turns.build(tables, SETTINGS.turns, lambda text: set(text.split()) <= {"yes"})


def _measures(tables: Tables) -> pl.DataFrame:
    values = measures.measure_all(tables, CATALOGUE)
    return baseline.score(values, CATALOGUE, tables, SETTINGS.baseline)


def _close(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    keys = ["item", "item_id", "speaker", "feature", "n_baseline"]
    one, other = one.sort(keys), other.sort(keys)
    if not one.select(keys).equals(other.select(keys)):
        return False
    return all(
        one[name].is_null().equals(other[name].is_null())
        and np.allclose(one[name].drop_nulls(), other[name].drop_nulls(), rtol=1e-6, atol=1e-6)
        for name in ("value", "z")
    )


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(conversations(), st.integers(1, 50_000))
def test_a_later_start_changes_no_measure(talk: Talk, tens: int) -> None:
    assert _close(_measures(_tables(talk)), _measures(_tables(talk, origin_ms=tens * 10)))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(conversations())
def test_new_names_of_speakers_change_no_measure(talk: Talk) -> None:
    names = {"a": "q", "b": "c"}
    renamed = _measures(_tables(talk, names="qc", channels=(1, 0)))
    here = _measures(_tables(talk)).with_columns(pl.col("speaker").replace(names))
    assert _close(here, renamed)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(conversations())
def test_swapped_channels_change_no_measure(talk: Talk) -> None:
    assert _close(_measures(_tables(talk)), _measures(_tables(talk, channels=(1, 0))))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(conversations())
def test_every_feature_has_one_row_for_each_item_and_no_share_leaves_its_range(
    talk: Talk,
) -> None:
    tables = _tables(talk)
    found = measures.measure_all(tables, CATALOGUE)
    assert not found.select("item", "item_id", "speaker", "feature").is_duplicated().any()
    of_turns = found.filter(pl.col("item") == "turn")
    assert (of_turns.group_by("feature").len()["len"] == tables["turns"].height).all()
    of_session = found.filter(pl.col("item") == "session")
    assert (of_session["item_id"] == 0).all()
    assert not of_session.is_empty()
    shares = found.filter(pl.col("feature").str.ends_with("_share"))["value"].drop_nulls()
    assert shares.is_between(0, 1 + 1e-12).all()
    assert set(found["feature"]) <= {feature.name for feature in CATALOGUE}


def test_the_catalogue_declares_all_that_people_and_rules_need() -> None:
    for feature in CATALOGUE:
        assert feature.item in ITEMS
        assert feature.needs in FAMILIES
        assert feature.unit
        assert feature.min_mad > 0
        assert feature.means
        assert feature.null
        assert feature.source
        assert feature.name == feature.name.lower()


def test_two_features_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "declared", lambda _given: [CATALOGUE[0], CATALOGUE[0]])
    with pytest.raises(ValueError, match="one name"):
        measures.catalogue(SETTINGS)


def _hour() -> Tables:
    """Sixty minutes, about 1,500 turns and 350,000 frames on each of two channels."""
    rng = np.random.default_rng(0)
    lines, at, number = [], 2_000, 0
    while at < 3_600_000:
        for _ in range(int(rng.integers(1, 3))):
            end = at + int(rng.integers(600, 3_000))
            lines.append(("ab"[number % 2], at, end))
            at = end + int(rng.integers(150, 500))
        number += 1
    words = [(s, t, t + 250, "something") for s, a, e in lines for t in range(a, e - 250, 300)]
    tables = dict(session(lines[:2], words=words[:2]))
    whole = session(lines)
    tables |= {name: whole[name] for name in ("spans", "turns", "units", "silences")}
    t_ms = np.arange(0, 3_600_000, 10)
    parts = []
    for channel in (0, 1):
        f0_hz = 120 * (1 + channel) * 2 ** rng.normal(0, 0.2, len(t_ms))
        f0_hz[rng.random(len(t_ms)) < 0.4] = np.nan
        parts.append(
            pl.DataFrame(
                {
                    "t_ms": t_ms,
                    "channel": channel,
                    "f0_hz": f0_hz,
                    "voicing": 1.0,
                    "level_dbfs": rng.normal(-25, 6, len(t_ms)),
                    "vowel_dbfs": rng.normal(-27, 6, len(t_ms)),
                    "hnr_db": rng.normal(12, 4, len(t_ms)),
                    "cpp_db": rng.normal(15, 4, len(t_ms)),
                    "jitter": rng.uniform(0.005, 0.03, len(t_ms)),
                    "shimmer": rng.uniform(0.02, 0.1, len(t_ms)),
                }
            ).with_columns(pl.col("f0_hz").fill_nan(None), pl.col("channel").cast(pl.Int16))
        )
    tables["frames"] = FRAMES.conform(pl.concat(parts))
    return tables


def test_an_hour_is_measured_in_seconds() -> None:
    tables = _hour()
    assert tables["frames"].height == 720_000
    assert tables["turns"].height > 1_000
    began = time.process_time()
    values = measures.measure_all(tables, CATALOGUE)
    # Processor time, so that other work on the machine does not matter; it takes 0.7 s.
    assert time.process_time() - began < 3
    found = baseline.score(values, CATALOGUE, tables, SETTINGS.baseline)
    assert time.process_time() - began < 6
    assert MEASURES.conform(found).height > 10_000
