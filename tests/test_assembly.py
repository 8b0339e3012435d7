"""A workbench walks anew what the user changed, and refuses what it would do wrong in silence."""

import wave
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline import config, intake
from pipeline.assembly import Workbench
from pipeline.engines.scripted import ScriptedDiarizer, ScriptedTranscriber
from pipeline.errors import EngineError
from pipeline.session import Walked
from pipeline.tables import SPANS, WORDS

VTT = """WEBVTT

00:01.000 --> 00:03.000
<v therapist>{} are you today?

00:04.000 --> 00:06.000
<v client>I am fine, thanks.
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Eight seconds of faint noise, with a transcript that says who speaks."""
    path = tmp_path / "a.wav"
    noise = np.random.default_rng(0).normal(0, 30, 8 * 16_000)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(noise.astype("<i2").tobytes())
    (tmp_path / "a.vtt").write_text(VTT.format("How"), encoding="utf-8")
    sidecar = "transcript: a.vtt\ndiarization: a.vtt\n"
    (tmp_path / "a.wav.yaml").write_text(sidecar, encoding="utf-8")
    return path


def bench(folder: Path, overrides: dict[str, object] | None = None, **engines: object) -> Workbench:
    return Workbench(config.load("default", overrides), folder / "workspace", engines=engines)


def walk(recording: Path, at: Workbench) -> Walked:
    (named,) = intake.discover([recording])
    return at.walk(intake.read(named, consent=False))


def test_a_changed_transcript_is_read_anew(recording: Path, tmp_path: Path) -> None:
    first = walk(recording, bench(tmp_path))
    assert first.tables["words"]["text"][0] == "How"
    assert walk(recording, bench(tmp_path)).computed == ()
    (tmp_path / "a.vtt").write_text(VTT.format("Where"), encoding="utf-8")
    second = walk(recording, bench(tmp_path))
    assert second.tables["words"]["text"][0] == "Where"
    assert second.stale == ()


def test_other_scripts_give_other_tables(recording: Path, tmp_path: Path) -> None:
    def scripted(end_ms: int, text: str) -> Walked:
        span = {"start_ms": 0, "end_ms": end_ms, "speaker": "A"}
        spans = SPANS.frame([{**span, "exclusive": True, "regular": True}])
        words = WORDS.frame([{**span, "word_id": 0, "text": text, "timing": "aligned"}])
        diarizer, transcriber = ScriptedDiarizer(spans), ScriptedTranscriber(words)
        return walk(recording, bench(tmp_path, diarizer=diarizer, transcriber=transcriber))

    assert scripted(1000, "yes").tables["turns"]["text"].to_list() == ["yes"]
    other = scripted(2000, "no").tables["turns"]
    assert other["text"].to_list() == ["no"]
    assert other["end_ms"].to_list() == [2000]


def test_a_named_transcriber_is_not_given_a_language_that_it_does_not_know(
    recording: Path, tmp_path: Path
) -> None:
    sidecar = tmp_path / "a.wav.yaml"
    sidecar.write_text("diarization: a.vtt\nlanguage: de\n", encoding="utf-8")
    named = bench(tmp_path, {"engines.transcriber": "moonshine"})
    with pytest.raises(EngineError, match="'de'"):
        walk(recording, named)


def test_roles_decided_again_use_the_language_of_the_walk(recording: Path, tmp_path: Path) -> None:
    """Without words the language that was heard is null; that of the walk is not."""
    at = bench(tmp_path, {"engines.transcriber": "none"})
    first = walk(recording, at)
    again = at.decide_again(first.recording.recording_id)
    assert again.computed == ()
    assert again.provenance == first.provenance


def test_the_report_names_the_rules_that_were_used_last(recording: Path, tmp_path: Path) -> None:
    first = walk(recording, bench(tmp_path))
    fewer = bench(tmp_path, {"rules": ["withdrawal"]})
    again = fewer.decide_again(first.recording.recording_id)
    kinds = {rule.kind for rule in again.provenance.rules}
    assert kinds == {"withdrawal"} < {rule.kind for rule in first.provenance.rules}
    assert isinstance(again.tables["hits"], pl.DataFrame)


def test_lines_without_an_end_say_nothing_of_timing(tmp_path: Path) -> None:
    """Their ends are the next starts: every answer would seem to come at once."""
    table = "role,start_ms,end_ms,text\n" + "".join(
        f"{role},{start},{{}},No that is not right at all\n"
        for role, start in (("therapist", 0), ("client", 5000), ("therapist", 9000))
    )
    for name, ends in (("open", ("", "", "")), ("closed", (4000, 8000, 12_000))):
        path = tmp_path / f"{name}.csv"
        path.write_text(table.format(*ends), encoding="utf-8")
        quality = walk(path, bench(tmp_path)).tables["quality"]
        disabled = set(quality["disables"].explode().drop_nulls())
        assert ("timing" in disabled) == (name == "open")
