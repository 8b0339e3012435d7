import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ConfigError
from pipeline.evaluation.material.counselling import HELD_OUT
from pipeline.research import holdout

NAMES = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=30)


@given(NAMES, st.integers(0, 30), st.randoms(use_true_random=False))
def test_split_is_the_same_in_whatever_order_names_come(
    names: list[str], number: int, chance: object
) -> None:
    number = min(number, len(names))
    held, rest = holdout.split(names, number)
    assert len(held) == number
    assert sorted([*held, *rest]) == sorted(names)
    other = list(names)
    chance.shuffle(other)  # type: ignore[attr-defined]
    assert holdout.split(other, number) == (held, rest)


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="3 sessions to hold out, but there are only 2"):
        holdout.split(["a", "b"], 3)


def test_a_list_is_read(tmp_path: Path) -> None:
    file = tmp_path / "held.txt"
    file.write_text("\ufeff# of the whole clinic\nS-2   # twins\n\nS-9\n", encoding="utf-8")
    assert holdout.chosen(["S-1", "S-2"], str(file)) == {"S-2"}
    with pytest.raises(ConfigError, match="names none"):
        holdout.chosen(["S-1"], str(file))
    with pytest.raises(ConfigError, match="no such file"):
        holdout.chosen(["S-1"], str(tmp_path / "other.txt"))
    assert holdout.chosen(["S-1", "S-2"], "0") == frozenset()


def test_the_eight_unread_conversations_are_those_of_the_rule(shared_data: Path) -> None:
    with (shared_data / "counselling_text" / "utterances.csv").open(encoding="utf-8") as file:
        names = {row["transcript_id"] for row in csv.DictReader(file)}
    assert len(names) == 23
    assert holdout.split(names, 8)[0] == HELD_OUT
    assert holdout.chosen(names, "8") == set(HELD_OUT)
