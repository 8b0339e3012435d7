"""A night of many recordings: memory does not grow with their number."""

import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import config
from pipeline.cli.output import Both, JsonLines, Output, Table
from pipeline.cli.progress import Log
from pipeline.evaluation.material.batch_results import results_of
from pipeline.session import SessionResult, batch
from pipeline.session.intake import PassedOver, Source
from pipeline.session.workbench import Workbench

TALK = "role,start_ms,end_ms,text\ntherapist,0,900,How was it?\nclient,1500,2500,It was {}.\n"
SESSIONS = 200


def talks(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03d}.csv").write_text(TALK.format(number), encoding="utf-8")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("as_json", [True, False])
def test_a_run_keeps_the_tables_of_no_session_that_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    """What is run is `tether run` less the engines: a session is made by copying a real one."""
    bench = Workbench(config.load(), tmp_path / "workspace")
    (real,) = results_of(talks(tmp_path / "one", 1), bench)
    assert real.processed
    first: SessionResult = real.processed
    made: list[weakref.ref[SessionResult]] = []
    held: list[int] = []

    def process(source: Source, **_: Any) -> SessionResult:
        held.append(sum(reference() is not None for reference in made))
        recording = replace(first.recording, recording_id=source.recording_id)
        processed = replace(first, recording=recording, tables=dict(first.tables))
        made.append(weakref.ref(processed))
        return processed

    monkeypatch.setattr(bench, "process", process)
    passed_over = PassedOver()
    output: Output = (
        JsonLines(passed_over, names=False)
        if as_json
        else Table(passed_over, names=False, labels=False)
    )
    files = talks(tmp_path / "many", SESSIONS)
    listener = Both(Log(), output, bench.store)
    assert batch.run(files, bench, listener, options={}, refresh=False) == 0
    bench.catalogue.close()
    assert len(made) == SESSIONS
    # At most the one that ended last, which nothing has replaced yet.
    assert max(held) <= 1
