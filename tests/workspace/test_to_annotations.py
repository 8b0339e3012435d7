"""Verdicts as codes for the researcher's bench."""

import datetime as dt
from pathlib import Path
from typing import Any

from pipeline.formats import codes
from pipeline.workspace.verdicts import Verdict, as_codes

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)


def verdict(number: int, decision: str, start_ms: int = 0, **other: Any) -> Verdict:
    given: dict[str, Any] = {
        "recording_id": "a" * 64,
        "end_ms": start_ms + 1000,
        "reviewer": "AK",
        "detected_kind": "withdrawal",
        "detected_marker": "W2",
        "kind": None if decision == "reject" else "withdrawal",
        "marker": None if decision == "reject" else "W2",
    } | other
    return Verdict(
        start_ms=start_ms,
        decision=decision,  # type: ignore[arg-type]  # looked at when it is made
        decided_at=NOW,
        verdict_id=number,
        **given,
    )


def lines(*entries: Verdict) -> dict[str, list[int]]:
    return {name: frame["line"].to_list() for name, frame in as_codes(entries).items()}


def test_each_decision_has_its_list() -> None:
    got = lines(
        verdict(1, "confirm"),
        verdict(2, "reject", 5000),
        verdict(3, "unsure", 9000),
        verdict(4, "added", 15_000, detected_kind=None, detected_marker=None),
    )
    assert got == {"codes": [1, 4], "uncertain": [3], "benign": [2]}


def test_corrections_count_and_a_benign_place_says_what_was_flagged() -> None:
    corrected = verdict(1, "confirm", kind="confrontation", marker="C2", salience=4)
    rejected = verdict(2, "reject", 9000)
    made = as_codes([corrected, rejected])
    assert made["codes"].row(0, named=True) == {
        "line": 1,
        "session": "a" * 64,
        "start_ms": 0,
        "end_ms": 1000,
        "utterance_id": None,
        "kind": "confrontation",
        "marker": "C2",
        "salience": 4.0,
        "rater": "AK",
    }
    assert made["benign"]["kind"].to_list() == ["withdrawal"]


def test_where_two_disagree_it_counts_neither_way() -> None:
    got = lines(verdict(1, "confirm"), verdict(2, "reject", 400, reviewer="BL"))
    assert got == {"codes": [], "uncertain": [1, 2], "benign": []}


def test_two_who_agree_are_two_codes_and_elsewhere_nobody_disagrees() -> None:
    got = lines(
        verdict(1, "confirm"),
        verdict(2, "confirm", 100, reviewer="BL"),
        verdict(3, "reject", 0, recording_id="b" * 64),
        verdict(4, "reject", 0, detected_kind="confrontation", reviewer="BL"),
    )
    assert got == {"codes": [1, 2], "uncertain": [], "benign": [3, 4]}


def test_only_what_stands_counts() -> None:
    got = lines(verdict(1, "confirm"), verdict(2, "reject", replaces=1))
    assert got == {"codes": [], "uncertain": [], "benign": [2]}
    assert lines(verdict(1, "confirm"), verdict(2, "retracted", replaces=1)) == {
        "codes": [],
        "uncertain": [],
        "benign": [],
    }


def test_a_corrected_kind_never_borrows_the_marker_that_was_flagged() -> None:
    corrected = verdict(1, "confirm", kind="confrontation", marker=None)
    (row,) = as_codes([corrected])["codes"].rows(named=True)
    assert (row["kind"], row["marker"]) == ("confrontation", None)


def test_an_entry_that_contradicts_itself_counts_neither_way_and_costs_no_other(
    tmp_path: Path,
) -> None:
    """As earlier versions took them; the file of codes is read again by `evaluate`."""
    old = verdict(1, "confirm", kind="confrontation", marker="C2").but(marker="W2")
    sound = verdict(2, "confirm", 9000)
    made = as_codes([old, sound])
    assert {name: frame["line"].to_list() for name, frame in made.items()} == {
        "codes": [2],
        "uncertain": [1],
        "benign": [],
    }
    assert made["uncertain"].select("kind", "marker").row(0) == (None, None)
    columns = ("session", "start_ms", "end_ms", "kind", "marker", "salience", "rater")
    for name in ("codes", "uncertain"):
        file = tmp_path / f"{name}.csv"
        made[name].select(columns).write_csv(file)
        read = codes.read(file.read_bytes(), kind_needed=name == "codes")
        assert read.codes.height == 1
