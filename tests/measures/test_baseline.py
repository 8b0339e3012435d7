import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import config
from pipeline.core.tables import MEASURES, ROLES, Tables
from pipeline.evaluation.material.small_session import session
from pipeline.measures import baseline
from pipeline.measures.feature import Feature

SETTINGS = config.load().baseline
VALUES = st.lists(
    st.one_of(st.none(), st.floats(-1e4, 1e4, allow_subnormal=False)), min_size=1, max_size=60
)


def _feature(**changes: object) -> Feature:
    given_ = {
        "name": "loudness",
        "item": "turn",
        "unit": "dB",
        "group": "speaker",
        "needs": "voice",
        "min_mad": 0.5,
        "means": "",
        "null": "",
        "source": "",
        "compute": lambda _: pl.DataFrame(),
    } | changes
    return Feature(**given_)  # type: ignore[arg-type]


def _tables(n: int, step_ms: int = 20_000, start_ms: int = 0) -> Tables:
    """`n` turns in which a and b alternate."""
    lines = [
        ("ab"[number % 2], start_ms + step_ms * number, start_ms + step_ms * number + 5_000)
        for number in range(n)
    ]
    return session(lines)


def _values(numbers: list[float | None], feature: Feature) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "item": [feature.item] * len(numbers),
            "item_id": list(range(len(numbers))),
            "speaker": ["ab"[number % 2] for number in range(len(numbers))],
            "feature": [feature.name] * len(numbers),
            "value": numbers,
        },
        schema={
            "item": pl.String,
            "item_id": pl.Int64,
            "speaker": pl.String,
            "feature": pl.String,
            "value": pl.Float64,
        },
    )


def _score(
    numbers: list[float | None], feature: Feature, tables: Tables | None = None
) -> pl.DataFrame:
    tables = tables or _tables(len(numbers))
    scored = baseline.score(_values(numbers, feature), [feature], tables, SETTINGS)
    return scored.sort("item_id")


def _oracle(
    x: list[float | None], middle_ms: list[int], feature: Feature
) -> list[tuple[float, float] | None]:
    """z and pct of one group by plain numpy, value by value."""
    known = [i for i, value in enumerate(x) if value is not None]
    if len(known) < 3 or max(middle_ms[i] - 2_500 for i in known) < 180_000:
        return [None] * len(x)
    y = np.array([float(x[i] or 0) for i in known])
    t = np.array([middle_ms[i] for i in known], float)
    if feature.log:
        y = np.array([math.log1p(value) for value in y])
    if feature.detrend and len(y) >= 10:
        half = len(y) // 2
        slopes = [(y[i + half] - y[i]) / (t[i + half] - t[i]) for i in range(len(y) - half)]
        y = y - np.median(slopes) * (t - np.median(t))
    mad = max(float(np.median(np.abs(y - np.median(y)))), feature.min_mad)
    found: list[tuple[float, float] | None] = [None] * len(x)
    for place, value in zip(known, y, strict=True):
        rank = ((y < value).sum() + 0.5 * (y == value).sum()) / len(y)
        found[place] = (float((value - np.median(y)) / (1.4826 * mad)), float(rank))
    return found


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(VALUES, st.booleans(), st.booleans())
def test_agrees_with_an_independent_implementation(
    numbers: list[float | None],
    log: bool,
    detrend: bool,
) -> None:
    if log:
        numbers = [None if number is None else abs(number) for number in numbers]
    feature = _feature(log=log, detrend=detrend)
    scored = _score(numbers, feature)
    middle = [20_000 * number + 2_500 for number in range(len(numbers))]
    for first in (0, 1):
        expected = _oracle(numbers[first::2], middle[first::2], feature)
        rows = scored.filter(pl.col("speaker") == "ab"[first])
        assert (
            rows["n_baseline"].to_list()
            == [sum(number is not None for number in numbers[first::2])] * rows.height
        )
        for z, pct, pair in zip(rows["z"], rows["pct"], expected, strict=True):
            assert (z is None) == (pct is None) == (pair is None)
            if pair is not None:
                assert z == pytest.approx(pair[0], rel=1e-6, abs=1e-6)
                if not detrend:  # equal values may part by a rounding error once a line is removed
                    assert pct == pytest.approx(pair[1])


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(0, 500_000), st.booleans())
def test_a_later_start_changes_nothing(
    numbers: list[float | None],
    shift_ms: int,
    detrend: bool,
) -> None:
    feature = _feature(detrend=detrend)
    here = _score(numbers, feature)
    there = _score(numbers, feature, _tables(len(numbers), start_ms=shift_ms))
    for column in ("z", "pct"):
        assert here[column].is_null().equals(there[column].is_null())
    close = (here["z"] - there["z"]).drop_nulls().abs()
    assert (close <= 1e-6 * (1 + here["z"].drop_nulls().abs())).all()


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-(10**7), 10**7).map(lambda n: n / 1000), min_size=1, max_size=60),
    st.sampled_from([0.01, 3.0, 700.0]),
)
def test_the_unit_changes_no_z_while_the_spread_is_over_the_smallest(
    numbers: list[float], factor: float
) -> None:
    small = _feature(min_mad=1e-9)
    here = _score([*numbers], small)
    there = _score([number * factor for number in numbers], small)
    # A spread of zero gives a z of some hundred thousand at once, and is not meant here.
    moderate = here["z"].abs() < 1e5
    kept = pl.DataFrame({"a": here["z"], "b": there["z"]}).filter(moderate.fill_null(value=False))
    assert np.allclose(kept["a"], kept["b"], rtol=1e-6, atol=1e-6)


def test_new_names_of_speakers_change_nothing() -> None:
    rng = np.random.default_rng(3)
    feature = _feature(detrend=True)
    tables, values = _tables(40), _values(list(rng.normal(size=40)), feature)
    names = {"a": "zoe", "b": "ann"}
    renamed = dict(tables) | {
        "turns": tables["turns"].with_columns(pl.col("speaker").replace(names))
    }
    before = baseline.score(values, [feature], tables, SETTINGS)
    after = baseline.score(
        values.with_columns(pl.col("speaker").replace(names)), [feature], renamed, SETTINGS
    )
    before = before.with_columns(pl.col("speaker").replace(names)).sort("item_id")
    assert before.equals(after.sort("item_id"))


def test_a_count_that_is_mostly_zero_gets_an_honest_z() -> None:
    numbers: list[float | None] = [0.0] * 40
    numbers[20] = 3.0
    z = _score(numbers, _feature(min_mad=1.0))["z"]
    assert z[20] == pytest.approx(3 / 1.4826)
    assert z[0] == 0


def test_a_drift_is_removed_and_an_outlier_stays() -> None:
    drift: list[float | None] = [0.05 * number for number in range(80)]
    drift[40] = 0.05 * 40 + 10
    plain = _score(drift, _feature(min_mad=0.1))["z"]
    level = _score(drift, _feature(min_mad=0.1, detrend=True))["z"]
    assert abs(plain[78]) > 1
    others = [z for number, z in enumerate(level) if number != 40]
    assert max(abs(z) for z in others) < 1e-6
    assert level[40] == pytest.approx(10 / 1.4826 / 0.1)


def test_the_first_minutes_alone_make_no_baseline() -> None:
    early = _score([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], _feature(), _tables(6, step_ms=30_000))
    assert early["z"].null_count() == 6
    assert early["n_baseline"].to_list() == [3] * 6
    later = _score([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], _feature(), _tables(6, step_ms=45_000))
    assert later["z"].null_count() == 0


def test_silences_are_compared_with_those_of_the_same_pattern() -> None:
    lines, at = [], 0
    for number in range(30):
        lines.append(("ab"[number % 2], at, at + 8_000))
        at += 8_000 + (4_000 if number % 2 else 500)
    tables = session(lines)
    silences = tables["silences"]
    feature = _feature(
        name="length_ms", item="silence", group="pair", needs="timing", log=True, min_mad=0.1
    )
    values = silences.select(
        pl.lit("silence").alias("item"),
        pl.col("silence_id").alias("item_id"),
        pl.lit(None, pl.String).alias("speaker"),
        pl.lit("length_ms").alias("feature"),
        pl.col("length_ms").cast(pl.Float64).alias("value"),
    )
    scored = baseline.score(values, [feature], tables, SETTINGS)
    assert sorted(set(scored["n_baseline"])) == [14, 15]
    assert scored["z"].abs().max() == 0


def test_voice_is_withheld_from_whoever_may_be_the_therapist() -> None:
    voice, timing = _feature(), _feature(name="latency_ms", needs="timing")
    tables = _tables(30)
    numbers: list[float | None] = [float(number % 7) for number in range(30)]
    values = pl.concat([_values(numbers, voice), _values(numbers, timing)])
    scored = baseline.score(values, [voice, timing], tables, SETTINGS)

    def hidden(roles: dict[str, str]) -> set[tuple[str, str]]:
        table = ROLES.frame(
            {"speaker": speaker, "role": role, "source": "sidecar"}
            for speaker, role in roles.items()
        )
        left = baseline.without_voice_of(scored, table, [voice, timing])
        assert left.select("item_id", "feature").equals(scored.select("item_id", "feature"))
        gone = left.filter(pl.col("value").is_null())
        assert (gone["n_baseline"] == 0).all()
        assert gone["z"].null_count() == gone.height
        return set(gone.select("speaker", "feature").iter_rows())

    assert hidden({"a": "therapist", "b": "client"}) == {("a", "loudness")}
    assert hidden({"a": "unknown", "b": "unknown"}) == {("a", "loudness"), ("b", "loudness")}
    assert hidden({"a": "client", "b": "other"}) == set()


def test_a_disabled_family_is_withheld_from_all() -> None:
    voice = _feature()
    scored = _score([1.0, 2.0, 3.0, 4.0], voice)
    assert baseline.withheld(scored, [voice], "voice")["value"].null_count() == 4
    assert baseline.withheld(scored, [voice], "words").equals(scored)


def _as_session(
    numbers: list[float | None], feature: Feature, roles: dict[str, str], names: str = "ab"
) -> dict[str, pl.DataFrame]:
    """Tables of a session of its own, as an earlier one is handed in."""
    tables = dict(_tables(len(numbers)))
    new = dict(zip("ab", names, strict=True))
    values = _values(numbers, feature).with_columns(pl.col("speaker").replace(new))
    turns = tables["turns"].with_columns(pl.col("speaker").replace(new))
    table = ROLES.frame(
        {"speaker": new[speaker], "role": role, "source": "sidecar"}
        for speaker, role in roles.items()
    )
    return tables | {"values": values, "turns": turns, "roles": table}


BOTH = {"a": "therapist", "b": "client"}


def _pooled(
    here: list[float | None],
    before: list[list[float | None]],
    feature: Feature,
    *,
    same_therapist: bool = True,
    roles: dict[str, str] = BOTH,
) -> pl.DataFrame:
    tables = _as_session(here, feature, roles)
    earlier = [
        baseline.Earlier(_as_session(numbers, feature, BOTH, "xy"), same_therapist)
        for numbers in before
    ]
    scored = baseline.score(tables["values"], [feature], tables, SETTINGS, earlier)
    return scored.sort("item_id")


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES)
def test_earlier_sessions_join_as_if_they_were_one(
    here: list[float | None], before: list[float | None]
) -> None:
    """Without drift, pooling is a baseline over all values together."""
    feature = _feature()
    found = _pooled(here, [before], feature)
    for first in (0, 1):
        mine = [value for value in here[first::2] if value is not None]
        every = np.array(mine + [value for value in before[first::2] if value is not None])
        rows = found.filter(pl.col("speaker") == "ab"[first], pl.col("value").is_not_null())
        assert rows["n_baseline"].to_list() == [len(every)] * rows.height
        if rows["z"].null_count() or not rows.height:
            continue
        mad = max(float(np.median(np.abs(every - np.median(every)))), 0.5)
        expected = (np.array(mine) - np.median(every)) / (1.4826 * mad)
        assert np.allclose(rows["z"], expected, rtol=1e-6, atol=1e-6)


def test_what_changed_from_session_to_session_is_not_taken_for_drift() -> None:
    feature = _feature(detrend=True, min_mad=0.1)
    rise: list[float | None] = [0.05 * number for number in range(60)]
    lower = [value - 20 for value in rise if value is not None]
    z = _pooled(rise, [[*lower]], feature)["z"].to_numpy()
    assert np.ptp(z) < 1e-6, "the drift within each is gone"
    assert z.min() > 0.5, "that all of it is higher stays"


def test_the_therapist_and_the_pair_join_only_with_the_same_therapist() -> None:
    numbers: list[float | None] = [float(number % 5) for number in range(40)]
    feature = _feature()
    same = _pooled(numbers, [numbers], feature)
    other = _pooled(numbers, [numbers], feature, same_therapist=False)
    assert same["n_baseline"].to_list() == [40] * 40
    assert other["n_baseline"].to_list() == [20, 40] * 20
    unknown = _pooled(numbers, [numbers], feature, roles={"a": "unknown", "b": "unknown"})
    assert unknown["n_baseline"].to_list() == [20] * 40
    two = _pooled(numbers, [numbers], feature, roles={"a": "client", "b": "client"})
    assert two["n_baseline"].to_list() == [20] * 40, "nobody knows which client it was"


def test_a_session_is_compared_with_at_least_two_earlier_ones() -> None:
    feature = _feature(name="talk_share", item="session", needs="timing", min_mad=0.03)

    def scored(*shares: float) -> pl.DataFrame:
        frames = []
        for share in shares:
            tables = _as_session([1.0] * 40, feature, BOTH)
            values = _values([share, 1 - share], feature).with_columns(item_id=pl.lit(0, pl.Int64))
            frames.append(tables | {"values": values})
        here, *before = frames
        earlier = [baseline.Earlier(tables, same_therapist=True) for tables in before]
        return baseline.score(here["values"], [feature], here, SETTINGS, earlier)

    assert scored(0.5)["z"].null_count() == 2
    assert scored(0.5, 0.4)["z"].null_count() == 2
    enough = scored(0.8, 0.4, 0.5).filter(pl.col("speaker") == "a")
    assert enough["n_baseline"].to_list() == [3]
    assert enough["z"][0] == pytest.approx(0.3 / 1.4826 / 0.1)


def test_nothing_to_score_gives_an_empty_table() -> None:
    empty = _values([], _feature())
    assert baseline.score(empty, [_feature()], _tables(2), SETTINGS).equals(MEASURES.empty())
