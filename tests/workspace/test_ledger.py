"""The ledger on disk: whatever was acknowledged is there, whoever else writes, however it ends."""

import datetime as dt
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import InputError, StoreError
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.verdicts import Ledger, Verdict

SESSION = "a" * 64
NOW = dt.datetime(2026, 11, 28, 16, 30, 5, 123456, tzinfo=dt.UTC)


def verdict(**other: object) -> Verdict:
    made = Verdict(SESSION, 0, 1000, "confirm", "AK", NOW, "withdrawal", "W2", note="a note")
    return replace(made, **other)  # type: ignore[arg-type]  # its own fields


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def test_an_entry_comes_back_as_it_was_said(ledger: Ledger) -> None:
    said = verdict(salience=4, kind="confrontation", marker="C2", evidence='{"score": 0.5}')
    kept = ledger.append(said)
    assert ledger.of(SESSION) == [replace(said, verdict_id=kept.verdict_id)]
    assert ledger.all() == ledger.of(SESSION)
    assert ledger.of("b" * 64) == []
    assert ledger.latest() == kept.verdict_id


def test_a_time_of_another_zone_is_the_same_time(ledger: Ledger) -> None:
    east = dt.timezone(dt.timedelta(hours=5))
    ledger.append(verdict(decided_at=NOW.astimezone(east)))
    assert ledger.all()[0].decided_at == NOW


@pytest.mark.parametrize("other", [{"reviewer": "BL"}, {"recording_id": "b" * 64}])
def test_nobody_replaces_what_is_not_theirs(ledger: Ledger, other: dict[str, str]) -> None:
    first = ledger.append(verdict())
    with pytest.raises(InputError, match="not this reviewer's"):
        ledger.append(verdict(replaces=first.verdict_id, **other))
    with pytest.raises(InputError):
        ledger.append(verdict(replaces=999))
    assert ledger.all() == [first]


def test_an_entry_of_an_earlier_version_is_kept_read_and_said_again(ledger: Ledger) -> None:
    """A confrontation with a marker of withdrawal, which no new entry can say."""
    old = ledger.append(verdict(kind="confrontation", marker="C2").but(marker="W2"))
    sound = ledger.append(verdict(start_ms=500))
    assert ledger.all() == [old, sound]
    assert (ledger.of(SESSION)[0].kind, ledger.of(SESSION)[0].marker) == ("confrontation", "W2")


def test_an_id_is_never_given_twice(ledger: Ledger) -> None:
    first = ledger.append(verdict())
    ledger.forget(SESSION)
    assert (ledger.append(verdict()).verdict_id or 0) > (first.verdict_id or 0)


def test_what_is_forgotten_stands_in_no_file(ledger: Ledger, tmp_path: Path) -> None:
    ledger.append(verdict(note="something only this note says"))
    ledger.forget(SESSION)
    ledger.close()
    for file in tmp_path.iterdir():
        assert b"only this note" not in file.read_bytes()


def test_many_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    ledgers = [Ledger(tmp_path), Ledger(tmp_path)]  # as two servers have it

    def write(number: int) -> int | None:
        who = "AK" if number % 2 else "BL"
        return ledgers[number % 2].append(verdict(reviewer=who, start_ms=number)).verdict_id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(write, range(80)))
    kept = Ledger(tmp_path).all()
    assert sorted(filter(None, ids)) == [entry.verdict_id for entry in kept]
    assert {entry.start_ms for entry in kept} == set(range(80))


def test_it_lies_beside_the_catalogue_and_is_private(ledger: Ledger, tmp_path: Path) -> None:
    ledger.append(verdict())
    Catalogue(tmp_path).correct(SESSION, "speaker 1", "client", NOW)
    assert len(Ledger(tmp_path).all()) == 1
    assert (tmp_path / "tether.db").stat().st_mode & 0o777 == 0o600


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    """A process that is killed in the middle of saving; this one looks what is there."""
    program = textwrap.dedent(
        f"""
        import datetime as dt, sys
        from pathlib import Path
        from pipeline.workspace.verdicts import Ledger, Verdict
        ledger = Ledger(Path({str(tmp_path)!r}))
        now = dt.datetime.now(dt.UTC)
        while True:
            kept = ledger.append(Verdict("{SESSION}", 0, 10, "confirm", "AK", now, "withdrawal"))
            print(kept.verdict_id, flush=True)
        """
    )
    for lines in (1, 7, 20):
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, bufsize=1
        ) as process:
            assert process.stdout is not None
            said = [int(process.stdout.readline()) for _ in range(lines)]
            os.kill(process.pid, signal.SIGKILL)
            said += [int(line) for line in process.stdout.read().split()]
        assert set(said) <= {entry.verdict_id for entry in Ledger(tmp_path).all()}


def test_a_full_disk_is_told_and_costs_nothing_that_was_kept(small_disk: Path) -> None:
    ledger = Ledger(small_disk)
    kept: list[int | None] = []

    def fill() -> None:
        for _ in range(2000):
            kept.append(ledger.append(verdict(note="x" * 4000)).verdict_id)  # noqa: PERF401  # one by one, until it fails

    with pytest.raises(StoreError, match="cannot be written"):
        fill()
    assert len(kept) > 1
    assert [entry.verdict_id for entry in Ledger(small_disk).all()][: len(kept)] == kept
