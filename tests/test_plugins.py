"""A package outside of Tether adds a diarizer, a transcriber, a feature and a rule on it.

The package is the one of `docs/plugins.md`. It is laid out as an installer lays it out, found
through its entry points, and used by the command line in a process of its own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

pytestmark = pytest.mark.slow  # each command is a process of its own

EXAMPLE = Path(__file__).resolve().parents[1] / "docs" / "examples" / "plugin"
CLIP_S = 60


def install(package: Path, site: Path, entry_points: dict[str, dict[str, str]]) -> None:
    """Lay a package and the record of its entry points into a folder of packages."""
    shutil.copytree(package, site / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    record = site / f"{package.name}-1.0.dist-info"
    record.mkdir()
    name = f"tether-{package.name}"
    (record / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8"
    )
    lines = [
        line
        for group, entries in entry_points.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (record / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


@dataclass(frozen=True)
class Machine:
    """A machine on which packages are installed beside Tether."""

    site: Path

    def tether(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        paths = [str(self.site), str(EXAMPLE.parents[2]), os.environ.get("PYTHONPATH", "")]
        ran = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *arguments],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran

    def json(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.tether(*arguments, "--json").stdout)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install(EXAMPLE / "alternate", site, project["entry-points"])
    for name in ("settings.yaml", "rules.yaml"):
        shutil.copy(EXAMPLE / name, site / name)
    return Machine(site)


@pytest.fixture(scope="module")
def broken(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The same, and a package that cannot be imported."""
    folder = tmp_path_factory.mktemp("broken")
    site = folder / "site"
    shutil.copytree(machine.site, site)
    package = folder / "harmed"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "engines.py").write_text(
        "from pipeline.engines import engine\n\n\n"
        '@engine("diarizer", "half")\nclass Half:\n    pass\n\n\nimport no_such_library\n',
        encoding="utf-8",
    )
    (package / "features.py").write_text("features = (1,)\n", encoding="utf-8")
    entries = {
        "tether.engines": {"harmed": "harmed.engines"},
        "tether.features": {"harmed": "harmed.features:features"},
    }
    install(package, site, entries)
    return Machine(site)


def clip(path: Path, repository: Path) -> Path:
    """The beginning of an acted sample, as one microphone hears it."""
    with av.open(str(repository / "samples" / "rupture.flac")) as container:
        rate = container.streams.audio[0].rate
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    stereo = np.concatenate(frames, axis=1).astype(np.int32).reshape(-1, 2)
    mixed = (stereo.sum(axis=1) // 2)[: CLIP_S * rate].astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(mixed[None], format="s16", layout="mono")
        frame.sample_rate = rate
        container.mux([*stream.encode(frame), *stream.encode(None)])
    path.with_name(f"{path.name}.yaml").write_text(
        "roles: {speaker 1: therapist, speaker 2: client}\n", encoding="utf-8"
    )
    return path


def test_a_session_is_processed_with_them(
    machine: Machine, repository: Path, tmp_path: Path
) -> None:
    recording = clip(tmp_path / "clip.flac", repository)
    workspace, settings = tmp_path / "workspace", str(machine.site / "settings.yaml")
    where = ("--workspace", str(workspace))

    def run(*options: str) -> dict[str, Any]:
        ran = machine.tether("run", str(recording), *where, "--json", *options)
        told: dict[str, Any] = json.loads(ran.stdout.splitlines()[0])
        return told

    def table(name: str) -> list[dict[str, Any]]:
        arguments = (session, *where, "--format", "json", "--output", str(tmp_path / "out"))
        machine.tether("export", *arguments, "--tables", name)
        (file,) = (tmp_path / "out").rglob(f"*{name}*.json")
        rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return rows

    told = run("--config", settings)
    session = str(told["recording_id"])[:12]
    assert told["engines"]["who spoke when"] == ["alternate", "as configured"]
    assert told["engines"]["words"] == ["syllables", "as configured"]
    spans = table("spans")
    assert {row["speaker"] for row in spans} == {"speaker 1", "speaker 2"}
    for before, after in pairwise(spans):
        changes = before["speaker"] != after["speaker"]
        assert changes == (after["start_ms"] - before["end_ms"] >= 300)
    assert {row["text"] for row in table("words")} == {"la"}

    shares = [row for row in table("measures") if row["feature"] == "share_of_talk"]
    assert sum(row["value"] for row in shares) == pytest.approx(1)
    turns = {row["turn_id"]: row for row in table("turns")}
    assert {row["item_id"] for row in shares} == set(turns)
    speakers = Counter(turn["speaker"] for turn in turns.values())
    assert all(row["n_baseline"] == speakers[row["speaker"]] for row in shares)
    hits = table("hits")
    assert {row["rule"] for row in hits} == {"holds-the-floor"}
    large = {
        row["item_id"]
        for row in shares
        if row["value"] >= 0.1 and turns[row["item_id"]]["speaker"] == "speaker 2"
    }
    assert {turn for row in hits for turn in row["item_ids"]} == large != set()
    assert table("moments")

    # Their settings are part of the address of what they made; the words rest on the spans.
    other = tmp_path / "other.yaml"
    other.write_text(f"extends: {settings}\nalternate: {{pause_ms: 900}}\n", encoding="utf-8")
    assert run("--config", settings)["computed"] == []
    again = run("--config", str(other))["computed"]
    assert {"spans", "words", "turns"} <= set(again)
    assert "activity" not in again


def test_they_are_listed_like_built_in_ones(machine: Machine) -> None:
    found = {finding["subject"]: finding for finding in machine.json("doctor")}
    assert found["diarizer alternate"]["state"] == "here"
    assert found["transcriber syllables"]["text"] == "engine syllables, version 1"
    assert not [subject for subject in found if subject.startswith("plug-in")]
    (feature,) = machine.json("measures", "share_of_talk")
    assert (feature["item"], feature["source"]) == ("turn", "an example")
    schema = json.loads(machine.tether("rules", "schema", "settings").stdout)
    parts = schema["$defs"]
    assert "alternate" in parts["Engines"]["properties"]["diarizer"]["enum"]
    assert parts["Alternate"]["properties"]["pause_ms"]["default"] == 500


def test_mistakes_in_their_settings_are_told_like_any_other(
    machine: Machine, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "engines: {diarizer: alternat}\nalternate:\n  pause: 3\n  pause_ms: -1\n", encoding="utf-8"
    )
    told = machine.tether("rules", "list", "--config", str(mine), code=2).stderr
    assert "mine.yaml:1: engines.diarizer: unknown diarizer 'alternat'" in told
    assert "did you mean 'alternate'?" in told
    assert "mine.yaml:3: alternate.pause: unknown key; did you mean 'pause_ms'?" in told
    assert "mine.yaml:4: alternate.pause_ms: " in told


def test_one_that_cannot_be_imported_costs_nothing_else(broken: Machine, tmp_path: Path) -> None:
    assert "no_such_library" not in broken.tether("--help").stdout
    found = {finding["subject"]: finding for finding in broken.json("doctor")}
    assert found["diarizer alternate"]["state"] == "here"
    assert "diarizer half" not in found  # registered before the import failed
    package = "'harmed' of the package 'tether-harmed' cannot be used"
    engines = f"engines {package} (ModuleNotFoundError: No module named 'no_such_library')"
    features = f"features {package} (ConfigError: int is no Feature)"
    assert found["plug-in harmed engines"]["text"] == f"plug-in {engines}"
    assert found["plug-in harmed features"]["text"] == f"plug-in {features}"
    mine = tmp_path / "mine.yaml"
    mine.write_text("engines: {diarizer: half}\nhalf: {}\n", encoding="utf-8")
    told = broken.tether("rules", "list", "--config", str(mine), code=2).stderr
    assert "unknown diarizer 'half'" in told
    assert engines in told
    rules = (broken.site / "rules.yaml").read_text(encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(rules.replace("share_of_talk", "harm"), encoding="utf-8")
    told = broken.tether("rules", "check", str(tmp_path / "rules.yaml"), code=2).stderr
    assert features in told


def test_the_page_shows_this_very_code(repository: Path) -> None:
    page = (repository / "docs" / "plugins.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', page, re.DOTALL))
    files = [path for path in EXAMPLE.rglob("*") if path.suffix in {".py", ".yaml", ".toml"}]
    written = {str(path.relative_to(EXAMPLE)): path.read_text(encoding="utf-8") for path in files}
    assert shown == {name: text for name, text in written.items() if "__init__" not in name}
