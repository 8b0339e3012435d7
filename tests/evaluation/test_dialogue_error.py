"""How overlaps and turns are counted against truth, by hand."""

from collections import Counter

import polars as pl

from pipeline.evaluation.errors.dialogue import (
    LABELS,
    OverlapError,
    TurnError,
    overlap_error,
    turn_error,
)
from pipeline.evaluation.material.dialogue_truth import Overlap, Turn


def overlaps(*rows: tuple[int, int, str | None]) -> pl.DataFrame:
    columns = {"start_ms": pl.Int64, "end_ms": pl.Int64, "kind": pl.String}
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        holder=pl.lit(LABELS[0]), went_on=pl.lit("holder")
    )


def turns(*rows: tuple[int, int, int, int | None]) -> pl.DataFrame:
    """Who, start, end, latency."""
    columns = {"who": pl.Int64, "start_ms": pl.Int64, "end_ms": pl.Int64, "latency_ms": pl.Int64}
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        speaker=pl.col("who").replace_strict(dict(enumerate(LABELS)), return_dtype=pl.String),
        is_backchannel=pl.lit(value=False),
    )


def test_kinds_missed_and_false_are_counted() -> None:
    truth = [
        Overlap(0, 500, "backchannel", 0, 1),
        Overlap(2000, 2600, "floor_taking", 0, 1),
        Overlap(5000, 5300, "cooperative", 1, 0),
    ]
    found = overlap_error(
        truth, overlaps((100, 400, "backchannel"), (2100, 2600, "cooperative"), (8000, 8200, None))
    )
    assert found.kinds == {
        ("backchannel", "backchannel"): 1,
        ("floor_taking", "cooperative"): 1,
    }
    assert found.missed == {"cooperative": 1}
    assert found.false == {"null": 1}
    assert (found.shared_ms, found.true_ms, found.found_ms) == (800, 1400, 1000)
    assert (found.went_on_wrong, found.holder_wrong) == (1, 0)
    assert found.f1 == found.precision == found.recall == 2 / 3
    by_kind = found.kind_f1(end_to_end=False)
    assert (by_kind["backchannel"], by_kind["cooperative"], by_kind["floor_taking"]) == (1, 0, 0)


def test_what_nobody_notices_is_neither_missed_nor_false() -> None:
    short = overlap_error([Overlap(0, 110, "cooperative", 0, 1)], overlaps((900, 1000, None)))
    assert (short.missed, short.false) == (Counter(), Counter())


def test_one_event_in_two_pieces_is_one_found_and_one_false() -> None:
    found = overlap_error(
        [Overlap(0, 1000, "failed_attempt", 0, 1)],
        overlaps((0, 600, "failed_attempt"), (700, 1000, "failed_attempt")),
    )
    assert found.found == 1
    assert found.false == {"failed_attempt": 1}


def test_errors_add_up() -> None:
    one = overlap_error([Overlap(0, 500, "backchannel", 0, 1)], overlaps())
    assert (one + one).missed == {"backchannel": 2}
    assert (one + OverlapError()) == one


def test_a_kind_that_is_never_right_has_no_f1() -> None:
    error = OverlapError(kinds=Counter({("backchannel", "null"): 3}), false=Counter(null=1))
    assert error.macro_f1(end_to_end=False) == 0


def test_turns_are_held_against_each_other_once() -> None:
    truth = [Turn(0, 0, 1000, None), Turn(1, 1200, 2000, 200), Turn(0, 2100, 3000, 100)]
    found = turns((0, 10, 3000, None), (1, 1250, 2000, 240))
    assert turn_error(truth, found) == TurnError([10, 50], [2000, 0], [40], [40], 1, 0)


def test_a_turn_without_latency_is_counted() -> None:
    truth = [Turn(0, 0, 1000, None), Turn(1, 1200, 2000, 200)]
    found = turns((0, 0, 1000, None), (1, 1200, 2000, None))
    assert turn_error(truth, found) == TurnError([0, 0], [0, 0], [], [], 0, 1)
