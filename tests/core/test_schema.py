"""A table that does not keep its word is refused, and no value is told."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import StoreError
from pipeline.core.schema import Column, Schema

TALK = Schema(
    "talk",
    (
        Column("start_ms", pl.Int64, "first"),
        Column("who", pl.String, "speaker", allowed=("a", "b")),
        Column("level", pl.Float32, "how loud", null="not measured"),
        Column("maybe", pl.String, "one of two", null="nobody knows", allowed=("x",)),
    ),
    (("start_ms >= 0", pl.col("start_ms") >= 0), ("level < 100", pl.col("level") < 100)),
)
ROW: dict[str, object] = {"start_ms": 1, "who": "a", "level": 0.5, "maybe": "x"}


def test_rows_become_a_frame_with_types_and_order() -> None:
    frame = TALK.frame([dict(reversed(ROW.items())), {"start_ms": 2, "who": "b"}])
    assert frame.schema == TALK.empty().schema
    assert frame.rows() == [(1, "a", 0.5, "x"), (2, "b", None, None)]
    assert TALK.frame([]).equals(TALK.empty())
    assert TALK.names == ["start_ms", "who", "level", "maybe"]


def test_columns_are_ordered_and_cast() -> None:
    frame = pl.DataFrame(
        {"maybe": [None], "level": [1], "who": ["a"], "start_ms": pl.Series([3], dtype=pl.Int16)}
    )
    assert TALK.conform(frame).schema == TALK.empty().schema


def test_conforming_twice_changes_nothing() -> None:
    once = TALK.frame([ROW])
    assert TALK.conform(once).equals(once)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"level": math.nan}, "column 'level': 1 values are NaN or infinite"),
        ({"level": math.inf}, "column 'level': 1 values are NaN or infinite"),
        ({"who": None}, "column 'who': 1 nulls where none are allowed"),
        ({"who": "secret"}, "column 'who': 1 values are not allowed"),
        ({"maybe": "secret"}, "column 'maybe': 1 values are not allowed"),
        ({"start_ms": -1}, "1 rows fail 'start_ms >= 0'"),
        ({"level": 200.0}, "1 rows fail 'level < 100'"),
    ],
)
def test_what_is_refused(change: dict[str, object], found: str) -> None:
    with pytest.raises(StoreError, match=found) as caught:
        TALK.frame([ROW, {**ROW, **change}])
    assert "'talk'" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_check_on_null_passes() -> None:
    assert TALK.frame([{**ROW, "level": None}])["level"].to_list() == [None]


def test_missing_and_unknown_columns_are_named() -> None:
    frame = TALK.frame([ROW]).drop("who").with_columns(extra=pl.lit(1))
    with pytest.raises(StoreError, match=r"lacks columns \['who'\].*unknown columns \['extra'\]"):
        TALK.conform(frame)


def test_a_key_that_is_no_column_is_refused() -> None:
    with pytest.raises(StoreError, match="unknown columns"):
        TALK.frame([{**ROW, "levle": 3.0}])


@pytest.mark.parametrize("value", ["secret words", [1]])
def test_a_type_that_does_not_cast(value: object) -> None:
    frame = pl.DataFrame({**{k: [v] for k, v in ROW.items()}, "start_ms": [value]})
    with pytest.raises(StoreError, match="other types") as caught:
        TALK.conform(frame)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["secret words", [1]])
def test_a_row_of_another_type(value: object) -> None:
    with pytest.raises(StoreError, match="other types") as caught:
        TALK.frame([{**ROW, "start_ms": value}])
    assert "secret" not in str(caught.value)


@given(levels=st.lists(st.none() | st.floats(allow_nan=True, width=32), max_size=5))
def test_nan_never_enters(levels: list[float | None]) -> None:
    bad = any(v is not None and not math.isfinite(v) for v in levels)
    too_loud = any(v is not None and v >= 100 for v in levels)
    rows = [{**ROW, "level": level} for level in levels]
    if bad or too_loud:
        with pytest.raises(StoreError):
            TALK.frame(rows)
    else:
        assert TALK.frame(rows)["level"].to_list() == levels
