"""A pipeline in pyannote's real format, made on the spot, without a network."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.samples import Audio
from pipeline.config import Settings, load
from pipeline.core.errors import EngineError
from pipeline.core.tables import ACTIVITY, Metadata, Recording
from pipeline.engines import models
from pipeline.engines.diarization.pyannote import PyannoteDiarizer, _margin

# What a run does, in a process of its own that may reach no network; every attempt is noted.
PROGRAM = """
import json, sys, warnings
warnings.simplefilter("error")
tried = []
def note(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        tried.append(event)
sys.addaudithook(note)
from pipeline.config import load
from pipeline.engines.diarization.pyannote import PyannoteDiarizer
from pipeline.engines.protocols import Audio
from pipeline.core.tables import ACTIVITY, SPANS, Metadata, Recording
import tiny_models
engine = PyannoteDiarizer(load(overrides={"models_folder": sys.argv[1]}))
identity = dict(engine.identity())
assert not {"torch", "pyannote.audio"} & set(sys.modules)
sound = tiny_models.steps(6)
def diarize(audio, speakers):
    recording = Recording("0" * 64, 6000, 16000, 1, Metadata(speakers=speakers))
    return engine.diarize(audio, ACTIVITY.empty(), recording)
one = diarize(Audio([sound]), 2)
two = diarize(Audio([sound * 2, sound * 0]), None)
still = diarize(Audio([sound * 0]), None)
print(json.dumps({
    "identity": identity,
    "spans": SPANS.conform(one.spans).drop("confidence", "channel").rows(),
    "nulls": [one.spans["channel"].null_count(), one.spans["confidence"].null_count()],
    "same": one.spans.equals(two.spans),
    "still": still.spans.rows(),
    "margin": one.margin,
    "knows_overlap": one.knows_overlap,
    "tried": tried,
}))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a small pipeline, made by a process that is not this one."""
    place = tmp_path_factory.mktemp("pyannote")
    program = (
        "import sys, pathlib, tiny_models\n"
        "from pipeline.engines import models\n"
        "from pipeline.config import load\n"
        "models.offline()\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "settings = load(overrides={'models_folder': str(place / 'models')})\n"
        "models.import_(tiny_models.pyannote(place / 'source'), 'pyannote', settings)\n"
        "models.import_(tiny_models.pyannote(place / 'hub', parts='nobody/'), 'hub', settings)\n"
    )
    run([sys.executable, "-c", program, str(place)])
    return place / "models"


def run(command: list[str]) -> str:
    tests = str(Path(__file__).resolve().parent.parent)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": tests, "PYANNOTE_METRICS_ENABLED": "1"},
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


def cut_off() -> list[str]:
    """Prefix of a command that has no network; empty where that cannot be had."""
    command = ["unshare", "-n"]
    if shutil.which("unshare") is None:
        return []
    works = subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    return command if works else []


@pytest.fixture
def settings(folder: Path) -> Settings:
    return load(overrides={"models_folder": str(folder)})


def test_both_views_come_out_and_nothing_tries_the_network(folder: Path) -> None:
    out = run([*cut_off(), sys.executable, "-c", PROGRAM, str(folder)])
    found = json.loads(out.splitlines()[-1])

    assert found["tried"] == []
    assert found["identity"]["model"] == "pyannote"
    assert len(found["identity"]["digest"]) == 64
    spans = found["spans"]
    assert {row[2] for row in spans} == {"speaker 1", "speaker 2"}
    assert spans[0][2] == "speaker 1"
    assert [row[0] for row in spans] == sorted(row[0] for row in spans)
    assert all(0 <= start < end <= 6_000 for start, end, *_ in spans)
    assert found["nulls"] == [len(spans), len(spans)]
    exclusive = sorted((row[0], row[1]) for row in spans if row[3])
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(exclusive))
    regular = sorted((row[0], row[1]) for row in spans if row[4])
    assert any(a[1] > b[0] for a, b in itertools.pairwise(regular))
    assert 0 <= found["margin"] <= 1
    assert found["knows_overlap"] is True
    assert found["same"], "a second, silent channel and the level change nothing"
    assert isinstance(found["still"], list)


LOADING = """
import pathlib, sys, warnings
warnings.simplefilter("error")
from pipeline.config import load
from pipeline.engines.diarization.pyannote import PyannoteDiarizer
from pipeline.core.errors import EngineError
for name in sys.argv[2:]:
    settings = load(overrides={"models_folder": sys.argv[1], "pyannote.model": name})
    try:
        PyannoteDiarizer(settings)._pipeline()
        print(name, "loaded")
    except EngineError as caught:
        print(name, caught)
"""

# What a pipeline of somebody who means harm may hold; each would leave a file.
HARM = """
import os, pathlib, shutil, sys
os.environ.pop("TORCH_FORCE_WEIGHTS_ONLY_LOAD", None)  # whoever makes such files does not mind
import torch
models = pathlib.Path(sys.argv[1])
class Harm:
    def __reduce__(self):
        return (pathlib.Path.touch, (models / "harm",))
def altered(name):
    place = models / name
    shutil.copytree(models / "pyannote", place)
    record = place / "tether-model.json"
    record.write_text(record.read_text().replace('"name": "pyannote"', f'"name": "{name}"'))
    return place
def configured(name, old, new):
    config = altered(name) / "config.yaml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
def checkpoint(name, change):
    file = altered(name) / "segmentation" / "pytorch_model.bin"
    content = torch.load(file, weights_only=False)
    change(content)
    torch.save(content, file)
shell = f"name: subprocess.Popen\\n  params:\\n    args: [touch, '{models / 'harm'}']"
configured("class", "name: pyannote.audio.pipelines.SpeakerDiarization\\n  params:", shell)
configured("preprocessor", "params:\\n  clustering: {m",
           "preprocessors: {a: {name: subprocess.Popen, params: {args: [touch, x]}}}\\n"
           "params:\\n  clustering: {m")
configured("elsewhere", "$model/segmentation", str(models / "pyannote" / "segmentation"))
configured("above", "$model/segmentation", "$model/../pyannote/segmentation")
checkpoint("pickle", lambda content: content.update(extra=Harm()))
checkpoint("network", lambda content: content["pyannote.audio"]["architecture"].update(
    {"module": "subprocess", "class": "Popen"}))
"""


def test_no_code_of_a_pipeline_runs(folder: Path) -> None:
    run([sys.executable, "-c", HARM, str(folder)])
    refused = {
        "class": "asks for another class",
        "preprocessor": "asks for preprocessors",
        "elsewhere": "segmentation does not lie in its own folder",
        "above": "segmentation does not lie in its own folder",
        "hub": "segmentation does not lie in its own folder",
        "pickle": "segmentation is not weights alone (UnpicklingError)",
        "network": "segmentation asks for another network",
    }
    # A changed file has another size than its record says, which `find` would refuse before.
    for name in {*refused} - {"hub"}:
        record = folder / name / models.RECORD
        told = json.loads(record.read_text())
        for file, entry in told["files"].items():
            entry["bytes"] = (folder / name / file).stat().st_size
        record.write_text(json.dumps(told))
    names = [*refused, "pyannote"]
    out = run([*cut_off(), sys.executable, "-c", LOADING, str(folder), *names])
    lines = dict(line.split(" ", 1) for line in out.splitlines() if " " in line)
    assert lines.pop("pyannote") == "loaded"
    assert {name: why in lines[name] for name, why in refused.items()} == dict.fromkeys(
        refused, True
    ), out
    assert not (folder / "harm").exists()


def test_without_the_model_the_hint_is_the_command(tmp_path: Path) -> None:
    engine = PyannoteDiarizer(load(overrides={"models_folder": str(tmp_path)}))
    with pytest.raises(EngineError, match="tether models fetch pyannote"):
        engine.identity()


def test_another_kind_of_model_is_refused(settings: Settings, tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("")
    other = load(
        overrides={"models_folder": str(tmp_path / "models"), "pyannote.model": "whisper-x"}
    )
    models.import_(tmp_path, "whisper-x", other)
    with pytest.raises(EngineError, match="not a pyannote pipeline"):
        PyannoteDiarizer(other).identity()
    assert PyannoteDiarizer(settings).identity()["engine"] == "pyannote"


def test_a_transcript_alone_cannot_be_diarized(settings: Settings) -> None:
    recording = Recording("0" * 64, 1_000, None, 0, Metadata())
    with pytest.raises(EngineError, match="needs audio"):
        PyannoteDiarizer(settings).diarize(None, ACTIVITY.empty(), recording)


def test_the_margin_is_the_smallest_distance_of_two_speakers() -> None:
    right, up, near = [1.0, 0.0], [0.0, 2.0], [3.0, 3.0]
    assert _margin(np.array([right, up])) == pytest.approx(1.0)
    assert _margin(np.array([right, up, near])) == pytest.approx(1 - np.sqrt(0.5))
    assert _margin(np.array([right, right])) == pytest.approx(0.0)
    assert _margin(np.array([right, [-1.0, 0.0]])) == 1.0
    assert _margin(np.array([right])) is None
    assert _margin(np.array([right, [0.0, 0.0]])) is None
    assert _margin(np.array([right, [np.nan, 1.0]])) is None
    assert _margin(None) is None


def test_audio_of_several_channels_is_mixed() -> None:
    torch = pytest.importorskip("torch")
    from pipeline.engines.diarization.pyannote import _sound  # noqa: PLC0415 - after the skip

    random = np.random.default_rng(0)
    left, right = (random.standard_normal(3_000_000).astype(np.float32) for _ in range(2))
    made = _sound(Audio([left, right]))
    assert made["waveform"].shape == (1, 3_000_000)
    assert made["waveform"].dtype == torch.float32
    assert np.array_equal(made["waveform"][0].numpy(), (left + right) / np.float32(2))
