"""What was finished is whole, private and found again, however a run ended."""

import os
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import StoreError
from pipeline.core.tables import ACTIVITY, DROPOUTS
from pipeline.workspace.store import Store, canonical, digest, write_private

RECORDING = "ab" * 32
SLOT = "0123456789abcdef" * 4
FACTS = {"address": "f" * 64}
TABLES = {
    "dropouts": DROPOUTS.frame([{"start_ms": 5, "end_ms": 9, "channel": 0}]),
    "activity": ACTIVITY.empty(),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "workspace")


def artifact(store: Store) -> Path:
    return store.session(RECORDING) / "artifacts" / f"dropouts-{SLOT[:16]}"


def everything(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


def run_python(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
    )


def test_what_is_written_is_read(store: Store) -> None:
    assert store.manifest(RECORDING, "dropouts", SLOT) is None
    store.write(RECORDING, "dropouts", SLOT, TABLES, FACTS)
    manifest = store.manifest(RECORDING, "dropouts", SLOT)
    assert manifest is not None
    assert manifest["recording_id"] == RECORDING
    assert manifest["address"] == FACTS["address"]
    assert manifest["tables"]["dropouts"]["rows"] == 1
    read = store.read(RECORDING, "dropouts", SLOT)
    assert read.keys() == TABLES.keys()
    assert all(read[name].equals(frame) for name, frame in TABLES.items())
    assert all(read[name].schema == frame.schema for name, frame in TABLES.items())


def test_a_second_write_replaces_the_first_and_leaves_nothing_beside(store: Store) -> None:
    store.write(RECORDING, "dropouts", SLOT, TABLES, FACTS)
    store.write(RECORDING, "dropouts", SLOT, {"dropouts": DROPOUTS.empty()}, FACTS)
    assert store.read(RECORDING, "dropouts", SLOT)["dropouts"].is_empty()
    assert [path.name for path in artifact(store).parent.iterdir()] == [artifact(store).name]
    assert sorted(p.name for p in artifact(store).iterdir()) == [
        "dropouts.parquet",
        "manifest.json",
    ]


def test_a_frame_that_does_not_conform_is_not_published(store: Store) -> None:
    bad = pl.DataFrame({"start_ms": [9], "end_ms": [5], "channel": [0]})
    with pytest.raises(StoreError, match="fail 'start_ms < end_ms'"):
        store.write(RECORDING, "dropouts", SLOT, {"dropouts": bad}, FACTS)
    assert list(artifact(store).parent.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = Store(tmp_path / "a" / "workspace")
        with store.lock():
            store.write(RECORDING, "dropouts", SLOT, TABLES, FACTS)
            write_private(store.session(RECORDING) / "report.html", b"<html>")
    finally:
        os.umask(before)
    for path in everything(tmp_path / "a"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path.name


@pytest.mark.parametrize(
    "damage",
    [
        lambda place: (place / "dropouts.parquet").write_bytes(b"PAR1 not any more"),
        lambda place: (place / "dropouts.parquet").unlink(),
        lambda place: (place / "dropouts.parquet").write_bytes(
            (place / "activity.parquet").read_bytes()
        ),
        lambda place: (place / "manifest.json").write_text("{"),
        lambda place: (place / "manifest.json").write_text("[]"),
        lambda place: (place / "manifest.json").write_text('{"address": "1"}'),
        lambda place: (place / "manifest.json").write_bytes(b"\xff\xfe"),
    ],
)
def test_damage_is_told_with_the_way_out(store: Store, damage: object) -> None:
    store.write(RECORDING, "dropouts", SLOT, TABLES, FACTS)
    assert callable(damage)
    damage(artifact(store))
    with pytest.raises(StoreError, match="damaged on disk") as caught:
        store.read(RECORDING, "dropouts", SLOT)
    assert "tether run" in caught.value.hint
    assert str(store.workspace) not in str(caught.value)
    store.write(RECORDING, "dropouts", SLOT, TABLES, FACTS)
    assert store.read(RECORDING, "dropouts", SLOT).keys() == TABLES.keys()


def test_nothing_finished_cannot_be_read(store: Store) -> None:
    with pytest.raises(StoreError, match="no result"):
        store.read(RECORDING, "dropouts", SLOT)


KILL_AT = """
    import os, signal, sys
    from pathlib import Path
    from pipeline.workspace import store
    from pipeline.core.tables import ACTIVITY, DROPOUTS
    name, count = sys.argv[2], int(sys.argv[3])
    real = getattr(os, name)
    def counted(*args, **kwargs):
        global count
        count -= 1
        if count < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    workspace = store.Store(Path(sys.argv[1]))
    setattr(os, name, counted)
    workspace.write("ab" * 32, "dropouts", "0123456789abcdef" * 4,
                    {"dropouts": DROPOUTS.empty(), "activity": ACTIVITY.empty()},
                    {"address": "new"})
"""


@pytest.mark.parametrize("had", [False, True])
@pytest.mark.parametrize(
    ("call", "count"),
    [("fsync", n) for n in range(7)] + [("replace", n) for n in range(3)] + [("rename", 0)],
)
def test_killed_in_the_middle_of_a_write(store: Store, call: str, count: int, *, had: bool) -> None:
    """The artifact is whole or absent: at each system call that a write makes."""
    if had:
        store.write(RECORDING, "dropouts", SLOT, TABLES, {"address": "old"})
    ran = run_python(KILL_AT, store.workspace, call, count)
    assert ran.returncode in {-9, 0}, ran.stderr
    manifest = store.manifest(RECORDING, "dropouts", SLOT)
    if manifest is not None:
        assert manifest["address"] in {"old", "new"}
        read = store.read(RECORDING, "dropouts", SLOT)
        assert read.keys() == TABLES.keys()
        assert read["dropouts"].height == (1 if manifest["address"] == "old" else 0)
    with store.lock():
        kept = [path.name for path in artifact(store).parent.iterdir()]
    assert kept in ([], [artifact(store).name])


def test_the_kills_above_do_kill(store: Store) -> None:
    assert run_python(KILL_AT, store.workspace, "fsync", 0).returncode == -9
    assert run_python(KILL_AT, store.workspace, "fsync", 100).returncode == 0


def test_write_private_is_the_old_or_the_new(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_private(file, b"old")
    with pytest.raises(TypeError):
        write_private(file, "no bytes")  # type: ignore[arg-type]
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


HOLD = """
    import sys, time
    from pathlib import Path
    from pipeline.workspace.store import Store
    with Store(Path(sys.argv[1])).lock():
        print("held", flush=True)
        time.sleep(60)
"""


def test_one_run_at_a_time_and_death_lets_go(store: Store) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), store.workspace],
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="another run is using"), store.lock():
            pass
        other.kill()
        other.wait()
        with store.lock():
            pass


def test_the_sweep_removes_what_is_half_written_and_nothing_else(store: Store) -> None:
    store.write(RECORDING, "dropouts", SLOT, TABLES, FACTS)
    half = artifact(store).parent / ".tmp-dead"
    half.mkdir()
    (half / "dropouts.parquet").write_bytes(b"half")
    (store.session(RECORDING) / ".tmp-report").write_bytes(b"half")
    (store.workspace / ".tmp-x").write_bytes(b"half")
    with store.lock():
        assert not [path for path in everything(store.workspace) if ".tmp-" in path.name]
        assert store.read(RECORDING, "dropouts", SLOT).keys() == TABLES.keys()


def test_scratch_has_no_name(store: Store) -> None:
    with store.scratch() as file:
        file.write(b"0" * 10_000_000)
        assert list(store.workspace.iterdir()) == []


def test_a_file_in_place_of_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "workspace").write_text("a file")
    for path in (tmp_path / "workspace", tmp_path / "workspace" / "deeper"):
        with pytest.raises(StoreError, match="cannot be created"):
            Store(path)


# Imports come first: nobody cannot read root's environment.
AS_NOBODY = """
    import io, os, sys, tempfile
    from pathlib import Path
    import polars as pl
    from pipeline import audio, config
    from pipeline.session import intake
    from pipeline.workspace.catalogue import Catalogue
    from pipeline.core.errors import TetherError
    from pipeline.workspace.store import Store, write_private
    from pipeline.core.tables import DROPOUTS
    settings = config.load()
    DROPOUTS.empty().write_parquet(io.BytesIO())
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
    folder = Path(sys.argv[1])
    def attempt(work):
        try:
            work()
            print("done")
        except TetherError as caught:
            print(type(caught).__name__, caught)
            assert str(folder) not in str(caught)
    store = Store.__new__(Store)
    store.workspace = folder
    attempt(lambda: Store(folder / "inner"))
    attempt(lambda: store.lock().__enter__())
    attempt(lambda: store.write("ab" * 32, "dropouts", "0" * 64,
                                {"dropouts": DROPOUTS.empty()}, {"address": "a"}))
    attempt(lambda: store.scratch())
    attempt(lambda: Catalogue(folder))
    attempt(lambda: audio.decode([folder / "private.wav"], tempfile.TemporaryFile, settings.audio))
    attempt(lambda: intake.read(intake.Named(folder / "private.wav", folder), consent=False))
"""


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    private = folder / "private.wav"
    private.write_bytes(b"RIFF")
    private.chmod(0o600)
    opened = [parent for parent in folder.parents if not parent.stat().st_mode & 0o001]
    modes = [parent.stat().st_mode for parent in opened]
    for parent in opened:
        parent.chmod(0o711)
    yield folder
    for parent, mode in zip(opened, modes, strict=True):
        parent.chmod(mode)


def test_a_workspace_that_cannot_be_written(read_only: Path) -> None:
    ran = run_python(AS_NOBODY, read_only)
    assert ran.returncode == 0, ran.stderr
    told = ran.stdout.splitlines()
    assert len(told) == 7
    for line in told[:5]:
        assert line.startswith("StoreError ")
        assert "make the workspace writable, or choose another" in line
    for line in told[5:]:
        assert line.startswith("InputError ")
        assert "permission denied" in line


def test_full_disk_keeps_what_was_finished(small_disk: Path) -> None:
    store = Store(small_disk / "workspace")
    store.write(RECORDING, "dropouts", SLOT, TABLES, FACTS)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"x" * 2_000_000)
    attempts: list[Callable[[], None]] = [
        lambda: store.write(RECORDING, "dropouts", "9" * 64, TABLES, FACTS),
        lambda: store.write(RECORDING, "dropouts", SLOT, TABLES, FACTS),
        lambda: write_private(store.workspace / "report.html", b"x" * 10_000),
    ]
    for attempt in attempts:
        with pytest.raises(StoreError, match="no space left") as caught:
            attempt()
        assert "free some space" in caught.value.hint
        assert "what was finished is kept" in caught.value.hint
    assert store.read(RECORDING, "dropouts", SLOT).keys() == TABLES.keys()
    filler.unlink()
    store.write(RECORDING, "dropouts", "9" * 64, TABLES, FACTS)
    assert not [path for path in everything(store.workspace) if ".tmp-" in path.name]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(value=st.dictionaries(st.text(), json_values, min_size=2))
def test_canonical_forgets_the_order_of_keys(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical(value) == canonical(turned)
    assert digest(canonical(value)) == digest(canonical(turned))


def test_time_of_a_write_stays_small(store: Store) -> None:
    """Two dozen artifacts per session: a write must not take a noticeable time."""
    began = time.process_time()
    for number in range(10):
        store.write(RECORDING, "dropouts", f"{number:064d}", TABLES, FACTS)
    assert time.process_time() - began < 2
