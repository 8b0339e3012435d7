"""Engines by kind and name; an unknown one names its nearest."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from pipeline.config import Section
from pipeline.core import registry
from pipeline.core.errors import ConfigError
from pipeline.core.registry import engine, nearest


class Murmur(Section):
    """Settings of an engine."""


class Other(Section):
    """Settings of another."""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    registry.engines()
    before = dict(registry._ENGINES)
    yield
    registry._ENGINES.clear()
    registry._ENGINES.update(before)


def test_an_engine_is_found_by_its_name() -> None:
    @engine("diarizer", "murmur", settings=Murmur, auto=0)
    class Diarizer:
        pass

    found = registry.find("diarizer", "murmur")
    assert (found.make, found.settings) == (Diarizer, Murmur)
    assert registry.names("diarizer")[0] == "murmur"
    assert registry.sections()["murmur"] is Murmur


def test_engines_stand_in_the_order_in_which_auto_tries_them() -> None:
    assert registry.names("diarizer") == ("pyannote", "segmentation", "clustering", "channels")
    assert registry.names("transcriber") == ("faster_whisper",)
    assert registry.names("pitch tracker") == ("pyin", "swift_f0")
    assert {each.kind for each in registry.engines()} == set(registry.KINDS)


def test_an_unknown_name() -> None:
    with pytest.raises(ConfigError, match="unknown diarizer 'chanels'") as caught:
        registry.find("diarizer", "chanels")
    assert caught.value.expected == "did you mean 'channels'?"


def test_an_unknown_kind() -> None:
    with pytest.raises(ConfigError, match="did you mean 'diarizer'"):
        engine("diariser", "murmur")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["auto", "none", "imported", "a-b", "", "_a", "rules", "copy"])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name"):
        engine("diarizer", name, settings=Murmur)


def test_a_name_is_taken_once_for_each_kind() -> None:
    def make(_settings: object) -> object:
        return None

    with pytest.raises(ConfigError, match=r"taken by pipeline\.engines\.diarization\.clustering"):
        engine("diarizer", "clustering")(make)
    engine("transcriber", "clustering")(make)  # of another kind, without settings
    with pytest.raises(ConfigError, match="is taken"):
        engine("pitch tracker", "clustering", settings=Other)(make)


def test_nearest() -> None:
    assert nearest("qqq", ["b", "a"]) == "known: a, b"
    assert nearest("", []) == "known: "


def test_importing_pipeline_is_quick_and_loads_no_library() -> None:
    script = (
        "import sys, time; began = time.process_time(); import pipeline; "
        "print(time.process_time() - began); "
        "print(sorted({'torch', 'polars', 'av', 'faster_whisper', 'librosa'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seconds, loaded = ran.stdout.splitlines()
    assert float(seconds) < 0.5
    assert loaded == "[]"


def test_finding_the_engines_loads_no_model_library() -> None:
    script = (
        "import sys; from pipeline.core import registry; assert registry.engines(); "
        "libraries = {'torch', 'pyannote', 'faster_whisper', 'librosa', "
        "'onnxruntime', 'swift_f0', 'tokenizers', 'transformers'}; "
        "print(sorted(libraries & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
