"""Plugs by name; an unknown one names its nearest."""

import subprocess
import sys

import pytest

from pipeline.core.errors import ConfigError
from pipeline.core.registry import Registry, nearest


def test_a_plug_is_imported_when_it_is_asked_for() -> None:
    registry = Registry("plug", {"broken": "no.such.module:Thing", "fine": "json:dumps"})
    assert registry.names() == ["broken", "fine"]
    assert registry.get("fine")([1]) == "[1]"
    with pytest.raises(ModuleNotFoundError):
        registry.get("broken")


def test_another_plug_may_be_added() -> None:
    places = {"one": "json:dumps"}
    registry = Registry("plug", places)
    registry.add("two", "json:loads")
    assert registry.names() == ["one", "two"]
    assert places == {"one": "json:dumps"}
    assert registry.get("two")("[1]") == [1]


def test_an_unknown_name() -> None:
    registry = Registry("diarizer", {"channels": "a:b", "clustering": "a:b"})
    with pytest.raises(ConfigError, match="unknown diarizer 'chanels'") as caught:
        registry.get("chanels")
    assert caught.value.expected == "did you mean 'channels'?"


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
