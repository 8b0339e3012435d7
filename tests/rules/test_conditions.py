import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules.language import conditions
from pipeline.rules.language.columns import Known
from pipeline.rules.language.conditions import ConditionError
from pipeline.rules.language.rulefile import Clause, Param

COLUMNS = {
    "length_ms": Known(pl.Int64, "timing"),
    "length_ms_z": Known(pl.Float64, "timing", "length_ms"),
    "role": Known(pl.String, None),
    "is_backchannel": Known(pl.Boolean, "words"),
    "negation": Known(pl.Float64, "words"),
}
PARAMS = {
    "min_ms": Param(value=3000, source="some study"),
    "who": Param(value="o'brien", source="some study"),
    "yes": Param(value=True, source="some study"),
}
ROWS = pl.DataFrame(
    {
        "length_ms": [1000, 3000, None, 5000],
        "length_ms_z": [0.0, 2.0, 2.0, None],
        "length_ms_n": [40, 40, 10, 10],
        "role": ["client", "client", "client", None],
        "is_backchannel": [True, False, None, False],
        "negation": [0.0, 1.0, 2.0, None],
    }
)


def held(sql: str) -> list[bool]:
    found = ROWS.select(conditions.condition(sql, COLUMNS, PARAMS).expr.alias("held"))
    return found["held"].to_list()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("length_ms >= {min_ms}", [False, True, False, True]),
        ("NOT length_ms >= {min_ms}", [True, False, False, False]),
        ("role = 'client' OR length_ms >= 1", [True, True, False, False]),
        ("length_ms BETWEEN 1000 AND 4000", [True, True, False, False]),
        ("role IN ('client', 'other')", [True, True, True, False]),
        ("is_backchannel = {yes}", [True, False, False, False]),
        ("is_backchannel", [True, False, False, False]),
        ("role = {who}", [False] * 4),
        ("ABS(length_ms - 3000) <= 0", [False, True, False, False]),
        ("CASE WHEN negation >= 1 THEN TRUE ELSE FALSE END", [False, True, True, False]),
    ],
)
def test_a_condition_is_false_where_a_column_is_null(sql: str, expected: list[bool]) -> None:
    assert held(sql) == expected


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("lenght_ms >= 1", "unknown column 'lenght_ms', did you mean 'length_ms'"),
        ("length_ms >= {min}", "unknown parameter 'min', did you mean 'min_ms'"),
        ("length_ms >=", "not SQL"),
        ("length_ms > MAX(length_ms)", "function 'max' is not allowed"),
        ("COUNT(*) > 1", "function 'count' is not allowed"),
        ("COALESCE(length_ms, 9000) > 1", "function 'coalesce' is not allowed"),
        ("RANK() OVER (ORDER BY length_ms) > 1", "not allowed"),
        ("length_ms > (SELECT 1)", "'select' is not allowed"),
        ("length_ms IS NULL", "needless"),
        ("length_ms + 1", "must be true or false"),
        ("role >= 3", "types do not fit"),
        ("1 = 1", "names no column"),
        ("length_ms > 1; DROP TABLE x", "not SQL"),
    ],
)
def test_what_cannot_be_used_is_refused(sql: str, message: str) -> None:
    with pytest.raises(ConditionError, match=message.replace("(", r"\(")):
        conditions.condition(sql, COLUMNS, PARAMS)


@pytest.mark.parametrize("more", ["+1", " AND length_ms > 0", "(", "x", " "])
def test_a_condition_without_end_is_refused(more: str) -> None:
    """Thousands of sums or brackets ended the program, a long name took seconds."""
    with pytest.raises(ConditionError, match="more than 1000 characters"):
        conditions.condition("length_ms > 0" + more * 30_000, COLUMNS, PARAMS)


def clause(sql: str, because: str = "so", fallback: str | None = None) -> Clause:
    return Clause.model_validate({"if": sql, "because": because, "small_baseline": fallback})


def judged(written: Clause, *, set_aside_holds: bool) -> list[bool]:
    test = conditions.test(written, COLUMNS, PARAMS, ["negation"])
    found = ROWS.select(test.held(30, set_aside_holds=set_aside_holds).alias("held"))
    return found["held"].to_list()


def test_a_small_baseline_is_set_aside_unless_the_value_itself_is_missing() -> None:
    # The baselines of the last two rows are small; the third has no value.
    written = clause("length_ms_z >= 3")
    assert judged(written, set_aside_holds=True) == [False, False, False, True]
    assert judged(written, set_aside_holds=False) == [False, False, False, False]


def test_a_fixed_threshold_stands_in_for_a_small_baseline() -> None:
    written = clause("length_ms_z >= 1", fallback="length_ms >= 6000")
    assert judged(written, set_aside_holds=True) == [False, True, True, False]
    written = clause("length_ms_z >= 1", fallback="length_ms >= 4000")
    assert judged(written, set_aside_holds=True) == [False, True, True, True]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (clause("length_ms > 1", "for {lenght_ms}"), "because: unknown name 'lenght_ms'"),
        (clause("length_ms > 1", "for {length_ms:q}"), "unknown format 'q'"),
        (clause("length_ms > 1", "for {length_ms"), "brace without its partner"),
        (clause("length_ms > 1", "for {length_ms:quote}"), "is no lexicon"),
        (clause("length_ms > 1", fallback="length_ms > 2"), "names no _z or _pct"),
        (clause("length_ms_z > 1", fallback="length_ms_z > 2"), "must not name _z or _pct"),
    ],
)
def test_a_clause_that_cannot_be_used_is_refused(written: Clause, message: str) -> None:
    with pytest.raises(ConditionError, match=message):
        conditions.test(written, COLUMNS, PARAMS, ["negation"])


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("for {length_ms:s}", "for 3.5 s"),
        ("{negation} of {share:%}", "2 of 25%"),
        ("{z:.1f}", "1.3"),
        ("{z}", "1.26"),
        ("{flag} {nothing}", "yes not measured"),
        (
            "in {one} words, not {eleven} words or {z:.1f} words",
            "in 1 word, not 11 words or 1.3 words",
        ),
        ("\u201c{negation:quote}\u201d", "\u201cnever\u201d"),
        ("{negation:reason}", "\u2026"),
    ],
)
def test_a_sentence_shows_values(sentence: str, expected: str) -> None:
    values = {"length_ms": 3450, "negation": 2.0, "share": 0.25, "z": 1.26, "flag": True}
    values |= {"one": 1.0, "eleven": 11}
    shown = {"quote": "never", "reason": None}
    assert conditions.filled(sentence, values, lambda _, form: shown[form]) == expected


@given(
    st.lists(st.one_of(st.none(), st.integers(-10_000, 10_000)), max_size=20),
    st.integers(-10_000, 10_000),
    st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]),
)
def test_null_never_holds(values: list[int | None], threshold: int, operator: str) -> None:
    frame = pl.DataFrame({"length_ms": values}, schema={"length_ms": pl.Int64})
    for sql in (f"length_ms {operator} {threshold}", f"NOT (length_ms {operator} {threshold})"):
        found = frame.select(conditions.condition(sql, COLUMNS, {}).expr.alias("held"))["held"]
        assert found.null_count() == 0
        assert not any(holds for holds, value in zip(found, values, strict=True) if value is None)
