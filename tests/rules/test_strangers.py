"""What strangers wrote is whole, half of it is sealed, and it is heard as any session is."""

from collections.abc import Iterator

import pytest

from pipeline.evaluation.material import strangers
from pipeline.evaluation.material.acted_dialogues import MARKERS, Rehearsal

CODES = [marker for marker in MARKERS if marker[0] in "WC"]


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with Rehearsal(tmp_path_factory.mktemp("strangers")) as made:
        yield made


def line(marker: str, therapist: str, client: str, *, shows: bool) -> strangers.Line:
    return strangers.Line(marker, shows, therapist, client)


@pytest.mark.parametrize("marker", CODES)
def test_lines_of_a_marker(marker: str) -> None:
    halves = [strangers.lines(marker, sealed=sealed) for sealed in (True, False)]
    every = [line for half in halves for line in half]
    assert {line.marker for line in every} == {marker}
    assert sum(line.shows for line in every) == 60
    assert len(every) == len({line.client for line in every}) == 100
    assert all(len(half) > 30 for half in halves)


def test_dialogues() -> None:
    for kind, number in (("ruptures", 14), ("sound", 32)):
        halves = [list(strangers.dialogues(kind, sealed=sealed)) for sealed in (True, False)]
        assert sum(map(len, halves)) == number
        assert all(len(half) >= number // 3 for half in halves)
        for dialogue in (dialogue for half in halves for dialogue in half):
            stretches = (*dialogue.file.moments, *dialogue.file.lookalikes)
            assert all(start < end for start, end in map(dialogue.span_ms, stretches))
            assert bool(dialogue.file.moments) == (kind == "ruptures")


def test_a_line_is_flagged_where_it_is_said(rehearsal: Rehearsal) -> None:
    said = [
        line("C1", "How is it to be here?", "You don't listen to me.", shows=True),
        line("C1", "And your sister?", "She says, you don't listen to me.", shows=False),
        line("C1", "How is it to be here?", "You don't listen to me.", shows=False),
        line("W1", "How is it to be here?", "You don't listen to me.", shows=True),
    ]
    flagged = dict(zip(range(4), strangers.flagged(said, "own", rehearsal), strict=True))
    # A confrontation is no withdrawal, and a line that only looks so may not be flagged as any.
    assert [flag for _, flag in flagged.values()] == [True, False, True, False]
