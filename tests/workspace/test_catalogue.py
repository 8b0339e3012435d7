"""The catalogue knows where recordings lie, and obeys the newest correction."""

import contextlib
import datetime as dt
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.core.errors import InputError, StoreError
from pipeline.workspace.catalogue import Catalogue, Entry, Failure, path_hash

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
A, B = "aaaa11" + "0" * 58, "aaaa22" + "0" * 58


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    opened = Catalogue(tmp_path)
    yield opened
    opened.close()


def recording(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(b"sound")
    return path


def test_what_is_remembered_is_listed_once_in_order(catalogue: Catalogue, tmp_path: Path) -> None:
    first = Entry(A, recording(tmp_path, "zuerst ü.wav"), "{}")
    second = Entry(B, recording(tmp_path, "b.wav"), "{}")
    catalogue.remember(first, NOW)
    catalogue.remember(second, NOW + dt.timedelta(seconds=1))
    catalogue.remember(first, NOW + dt.timedelta(seconds=2))
    assert catalogue.entries() == [first, second]


def test_it_outlives_the_process(tmp_path: Path) -> None:
    entry = Entry(A, recording(tmp_path, "a.wav"), '{"client":"C"}')
    for _ in range(2):
        opened = Catalogue(tmp_path)
        opened.remember(entry, NOW)
        opened.correct(A, "speaker 1", "client", NOW)
        opened.close()
    opened = Catalogue(tmp_path)
    assert opened.entries() == [entry]
    assert opened.corrections(A) == {"speaker 1": "client"}
    opened.close()


def test_a_changed_sidecar_of_the_same_file_replaces(catalogue: Catalogue, tmp_path: Path) -> None:
    path = recording(tmp_path, "a.wav")
    catalogue.remember(Entry(A, path, "{}"), NOW)
    catalogue.remember(Entry(A, path, '{"client":"C"}'), NOW)
    assert catalogue.entries() == [Entry(A, path, '{"client":"C"}')]


def test_identical_bytes_under_differing_sidecars(catalogue: Catalogue, tmp_path: Path) -> None:
    one, two = recording(tmp_path, "Anna.wav"), recording(tmp_path, "Berta.wav")
    catalogue.remember(Entry(A, one, '{"client":"C1"}'), NOW)
    with pytest.raises(InputError, match="different session notes files") as caught:
        catalogue.remember(Entry(A, two, '{"client":"C2"}'), NOW)
    assert "Anna" not in str(caught.value)
    assert "Berta" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert catalogue.entries() == [Entry(A, one, '{"client":"C1"}')]


def test_identical_bytes_under_equal_sidecars(catalogue: Catalogue, tmp_path: Path) -> None:
    one, two = recording(tmp_path, "a.wav"), recording(tmp_path, "b.wav")
    catalogue.remember(Entry(A, one, "{}"), NOW)
    catalogue.remember(Entry(A, two, "{}"), NOW)
    assert len(catalogue.entries()) == 2
    assert catalogue.find(A[:6]).recording_id == A


def test_a_recording_that_was_moved(catalogue: Catalogue, tmp_path: Path) -> None:
    one = recording(tmp_path, "a.wav")
    catalogue.remember(Entry(A, one, "{}"), NOW)
    two = one.rename(tmp_path / "b.wav")
    catalogue.remember(Entry(A, two, '{"client":"C"}'), NOW)
    assert catalogue.find(str(two)).sidecar == '{"client":"C"}'


def test_find_by_prefix_or_path(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = recording(tmp_path, "a.wav"), recording(tmp_path, "b.wav")
    catalogue.remember(Entry(A, one, "{}"), NOW)
    catalogue.remember(Entry(B, two, "{}"), NOW)
    assert catalogue.find("AAAA11").path == one
    assert catalogue.find(B).path == two
    assert catalogue.find(str(two)).recording_id == B
    monkeypatch.chdir(tmp_path)
    assert catalogue.find("a.wav").recording_id == A
    assert catalogue.find("./b.wav").recording_id == B


@pytest.mark.parametrize("session", ["aaaa1", "bbbbbb", "", "missing.wav", "%", "______"])
def test_no_such_session(catalogue: Catalogue, tmp_path: Path, session: str) -> None:
    catalogue.remember(Entry(A, recording(tmp_path, "a.wav"), "{}"), NOW)
    with pytest.raises(InputError, match="no session") as caught:
        catalogue.find(session)
    assert "at least 6" in caught.value.expected


def test_an_ambiguous_prefix(catalogue: Catalogue, tmp_path: Path) -> None:
    same = "abcdef" + "1" * 58, "abcdef" + "2" * 58
    for number, recording_id in enumerate(same):
        path = recording(tmp_path, f"{number}.wav")
        catalogue.remember(Entry(recording_id, path, "{}"), NOW)
    with pytest.raises(InputError, match="2 sessions"):
        catalogue.find("abcdef")


def test_other_bytes_at_a_path_mark_the_older_ones_as_replaced(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    path = recording(tmp_path, "a.wav")
    catalogue.remember(Entry(A, path, "{}"), NOW)
    assert catalogue.replaced_at(path) == []
    catalogue.remember(Entry(B, path, "{}"), NOW)
    assert catalogue.replaced_at(path) == [Entry(A, path, "{}", replaced=True)]
    assert catalogue.find(str(path)).recording_id == B
    assert catalogue.find(A).replaced
    catalogue.remember(Entry(A, path, "{}"), NOW)  # and the first ones again
    assert [entry.recording_id for entry in catalogue.replaced_at(path)] == [B]
    assert catalogue.find(str(path)).recording_id == A


def test_a_name_in_another_spelling_is_the_same_file(catalogue: Catalogue, tmp_path: Path) -> None:
    apart, whole = "Zoe\u0308.wav", "Zo\u00eb.wav"
    path = recording(tmp_path, apart)
    catalogue.remember(Entry(A, path, "{}"), NOW)
    assert catalogue.find(str(tmp_path / whole)).path == path
    moved = path.rename(tmp_path / whole)  # a share that another system has written
    catalogue.remember(Entry(A, moved, "{}"), NOW)
    assert catalogue.entries() == [Entry(A, moved, "{}")]


def test_what_is_withheld_can_be_lifted_and_leaves_no_id(tmp_path: Path) -> None:
    opened = Catalogue(tmp_path)
    opened.withhold(A, "purged", NOW)
    opened.withhold(A, "consent withdrawn", NOW)
    opened.withhold(B, "purged", NOW)
    assert [(one.recording_id, one.reason) for one in opened.withheld()] == [
        (A, "consent withdrawn"),
        (B, "purged"),
    ]
    assert opened.reason_to_withhold(A) == "consent withdrawn"
    opened.lift(A)
    opened.close()
    assert A.encode() not in (tmp_path / "tether.db").read_bytes()
    assert Catalogue(tmp_path).reason_to_withhold(A) is None


def test_the_newest_correction_counts_and_none_is_lost(catalogue: Catalogue) -> None:
    catalogue.correct(A, "speaker 1", "therapist", NOW)
    catalogue.correct(A, "speaker 2", "client", NOW)
    catalogue.correct(A, "speaker 1", "client", NOW - dt.timedelta(days=1))  # a clock set back
    catalogue.correct(B, "speaker 1", "other", NOW)
    assert catalogue.corrections(A) == {"speaker 1": "client", "speaker 2": "client"}
    assert catalogue.corrections(B) == {"speaker 1": "other"}
    assert catalogue.corrections("c" * 64) == {}


def test_the_database_is_private(tmp_path: Path) -> None:
    opened = Catalogue(tmp_path)
    opened.correct(A, "speaker 1", "client", NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    opened.close()
    assert modes
    assert set(modes.values()) == {0o600}


def _nothing(folder: Path) -> None:
    (folder / "tether.db").write_bytes(b"")
    (folder / "sessions" / ("0" * 12)).mkdir(parents=True)


def _shorter(folder: Path) -> None:
    Catalogue(folder).close()
    content = (folder / "tether.db").read_bytes()
    (folder / "tether.db").write_bytes(content[: len(content) // 2])


def _of_others(statement: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        with contextlib.closing(sqlite3.connect(folder / "tether.db")) as connection:
            connection.execute(statement)
            connection.commit()

    return make


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda at: (at / "tether.db").write_text("prose, " * 100), "not a database"),
        (lambda at: (at / "tether.db").write_bytes(b"SQLite format 3\0" + b"x" * 60), "damaged"),
        (lambda at: (at / "tether.db").mkdir(), "a folder"),
        (lambda at: (at / "tether.db").symlink_to("nowhere"), "a broken link"),
        (lambda at: os.mkfifo(at / "tether.db"), "not a regular file"),
        (_nothing, "empty, although the workspace has sessions"),
        (_shorter, "damaged"),
        (_of_others("CREATE TABLE songs (title)"), "another program"),
        (_of_others("CREATE TABLE recordings (title)"), "other columns"),
    ],
)
def test_a_database_that_is_none_is_named_and_left_alone(
    tmp_path: Path, spoil: Callable[[Path], object], found: str
) -> None:
    spoil(tmp_path)
    path = tmp_path / "tether.db"
    before = path.read_bytes() if path.is_file() else path.lstat().st_mode
    with pytest.raises(StoreError, match=rf"cannot be opened: .*{found}") as caught:
        Catalogue(tmp_path)
    assert "from a backup" in caught.value.hint
    assert "writable" not in caught.value.hint
    assert before == (path.read_bytes() if path.is_file() else path.lstat().st_mode)


def test_a_killed_first_run_leaves_an_empty_database_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "tether.db").write_bytes(b"")
    Catalogue(tmp_path).close()


def test_a_database_damaged_later_is_a_store_error(tmp_path: Path) -> None:
    opened = Catalogue(tmp_path)
    opened.close()
    second = Catalogue(tmp_path)
    second.close()
    (tmp_path / "tether.db").write_bytes(b"\0" * 4096 * 4)
    with pytest.raises(StoreError):
        second.entries()
    with pytest.raises(StoreError):
        second.corrections(A)
    with pytest.raises(StoreError):
        second.correct(A, "speaker 1", "client", NOW)
    second.close()


def test_a_workspace_whose_name_looks_like_a_url(tmp_path: Path) -> None:
    folder = tmp_path / "why?not=100%"
    folder.mkdir()
    Catalogue(folder).close()
    assert (folder / "tether.db").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def failure(path: Path, minutes: int, error: str = "the file is empty") -> Failure:
    at = NOW + dt.timedelta(minutes=minutes)
    return Failure(path_hash(path), path, 3, None, error, 3, at, at, times=1)


def test_a_failure_keeps_since_when_and_how_often(catalogue: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    catalogue.failed(failure(path, 0))
    catalogue.failed(failure(path, 5, "no such file"))
    (listed,) = catalogue.failures()
    assert listed.path == path
    assert (listed.first_at, listed.last_at) == (NOW, NOW + dt.timedelta(minutes=5))
    assert (listed.error, listed.times) == ("no such file", 2)
    assert catalogue.no_failure([path_hash(path)]) == 1
    assert catalogue.failures() == []
    catalogue.failed(failure(path, 9))
    assert catalogue.failures()[0].times == 1


def test_a_name_that_is_not_utf_8_is_listed(catalogue: Catalogue, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    catalogue.failed(failure(path, 0))
    assert catalogue.failures()[0].path == path


def test_the_catalogue_of_an_older_version_gets_the_list(tmp_path: Path) -> None:
    Catalogue(tmp_path).close()
    with contextlib.closing(sqlite3.connect(tmp_path / "tether.db")) as older:
        older.execute("DROP TABLE failures")
    opened = Catalogue(tmp_path)
    opened.failed(failure(tmp_path / "a.wav", 0))
    assert len(opened.failures()) == 1
    opened.close()


def test_what_is_forgotten_is_no_failure_either(catalogue: Catalogue, tmp_path: Path) -> None:
    path = recording(tmp_path, "a.wav")
    catalogue.remember(Entry(A, path, "{}"), NOW)
    catalogue.failed(failure(path, 0))
    catalogue.failed(failure(tmp_path / "b.wav", 0))
    catalogue.forget(A, keep_corrections=False)
    assert [each.path.name for each in catalogue.failures()] == ["b.wav"]


def test_what_another_process_writes_is_seen_and_nothing_of_ours_is_lost(tmp_path: Path) -> None:
    """Opening the database twice in one process must not take away the locks of the first."""
    program = (
        "import datetime as dt, sys\n"
        "from pathlib import Path\n"
        "from pipeline.workspace.catalogue import Catalogue\n"
        "catalogue = Catalogue(Path(sys.argv[1]))\n"
        "catalogue.correct(sys.argv[2], 'A', 'client', dt.datetime.now(dt.UTC))\n"
        "catalogue.close()\n"
    )
    ours = Catalogue(tmp_path)
    ours.correct(A, "A", "therapist", NOW)
    Catalogue(tmp_path).close()
    for number in range(3):
        other = f"{number}" * 64
        command = [sys.executable, "-c", program, str(tmp_path), other]
        subprocess.run(command, check=True, timeout=60)
        assert ours.corrections(other) == {"A": "client"}
        ours.correct(other, "B", "therapist", NOW)
        after = Catalogue(tmp_path)
        assert after.corrections(other) == {"A": "client", "B": "therapist"}
        after.close()
    ours.close()
