"""`tether gc` drops what nothing points at; `tether purge` removes a session and proves it."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import session
from pipeline.cli import main
from pipeline.cli.commands import correct
from pipeline.config import load
from pipeline.core.errors import InputError, StoreError
from pipeline.evaluation.material.batch_results import results_of
from pipeline.session import SessionResult
from pipeline.session.workbench import Workbench

VTT = """WEBVTT

00:01.000 --> 00:03.000
<v A>How are you today?

00:04.000 --> 00:06.000
<v B>I am fine, {}.
"""


def process(folder: Path, name: str, overrides: dict[str, object] | None = None) -> SessionResult:
    path = folder / f"{name}.vtt"
    path.write_text(VTT.format(name), encoding="utf-8")
    bench = Workbench(load("default", overrides), folder / "workspace")
    (result,) = results_of([path], bench)
    bench.catalogue.close()
    assert result.processed
    return result.processed


def tether(folder: Path, *arguments: str) -> int:
    """Exit code of a command on the workspace."""
    before = sys.argv
    sys.argv = ["tether", *arguments, "--workspace", str(folder / "workspace")]
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    finally:
        sys.argv = before
    return 0


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = Workbench(load(), tmp_path / "workspace")
    yield made
    made.catalogue.close()


def test_gc_tells_and_drops_what_no_walk_points_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bench: Workbench
) -> None:
    process(tmp_path, "thanks", {"turns.turn_pause_ms": 1999})
    last = process(tmp_path, "thanks")
    other = process(tmp_path, "again")
    kept = {(name, size) for _, name, size in session.unused(bench.store)}
    assert any(name.startswith("turns-") for name, _ in kept)
    assert not any(name.startswith("media-") for name, _ in kept)
    before = files(tmp_path)
    assert tether(tmp_path, "gc") == 0
    told = capsys.readouterr().out
    assert f"{len(kept)} outdated results, {sum(s for _, s in kept):,} bytes" in told
    assert files(tmp_path) == before
    assert tether(tmp_path, "gc", "--yes") == 0
    gone = {path.parent.name for path in before.keys() - files(tmp_path).keys()}
    assert gone == {name for name, _ in kept}
    assert list(session.unused(bench.store)) == []
    for processed in (last, other):
        found = session.reopen(processed.recording.recording_id, bench.store)
        assert found.tables.keys() == processed.tables.keys()
    assert process(tmp_path, "thanks").computed == ()


def test_gc_leaves_what_an_interrupted_run_goes_on_from(tmp_path: Path, bench: Workbench) -> None:
    process(tmp_path, "thanks")
    (note,) = tmp_path.glob("workspace/sessions/*/walk.json")
    note.unlink()
    assert tether(tmp_path, "gc", "--yes") == 0
    assert process(tmp_path, "thanks").computed == ("report",)
    assert list(session.unused(bench.store)) == []


def test_a_purged_session_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bench: Workbench
) -> None:
    gone, stays = process(tmp_path, "thanks"), process(tmp_path, "again")
    correct.set_roles(gone.recording.short_id, {"A": "client"}, tmp_path / "workspace", "default")
    correct.set_roles(stays.recording.short_id, {"A": "client"}, tmp_path / "workspace", "default")
    capsys.readouterr()
    assert tether(tmp_path, "purge", gone.recording.short_id, "--may-return") == 0
    assert capsys.readouterr().out == "left: nothing\n"
    short = gone.recording.short_id.encode()
    left = files(tmp_path / "workspace")
    assert not [path for path, content in left.items() if short in content]
    assert not [path for path, content in left.items() if b"fine, thanks" in content]
    assert not [path for path in left if gone.recording.short_id in str(path)]
    assert (tmp_path / "thanks.vtt").exists()
    assert bench.catalogue.corrections(stays.recording.recording_id) == {"A": "client"}
    assert "roles" not in process(tmp_path, "again").computed
    with pytest.raises(InputError, match="no session"):
        bench.catalogue.find(gone.recording.short_id)


def test_corrections_may_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bench: Workbench
) -> None:
    processed = process(tmp_path, "thanks")
    correct.set_roles(
        processed.recording.short_id, {"A": "client"}, tmp_path / "workspace", "default"
    )
    capsys.readouterr()
    purge = ("purge", processed.recording.short_id, "--may-return", "--keep-corrections")
    assert tether(tmp_path, *purge) == 0
    assert capsys.readouterr().out == "left: corrected roles of 1 speakers\n"
    assert bench.catalogue.corrections(processed.recording.recording_id) == {"A": "client"}
    assert process(tmp_path, "thanks").tables["roles"]["source"].to_list() == ["corrected"] * 2


def test_what_another_session_holds_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    processed = process(tmp_path, "thanks")
    other = process(tmp_path, "again")
    (note,) = tmp_path.glob(f"workspace/sessions/{other.recording.short_id}/report.html")
    note.write_text(processed.recording.short_id, encoding="utf-8")
    assert tether(tmp_path, "purge", processed.recording.short_id) == StoreError.exit_code
    assert f"left: its id, in sessions/{other.recording.short_id}" in capsys.readouterr().out


@pytest.mark.parametrize("command", [("gc", "--yes"), ("purge", "thanks.vtt")])
def test_nothing_is_removed_while_a_run_is_at_work(
    tmp_path: Path, bench: Workbench, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    process(tmp_path, "thanks")
    before = files(tmp_path / "workspace" / "sessions")
    with bench.store.lock():
        assert tether(tmp_path, *command) == StoreError.exit_code
    assert files(tmp_path / "workspace" / "sessions") == before


KILLED = """
    import os, shutil, signal, sys
    from pipeline.workspace import store
    from pipeline.cli import main
    step, victim = int(sys.argv.pop(1)), [0]
    def counted(real):
        def call(*arguments, **more):
            victim[0] += 1
            if victim[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **more)
        return call
    os.rename = counted(os.rename)
    os.unlink = counted(os.unlink)
    os.rmdir = counted(os.rmdir)
    main()
    sys.exit(0)
"""


@pytest.mark.parametrize("step", [1, 2, 9])
@pytest.mark.parametrize("command", ["gc", "purge"])
def test_killed_in_the_middle_the_next_call_ends_it(
    tmp_path: Path, command: str, step: int, bench: Workbench
) -> None:
    process(tmp_path, "thanks", {"turns.turn_pause_ms": 1999})
    processed = process(tmp_path, "thanks")
    short = processed.recording.short_id
    arguments = {"gc": ("gc", "--yes"), "purge": ("purge", short, "--may-return")}[command]
    place = ("--workspace", str(tmp_path / "workspace"))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(step), *arguments, *place],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert tether(tmp_path, *arguments) == 0
    if command == "gc":
        assert list(session.unused(bench.store)) == []
        assert process(tmp_path, "thanks").computed == ()
    else:
        left = files(tmp_path / "workspace")
        assert not [path for path, content in left.items() if short.encode() in content]
    assert not list(tmp_path.glob("workspace/**/.tmp-*"))
