"""Which verdicts stand, and which moment each finds again after another run."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.workspace.verdicts import Verdict, attach, standing

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Found:
    kind: str
    start_ms: int
    end_ms: int


def verdict(number: int = 1, start_ms: int = 0, end_ms: int = 1000, **other: Any) -> Verdict:
    given: dict[str, Any] = {
        "detected_kind": "withdrawal",
        "decision": "confirm",
        "reviewer": "AK",
    } | other
    return Verdict("a" * 64, start_ms, end_ms, decided_at=NOW, verdict_id=number, **given)


def test_a_later_entry_stands_in_place_of_the_one_that_it_replaces() -> None:
    first, second = verdict(1), verdict(2, decision="reject", replaces=1)
    assert standing([first, second]) == [second]


def test_of_two_entries_that_replace_the_same_one_the_later_stands() -> None:
    entries = [verdict(1), verdict(2, replaces=1), verdict(3, decision="unsure", replaces=1)]
    assert standing(entries) == [entries[2]]


def test_what_is_retracted_counts_no_more_and_may_come_again() -> None:
    entries = [verdict(1), verdict(2, decision="retracted", replaces=1)]
    assert standing(entries) == []
    again = verdict(3, replaces=2)
    assert standing([*entries, again]) == [again]


def test_reviewers_do_not_touch_each_other() -> None:
    entries = [verdict(1), verdict(2, reviewer="BL", decision="reject")]
    attached = attach([Found("withdrawal", 0, 1000)], entries)
    assert attached.moments == {0: tuple(entries)}
    assert attached.loose == ()


def test_the_later_of_two_verdicts_of_one_reviewer_on_a_moment_counts() -> None:
    """As when rules that now see one moment saw two."""
    entries = [verdict(1, 0, 1000), verdict(2, 1200, 2000, decision="reject")]
    assert attach([Found("withdrawal", 0, 2000)], entries).moments == {0: (entries[1],)}


@pytest.mark.parametrize(
    ("moment", "attached"),
    [
        (Found("withdrawal", 500, 1500), True),  # half of the shorter
        (Found("withdrawal", 501, 1501), False),
        (Found("withdrawal", 400, 600), True),  # within it
        (Found("confrontation", 0, 1000), False),
        (Found("withdrawal", 1000, 2000), False),
    ],
)
def test_half_of_the_shorter_must_overlap(moment: Found, attached: bool) -> None:
    found = attach([moment], [verdict()])
    assert bool(found.moments) is attached
    assert bool(found.loose) is not attached


def test_the_moment_with_the_greatest_overlap_is_taken() -> None:
    moments = [Found("withdrawal", 0, 600), Found("withdrawal", 600, 5000)]
    assert set(attach(moments, [verdict(1, 0, 2000)]).moments) == {1}


def test_a_corrected_kind_is_still_found_by_what_was_detected() -> None:
    corrected = verdict(1, kind="confrontation", marker="C2")
    assert attach([Found("withdrawal", 0, 1000)], [corrected]).moments == {0: (corrected,)}


def test_an_added_moment_attaches_once_rules_find_it_too() -> None:
    added = verdict(1, detected_kind=None, decision="added", kind="confrontation", marker="C1")
    assert attach([], [added]).loose == (added,)
    assert attach([Found("confrontation", 0, 900)], [added]).moments == {0: (added,)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"end_ms": 0},
        {"start_ms": -1},
        {"salience": 6},
        {"salience": 0},
        {"note": "x" * 4001},
        {"reviewer": "  "},
        {"decision": "perhaps"},
        {"detected_kind": None},
        {"decision": "added", "detected_kind": None},
        {"kind": "confrontation", "marker": "W2"},
        {"kind": "withdrawal", "marker": "C7"},
        {"decision": "added", "detected_kind": None, "kind": "withdrawal", "marker": "C1"},
        {"kind": "therapist_move"},
        {"marker": "W8"},
        {"marker": "w2"},
        {"end_ms": 1000.5},
        {"end_ms": float("nan")},
        {"end_ms": 10**11},
        {"start_ms": False},
        {"salience": 3.0},
        {"salience": True},
        {"salience": float("nan")},
        {"note": "a\x1b[2Jb"},
        {"note": "a\x00b"},
        {"note": "a\ud800b"},
    ],
)
def test_what_nobody_can_have_decided_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        verdict(**wrong)


def test_a_note_has_lines_and_any_script() -> None:
    note = "first\r\nsecond\tthird\n\u05e9\u05dc\u05d5\u05dd \U0001f600 caf\u00e9"
    assert verdict(note=note).note == note


def test_an_entry_of_an_earlier_version_is_read_as_it_stands() -> None:
    sound = verdict(kind="confrontation", marker="C2")
    old = sound.but(marker="W2")
    assert (old.kind, old.marker) == ("confrontation", "W2")
    assert old.contradicts_itself
    assert not sound.contradicts_itself
    assert not verdict().contradicts_itself
    assert standing([old]) == [old]
    with pytest.raises(InputError, match="does not belong to the kind"):
        Verdict(**vars(old))


spans = st.builds(
    lambda kind, start, length: Found(kind, start, start + length),
    st.sampled_from(["withdrawal", "confrontation"]),
    st.integers(0, 100),
    st.integers(1, 50),
)


@given(st.lists(spans, max_size=6), st.lists(spans, max_size=6), st.integers(-50, 200))
def test_each_verdict_is_kept_once_and_a_shift_changes_nothing(
    moments: list[Found], decided: list[Found], by_ms: int
) -> None:
    def at(shift: Callable[[Found], Found]) -> tuple[dict[int, list[int | None]], set[int | None]]:
        entries = [
            verdict(n, s.start_ms, s.end_ms, detected_kind=s.kind, reviewer=f"R{n}")
            for n, s in enumerate(map(shift, decided), start=1)
        ]
        found = attach(list(map(shift, moments)), entries)
        inside = {place: [v.verdict_id for v in own] for place, own in found.moments.items()}
        return inside, {v.verdict_id for v in found.loose}

    inside, loose = at(lambda span: Found(span.kind, span.start_ms + 50, span.end_ms + 50))
    everyone = [number for own in inside.values() for number in own]
    assert sorted(map(int, filter(None, [*everyone, *loose]))) == list(range(1, len(decided) + 1))
    shifted = at(
        lambda span: Found(
            span.kind, span.start_ms + 50 + max(-50, by_ms), span.end_ms + 50 + max(-50, by_ms)
        )
    )
    assert shifted == (inside, loose)
