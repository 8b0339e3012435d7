"""A night of many recordings: memory does not grow with their number."""

import weakref
from pathlib import Path

import pytest

from pipeline import batch, config
from pipeline.assembly import Workbench
from pipeline.batch import Result

TALK = "role,start_ms,end_ms,text\ntherapist,0,900,How was it?\nclient,1500,2500,It was {}.\n"
SESSIONS = 200


class Counting:
    """Keeps of each session only a weak reference, and counts those whose tables are still held."""

    def __init__(self) -> None:
        self.seen: list[weakref.ref[object]] = []
        self.most_held = 0

    def begins(self, number: int, total: int, path: Path) -> None: ...

    def stage(self, name: str, state: str) -> None: ...

    def ends(self, result: Result) -> None:
        self.seen.append(weakref.ref(result.walked))
        held = sum(reference() is not None for reference in self.seen)
        self.most_held = max(self.most_held, held)


@pytest.mark.slow
def test_a_run_keeps_the_tables_of_no_session_that_is_done(tmp_path: Path) -> None:
    for number in range(SESSIONS):
        (tmp_path / f"{number:03d}.csv").write_text(TALK.format(number), encoding="utf-8")
    bench = Workbench(config.load(), tmp_path / "workspace")
    counting = Counting()
    files = sorted(tmp_path.glob("*.csv"))
    assert batch.run(files, bench, counting, options={}, refresh=False) == 0
    bench.catalogue.close()
    assert len(counting.seen) == SESSIONS
    # The one that ends, and at most the one before it, which nothing has replaced yet.
    assert counting.most_held <= 2
