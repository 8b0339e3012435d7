"""A workspace that may not be written is read: somebody else's, or one that is mounted so."""

import ast
import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import StoreError
from pipeline.workspace.catalogue import Catalogue
from pipeline.workspace.verdicts import Ledger, Verdict

NOBODY = 65534
NOW = dt.datetime(2026, 11, 28, 16, 30, tzinfo=dt.UTC)

AS_NOBODY = """
    import os, sys
    from pipeline.cli import main
    def tether(*arguments):
        sys.argv = ["tether", *arguments]
        try:
            main()
        except SystemExit as left:
            return left.code or 0
        return 0
    def every(workspace, out, session):
        place = ("--workspace", workspace)
        return {
            "sessions": tether("sessions", *place),
            "json": tether("sessions", "--json", *place),
            "report": tether("report", session, *place),
            "output": tether("report", session, "--output", out + "/report.html", *place),
            "export": tether("export", session, "--output", out, *place),
            "verdicts": tether("verdicts", *place),
            "codes": tether("verdicts", "--codes", out, *place),
            "trace": tether("rules", "trace", session, "--at", "0:25", *place),
            "evaluate": tether("evaluate", "--verdicts", *place),
            "settings": tether("evaluate", "--verdicts", "--config", "strict", *place),
            "withheld": tether("withheld", *place),
            "enrol": tether("enrol", "--list", *place),
        }
    workspace, warm, out, session = sys.argv[1:]
    if warm != "-":
        every(warm, out + "/warm", session)  # imports come first: nobody cannot read root's
        os.setgroups([]), os.setgid(65534), os.setuid(65534)
    print("exits:", every(workspace, out, session))
    print("correct:", tether("correct", session, "client=other", "--workspace", workspace))
"""


def run(*arguments: str) -> tuple[dict[str, int], str]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(AS_NOBODY), *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("exits: ")]
    assert len(lines) == 1, done.stderr
    assert f"correct: {StoreError.exit_code}" in done.stdout
    codes: dict[str, int] = ast.literal_eval(lines[0].removeprefix("exits: "))
    return codes, done.stdout + done.stderr


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that nobody may pass through; pytest's are closed."""
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody, and mount")
    with tempfile.TemporaryDirectory(prefix="tether-read-only-") as name:
        Path(name).chmod(0o755)
        (Path(name) / "out" / "warm").mkdir(parents=True)
        (Path(name) / "out").chmod(0o777)
        yield Path(name)


@pytest.fixture
def workspace(five_processed: Path, place: Path) -> Path:
    """Readable by everybody, writable by root."""
    folder = place / "room 4 ü?" / "ws"
    shutil.copytree(five_processed, folder)
    ledger = Ledger(folder)
    said = Verdict(first(folder), 4200, 6000, "confirm", "AK", NOW, "confrontation", "C1")
    ledger.append(replace(said, kind="confrontation", marker="C1"))
    ledger.close()
    for path in [folder.parent, folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def content(folder: Path) -> dict[Path, object]:
    return {
        path: (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
        for path in [folder, *folder.rglob("*")]
    }


def first(workspace: Path) -> str:
    catalogue = Catalogue(workspace)
    found = catalogue.entries()[0].recording_id
    catalogue.close()
    return found


def test_nobody_reads_what_root_owns(workspace: Path, place: Path) -> None:
    warm = place / "warm"
    shutil.copytree(workspace, warm)
    name = first(workspace)
    before = content(workspace)
    codes, said = run(str(workspace), str(warm), str(place / "out"), name)
    assert set(codes.values()) == {0}, (codes, said)
    assert content(workspace) == before
    assert (place / "out" / "report.html").stat().st_uid == NOBODY
    assert "make the workspace writable" in said


def test_a_mount_that_may_not_be_written(workspace: Path, place: Path) -> None:
    name = first(workspace)
    mounted = place / "mounted"
    mounted.mkdir()
    bound = subprocess.run(["mount", "--bind", workspace, mounted], check=False)
    if bound.returncode:
        pytest.skip("no mount here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", mounted], check=True)
        before = content(mounted)
        codes, said = run(str(mounted), "-", str(place / "out"), name)
        assert set(codes.values()) == {0}, (codes, said)
        assert content(mounted) == before
    finally:
        subprocess.run(["umount", "-l", mounted], check=True)


DECISIONS = """
    import os, sys
    from pathlib import Path
    from pipeline.core.errors import StoreError
    from pipeline.workspace.verdicts import Ledger
    Ledger(Path(sys.argv[1])).all()  # imports come first
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
    for name in sys.argv[2:]:
        try:
            print(len(Ledger(Path(name)).all()))
        except StoreError as caught:
            print(caught)
"""


def test_decisions_that_are_not_yet_in_the_file_are_read_or_said(place: Path) -> None:
    """A desk that is open, one that was killed, and a copy that lacks what SQLite needs."""
    warm, alive, killed, torn = (place / name for name in ("warm", "alive", "killed", "torn"))
    for folder in (warm, alive):
        folder.mkdir(mode=0o755)
    ledger = Ledger(alive)
    ledger.append(Verdict("a" * 64, 0, 9, "confirm", "AK", NOW, "withdrawal"))
    shutil.copytree(alive, killed)
    shutil.copytree(alive, torn)
    assert (torn / "tether.db-wal").stat().st_size
    (torn / "tether.db-shm").unlink()
    for file in place.rglob("tether.db*"):
        file.chmod(0o644)
    asked = [str(folder) for folder in (alive, killed, torn)]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DECISIONS), str(warm), *asked],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    ledger.close()
    found = done.stdout.splitlines()
    assert found[:2] == ["1", "1"], done.stderr + done.stdout
    assert "recent changes that cannot be read" in found[2]
