"""`tether enrol`: off unless it is switched on, and forgotten for good."""

import stat
import sys
import wave
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import session
from pipeline.audio.samples import Samples
from pipeline.cli import main
from pipeline.cli.commands import correct
from pipeline.cli.commands import enrol as enrolment
from pipeline.config import load
from pipeline.core import registry
from pipeline.core.errors import ConfigError, EngineError, InputError
from pipeline.engines.protocols import Identity
from pipeline.evaluation.material.batch_results import results_of
from pipeline.session import SessionResult, intake
from pipeline.session.workbench import Workbench

ON: dict[str, object] = {"roles.enrolment": True, "engines.transcriber": "none"}
PROFILE = "roles: {enrolment: true}\nengines: {transcriber: none}\n"
RTTM = "".join(
    f"SPEAKER a 1 {start} 7.5 <NA> <NA> {who} <NA> <NA>\n"
    for start, who in ((0, "Ann"), (8, "Bob"), (16, "Ann"), (24, "Bob"))
)


class Loudness:
    """An encoder by loudness: the vector turns with the level of the piece."""

    def __init__(self, settings: object = None) -> None:
        del settings

    def identity(self) -> Identity:
        return {"engine": "loudness", "model": "loudness"}

    def vectors(self, pieces: Sequence[Callable[[], Samples]]) -> NDArray[np.float32]:
        angles = [float(np.sqrt(np.mean(piece() ** 2))) * 10 for piece in pieces]
        return np.array([[np.cos(a), np.sin(a)] for a in angles], dtype=np.float32)


@pytest.fixture(autouse=True)
def loudness(monkeypatch: pytest.MonkeyPatch) -> None:
    ge2e = registry.find("voice encoder", "ge2e")
    monkeypatch.setitem(registry._ENGINES, (ge2e.kind, ge2e.name), replace(ge2e, make=Loudness))


def record(path: Path, seed: int, sidecar: str) -> Path:
    """Ann speaks softly and Bob loudly, in noise that is another in each recording."""
    noise = np.random.default_rng(seed).normal(0, 1, 32 * 16_000)
    loud = np.repeat([0.02, 0.12, 0.02, 0.12], 8 * 16_000)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((noise * loud * 32767).astype("<i2").tobytes())
    path.with_suffix(".rttm").write_text(RTTM.replace(" a ", f" {path.stem} "), encoding="utf-8")
    path.with_name(f"{path.name}.yaml").write_text(
        f"diarization: {path.stem}.rttm\n{sidecar}", encoding="utf-8"
    )
    return path


def process(path: Path, bench: Workbench) -> SessionResult:
    (result,) = results_of([path], bench)
    assert result.processed, result.error
    return result.processed


def bench(folder: Path, overrides: dict[str, object] | None = None) -> Workbench:
    return Workbench(load("default", overrides or ON), folder / "workspace")


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A walked session whose therapist, Bob, a sidecar names."""
    path = record(tmp_path / "first.wav", 0, "roles: {Bob: therapist}\ntherapist: T-01\n")
    process(path, bench(tmp_path))
    return path


def sources(processed: SessionResult) -> dict[str, tuple[str, str]]:
    rows = processed.tables["roles"].iter_rows(named=True)
    return {row["speaker"]: (row["role"], row["source"]) for row in rows}


def enrol(path: Path, therapist: str = "T-01") -> None:
    profile = path.with_name("on.yaml")
    profile.write_text(PROFILE, encoding="utf-8")
    enrolment.keep(str(path), therapist, path.parent / "workspace", str(profile))


def test_enrolment_is_off_and_says_how_to_switch_it_on(first: Path) -> None:
    with pytest.raises(ConfigError, match=r"identifies a person.*enrolment: true"):
        enrolment.keep(str(first), "T-01", first.parent / "workspace", "default")
    assert load().roles.enrolment is False


def test_an_enrolled_voice_is_known_in_another_session(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = record(tmp_path / "second.wav", 1, "")
    before = process(second, bench(tmp_path))
    assert {role for role, _ in sources(before).values()} == {"unknown"}
    assert "voices" not in before.tables
    enrol(first)
    told = capsys.readouterr().out
    assert "mean voice of T-01, 2 numbers, from 15 s" in told
    assert "tether enrol --forget T-01" in told
    after = process(second, bench(tmp_path))
    assert sources(after) == {"Bob": ("therapist", "enrolled"), "Ann": ("client", "enrolled")}
    assert after.computed[:2] == ("voices", "roles")
    assert process(second, bench(tmp_path)).computed == ()
    # With enrolment off the voice is not used, and nothing of it is in the session's tables.
    off = process(second, bench(tmp_path, {"engines.transcriber": "none"}))
    assert "voices" not in off.tables
    assert {role for role, _ in sources(off).values()} == {"unknown"}


def test_a_correction_of_a_session_with_an_enrolled_voice(first: Path, tmp_path: Path) -> None:
    second = record(tmp_path / "second.wav", 1, "")
    enrol(first)
    processed = process(second, bench(tmp_path))
    profile = str(first.with_name("on.yaml"))
    off = str(first.with_name("off.yaml"))
    Path(off).write_text("engines: {transcriber: none}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="differ in roles"):
        correct.set_roles(str(second), {"Ann": "other"}, tmp_path / "workspace", off)
    correct.set_roles(str(second), {"Ann": "other"}, tmp_path / "workspace", off, anew=True)
    without = session.reopen(processed.recording.recording_id, bench(tmp_path).store)
    assert sources(without) == {"Ann": ("other", "corrected"), "Bob": ("unknown", "unknown")}
    correct.set_roles(str(second), {"Ann": "therapist"}, tmp_path / "workspace", profile, anew=True)
    found = process(second, bench(tmp_path))
    assert "roles" not in found.computed
    assert sources(found) == {"Ann": ("therapist", "corrected"), "Bob": ("client", "corrected")}
    assert found.tables["voices"].equals(processed.tables["voices"])


def test_only_the_therapist_whom_the_sidecar_names_is_compared(first: Path, tmp_path: Path) -> None:
    enrol(first)
    other = record(tmp_path / "other.wav", 2, "therapist: T-02\n")
    assert "voices" not in process(other, bench(tmp_path)).tables
    same = record(tmp_path / "same.wav", 3, "therapist: T-01\n")
    assert sources(process(same, bench(tmp_path)))["Bob"] == ("therapist", "enrolled")


def test_nobody_is_enrolled_whom_no_person_called_the_therapist(tmp_path: Path) -> None:
    path = record(tmp_path / "a.wav", 0, "")
    process(path, bench(tmp_path))
    with pytest.raises(InputError, match="an inferred role must not decide"):
        enrol(path)


def test_another_therapist_than_the_sidecars_is_refused(first: Path) -> None:
    with pytest.raises(ConfigError, match="names another therapist"):
        enrol(first, "T-02")


def test_a_recording_that_changed_or_went_is_refused(first: Path) -> None:
    kept = first.read_bytes()
    first.write_bytes(kept[:-2])
    with pytest.raises(InputError, match="has changed, or has no audio"):
        enrol(first)
    first.unlink()
    with pytest.raises(InputError):
        enrol(first)


def test_a_voice_of_another_network_is_refused(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(first)
    monkeypatch.setattr(Loudness, "identity", lambda _: {"engine": "loudness", "model": "next"})
    (named,) = intake.discover([first])
    with pytest.raises(EngineError, match=r"another model.*--forget THERAPIST"):
        bench(tmp_path).process(intake.read(named, consent=False))


def test_a_forgotten_voice_is_gone_from_the_disk(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "workspace"
    enrol(first)
    (voice,) = bench(tmp_path).catalogue.voices()
    files = list(workspace.rglob("*"))
    assert stat.S_IMODE((workspace / "tether.db").stat().st_mode) == 0o600
    holding = [f for f in files if f.is_file() and voice.vector in f.read_bytes()]
    assert {file.name.removesuffix("-wal") for file in holding} == {"tether.db"}
    enrolment.show(workspace)
    assert "T-01  15 s of speech" in capsys.readouterr().out
    with pytest.raises(InputError, match="no voice of 'T-02'"):
        enrolment.forget_voice("T-02", workspace)
    enrolment.forget_voice("T-01", workspace)
    assert "gone" in capsys.readouterr().out
    files = [file for file in workspace.rglob("*") if file.is_file()]
    assert not [file for file in files if voice.vector in file.read_bytes()]
    enrolment.show(workspace)
    assert "no voice is enrolled" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["abcdef"], ["--list", "--forget", "T"], ["a", "b", "--list"]]
)
def test_half_a_command_is_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tether", "enrol", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
