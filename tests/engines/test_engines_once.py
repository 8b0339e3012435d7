"""One run, several recordings: each model is loaded once, and no recording changes another."""

from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
import pytest

from pipeline import config
from pipeline.core.errors import EngineError
from pipeline.core.tables import Tables
from pipeline.engines import models
from pipeline.session import intake
from pipeline.session.workbench import Workbench

pytestmark = pytest.mark.slow

LOADERS = {
    "words": ("faster_whisper", "WhisperModel"),
    "voices": ("pipeline.engines.diarization.segmentation.networks", "load"),
    "pitch": ("swift_f0", "SwiftF0"),
    "speech": ("onnxruntime", "InferenceSession"),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> list[Path]:
    """Three stretches of 20 s of an acted sample, as one microphone hears them."""
    try:
        for name in ("pyannote-parts", "whisper-base"):
            models.find(name, config.load())
    except EngineError as caught:
        pytest.skip(str(caught))
    with av.open(str(repository / "samples" / "rupture.flac")) as container:
        rate = container.streams.audio[0].rate
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    mixed = np.concatenate(frames, axis=1).astype(np.int32).reshape(-1, 2).sum(axis=1) // 2
    folder = tmp_path_factory.mktemp("clips")
    for number in range(3):
        part = mixed[number * 20 * rate :][: 20 * rate].astype(np.int16)
        with av.open(str(folder / f"{number}.flac"), "w") as container:
            stream = container.add_stream("flac", rate=rate, layout="mono")
            frame = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
            frame.sample_rate = rate
            container.mux([*stream.encode(frame), *stream.encode(None)])
    return sorted(folder.iterdir())


def run(clips: list[Path], workspace: Path) -> list[Tables]:
    bench = Workbench(config.load(overrides={"transcription.language": "en"}), workspace)
    return [
        bench.process(intake.read(named, consent=False)).tables for named in intake.discover(clips)
    ]


@pytest.fixture(scope="module")
def together(
    clips: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Tables], Counter[str]]:
    """Tables of the three, processed one after the other, and how often each model was loaded."""
    loaded: Counter[str] = Counter()

    def counting(what: str, real: Any) -> Any:
        def load(*given: Any, **named: Any) -> Any:
            loaded[what] += 1
            return real(*given, **named)

        return load

    with pytest.MonkeyPatch.context() as patched:
        for what, (place, name) in LOADERS.items():
            module = import_module(place)  # the one that engines get: another test may take it away
            patched.setattr(module, name, counting(what, getattr(module, name)))
        tables = run(clips, tmp_path_factory.mktemp("together"))
    return tables, loaded


def test_three_recordings_load_each_model_once(
    together: tuple[list[Tables], Counter[str]],
) -> None:
    tables, loaded = together
    assert all(found["words"].height for found in tables)
    # The pitch tracker's network is a session of onnxruntime as well.
    assert loaded == dict.fromkeys(LOADERS, 1) | {"speech": 2}


def test_an_engine_keeps_nothing_of_the_recording_before(
    clips: list[Path], together: tuple[list[Tables], Counter[str]], tmp_path: Path
) -> None:
    last = together[0][2]
    alone = run(clips[2:], tmp_path)[0]
    for name in ("spans", "words", "frames"):
        assert pl.DataFrame.equals(last[name], alone[name]), name
