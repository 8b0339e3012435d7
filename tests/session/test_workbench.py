"""A workbench walks anew what the user changed, and refuses what it would do wrong in silence."""

import datetime as dt
import json
import wave
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline import config, session
from pipeline.core.errors import EngineError
from pipeline.core.tables import MEDIA, SPANS, WORDS
from pipeline.engines.scripted import ScriptedDiarizer, ScriptedTranscriber
from pipeline.engines.transcription.faster_whisper import FasterWhisperTranscriber
from pipeline.session import SessionResult, intake
from pipeline.session.workbench import Workbench

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


def process(recording: Path, at: Workbench) -> SessionResult:
    (named,) = intake.discover([recording])
    return at.process(intake.read(named, consent=False))


def test_a_changed_transcript_is_read_anew(recording: Path, tmp_path: Path) -> None:
    first = process(recording, bench(tmp_path))
    assert first.tables["words"]["text"][0] == "How"
    assert process(recording, bench(tmp_path)).computed == ()
    (tmp_path / "a.vtt").write_text(VTT.format("Where"), encoding="utf-8")
    second = process(recording, bench(tmp_path))
    assert second.tables["words"]["text"][0] == "Where"
    assert second.stale == ()


def test_other_scripts_give_other_tables(recording: Path, tmp_path: Path) -> None:
    def scripted(end_ms: int, text: str) -> SessionResult:
        span = {"start_ms": 0, "end_ms": end_ms, "speaker": "A"}
        spans = SPANS.frame([{**span, "exclusive": True, "regular": True}])
        words = WORDS.frame([{**span, "word_id": 0, "text": text, "timing": "aligned"}])
        diarizer, transcriber = ScriptedDiarizer(spans), ScriptedTranscriber(words)
        return process(recording, bench(tmp_path, diarizer=diarizer, transcriber=transcriber))

    assert scripted(1000, "yes").tables["turns"]["text"].to_list() == ["yes"]
    other = scripted(2000, "no").tables["turns"]
    assert other["text"].to_list() == ["no"]
    assert other["end_ms"].to_list() == [2000]


def test_a_named_transcriber_is_not_given_a_language_that_it_does_not_know(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar = tmp_path / "a.wav.yaml"
    sidecar.write_text("diarization: a.vtt\nlanguage: de\n", encoding="utf-8")
    monkeypatch.setattr(FasterWhisperTranscriber, "languages", lambda _: frozenset({"en"}))
    named = bench(tmp_path, {"engines.transcriber": "faster_whisper"})
    with pytest.raises(EngineError, match="'de'"):
        process(recording, named)


def test_roles_decided_again_use_the_language_of_the_walk(recording: Path, tmp_path: Path) -> None:
    """Without words the language that was heard is null; that of the walk is not."""
    at = bench(tmp_path, {"engines.transcriber": "none"})
    first = process(recording, at)
    again = at.decide_again(first.recording.recording_id)
    assert again.computed == ()
    assert again.provenance == first.provenance


def test_the_report_names_the_rules_that_were_used_last(recording: Path, tmp_path: Path) -> None:
    first = process(recording, bench(tmp_path))
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
        quality = process(path, bench(tmp_path)).tables["quality"]
        disabled = set(quality["disables"].explode().drop_nulls())
        assert ("timing" in disabled) == (name == "open")


def hears(language: str, folder: Path) -> Workbench:
    """A workbench that asks its transcriber which language is spoken."""
    span = {"speaker": "A", "exclusive": True, "regular": True}
    spans = SPANS.frame([{**span, "start_ms": at, "end_ms": at + 1000} for at in (0, 2000)])
    word = {"speaker": "A", "text": "yes", "timing": "aligned"}
    words = WORDS.frame(
        {**word, "word_id": n, "start_ms": n * 2000, "end_ms": n * 2000 + 900} for n in (0, 1)
    )
    transcriber = ScriptedTranscriber(words, language=language)
    asked: dict[str, object] = {"transcription.language": None}
    return bench(folder, asked, diarizer=ScriptedDiarizer(spans), transcriber=transcriber)


def test_the_language_that_was_heard_switches_its_lexicons_on(
    recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.wav.yaml").unlink()
    heard = process(recording, hears("en", tmp_path))
    assert heard.language == "en"
    assert heard.tables["turns"]["is_backchannel"].null_count() == 0
    assert heard.provenance.notes == ("The language was not given; the transcriber detected 'en'.",)
    again = hears("en", tmp_path).decide_again(heard.recording.recording_id)
    assert again.computed == ()
    other = process(recording, hears("fr", tmp_path / "elsewhere"))
    assert other.language == "fr"
    assert other.tables["turns"]["is_backchannel"].null_count() > 0
    assert "no lexicon for the language 'fr'" in other.provenance.notes[1]


def test_a_language_that_somebody_named_wins_over_the_one_heard(
    recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.wav.yaml").write_text("language: de\n", encoding="utf-8")
    processed = process(recording, hears("en", tmp_path))
    assert processed.language == "de"
    assert processed.provenance.notes == (
        "There is no lexicon for the language 'de': rules that need words abstain.",
    )


def test_a_damaged_result_is_computed_again(recording: Path, tmp_path: Path) -> None:
    first = process(recording, bench(tmp_path))
    at = bench(tmp_path)
    recording_id = first.recording.recording_id
    at.catalogue.correct(recording_id, "client", "other", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    whole = process(recording, at)
    for stage, name in (("spans", "spans.parquet"), ("moments", "manifest.json")):
        for file in tmp_path.glob(f"workspace/sessions/*/artifacts/{stage}-*/{name}"):
            file.write_bytes(b"{")
    told: list[tuple[str, str]] = []
    (named,) = intake.discover([recording])
    healed = at.process(
        intake.read(named, consent=False),
        on_progress=lambda stage, state: told.append((stage, state)),
    )
    assert healed.recomputed == healed.computed == ("spans", "moments")
    assert ("spans", "damaged") in told
    assert all(healed.tables[name].equals(table) for name, table in whole.tables.items())
    assert at.catalogue.corrections(recording_id) == {"client": "other"}
    assert process(recording, at).computed == ()


def test_a_correction_keeps_the_mark_of_an_older_engine(recording: Path, tmp_path: Path) -> None:
    processed = process(recording, bench(tmp_path))
    (manifest,) = tmp_path.glob("workspace/sessions/*/artifacts/words-*/manifest.json")
    older = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**older, "address": "0" * 64}), encoding="utf-8")
    assert process(recording, bench(tmp_path)).stale == ("words",)
    at = bench(tmp_path)
    recording_id = processed.recording.recording_id
    at.catalogue.correct(recording_id, "client", "other", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert at.decide_again(recording_id).stale == ("words",)
    assert session.reopen(recording_id, at.store).stale == ("words",)


@pytest.mark.parametrize(
    ("sidecar", "told"),
    [
        ("channels: {2: client}", "role to channel 2; this recording has 1 channels"),
        ("channels: {1: client}", "were not separated by channel"),
        ("roles: {Ann: client}", "1 speaker who is not in this session. It has 2 speakers; the"),
        ("roles: {therapist: therapist}", None),
    ],
)
def test_a_role_of_nobody_is_told(
    recording: Path, tmp_path: Path, sidecar: str, told: str | None
) -> None:
    file = tmp_path / "a.wav.yaml"
    file.write_text(f"transcript: a.vtt\ndiarization: a.vtt\n{sidecar}\n", encoding="utf-8")
    notes = " ".join(process(recording, bench(tmp_path)).provenance.notes)
    assert "Ann" not in notes
    assert (told in notes) if told else "gives" not in notes


def test_engines_that_never_ran_are_not_named(recording: Path, tmp_path: Path) -> None:
    """A transcript alone has no sound: nothing listens to it."""
    heard = {
        choice.task: choice.name
        for choice in process(recording, bench(tmp_path)).provenance.engines
    }
    assert heard["speech activity"] == "silero"
    assert heard["pitch"] == "swift_f0"
    alone = process(tmp_path / "a.vtt", bench(tmp_path)).provenance.engines
    assert [choice.name for choice in alone if choice.task in {"speech activity", "pitch"}] == [
        "none",
        "none",
    ]


SAID = ("How was it?", "Quiet.", "Only quiet?", "I slept.", "Well?", "Badly.", "Hm.", "Yes.")


def captioned(path: Path, *lines: str, header: str = "") -> Path:
    cues = "".join(f"00:{n:02}.000 --> 00:{n:02}.900\n{line}\n\n" for n, line in enumerate(lines))
    path.write_text(f"WEBVTT\n{header}\n{cues}", encoding="utf-8")
    return path


def roles_of(processed: SessionResult) -> dict[str, str]:
    return dict(processed.tables["roles"].select("speaker", "role").iter_rows())


def test_lines_without_a_speaker_are_nobodys_and_that_is_reported(tmp_path: Path) -> None:
    names = ("Ina Wolf, MSc: ", "Client: ", "", "Client: ") * 2
    lines = [name + said for name, said in zip(names, SAID, strict=True)]
    processed = process(captioned(tmp_path / "a.vtt", *lines), bench(tmp_path))
    assert roles_of(processed) == {
        "Client": "client",
        "Ina Wolf, MSc": "therapist",
        "speaker ?": "unknown",
    }
    assert processed.provenance.notes == ("Lines without a speaker, attributed to nobody: 2.",)
    assert not any("speaker ?" in command for command in processed.provenance.role_commands)


def test_a_transcript_that_names_nobody_says_so(tmp_path: Path) -> None:
    processed = process(captioned(tmp_path / "a.vtt", *SAID), bench(tmp_path))
    assert roles_of(processed) == {"speaker 1": "unknown"}
    assert processed.provenance.notes == ("Lines without a speaker, attributed to nobody: 8.",)


def test_beside_a_recording_its_diarizer_tells_whose_such_lines_are(
    recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "d.vtt").write_text(VTT.format("How"), encoding="utf-8")
    captioned(tmp_path / "t.vtt", "A: x", "B: how", "are", "A: x", "well", "B: fine", "B: thanks")
    sidecar = "transcript: t.vtt\ndiarization: d.vtt\n"
    (tmp_path / "a.wav.yaml").write_text(sidecar, encoding="utf-8")
    processed = process(recording, bench(tmp_path))
    assert set(processed.tables["words"]["speaker"]) == {"therapist", "client"}
    assert processed.provenance.notes == ()


def test_a_language_that_is_not_understood_is_not_taken_for_english(tmp_path: Path) -> None:
    lines = [f"{who}: {said}" for who, said in zip(("Therapist", "Client") * 4, SAID, strict=True)]
    path = captioned(tmp_path / "a.vtt", *lines, header="Language: that of old\n")
    processed = process(path, bench(tmp_path))
    assert processed.language == "und"
    assert processed.tables["moments"].is_empty()
    assert processed.tables["silences"].height > 0
    (note,) = processed.provenance.notes
    assert note.startswith("The transcript states a language that Tether does not know")


@pytest.mark.parametrize(
    ("suffix", "content", "words"),
    [
        (".rttm", "SPEAKER s 1 0.5 3.3 <NA> <NA> a <NA> <NA>\n", 0),
        (".stm", "s 1 ina 0.5 3.8 <o> how was it\n", 3),
        (".tsv", "start\tend\ttext\n500\t3800\tHow was it?\n", 3),
    ],
)
def test_lone_files_of_other_tools(tmp_path: Path, suffix: str, content: str, words: int) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(content, encoding="utf-8")
    processed = process(path, bench(tmp_path))
    assert processed.recording.duration_ms == 3800
    assert processed.tables["words"].height == words
    assert processed.tables["spans"].select("start_ms", "end_ms").rows() == [(500, 3800)]


def stereo(path: Path, *, alike: bool) -> None:
    """Eight seconds of two channels, each loud in its own half, or the same."""
    noise = np.random.default_rng(1).normal(0, 3000, (8 * 16_000, 2))
    noise[: 4 * 16_000, 1] /= 100
    noise[4 * 16_000 :, 0] /= 100
    if alike:
        noise[:, 1] = noise[:, 0]
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
        file.writeframes(noise.astype("<i2").tobytes())


@pytest.mark.parametrize(
    ("channels", "why"),
    [
        ("one", "one microphone, and the transcript names the speakers"),
        ("alike", "all channels contain the same sound, and the transcript names the speakers"),
    ],
)
def test_the_speakers_of_a_transcript_serve_where_channels_tell_none(
    recording: Path, tmp_path: Path, channels: str, why: str
) -> None:
    (tmp_path / "a.wav.yaml").write_text("transcript: a.vtt\n", encoding="utf-8")
    if channels == "alike":
        stereo(recording, alike=True)
    found = process(recording, bench(tmp_path))
    engines = {choice.task: choice for choice in found.provenance.engines}
    assert (engines["who spoke when"].name, engines["who spoke when"].because) == ("imported", why)
    assert engines["words"].name == "imported"
    assert found.tables["spans"].select("start_ms", "end_ms", "speaker").rows() == [
        (1000, 3000, "therapist"),
        (4000, 6000, "client"),
    ]


def test_channels_that_differ_and_a_named_diarizer_are_taken_before_a_transcript(
    recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.wav.yaml").write_text("transcript: a.vtt\n", encoding="utf-8")
    named = bench(tmp_path, {"engines.diarizer": "channels"})
    source = intake.read(intake.discover([recording])[0], consent=False)
    for channels, distinct, at, name in (
        (2, True, bench(tmp_path), "channels"),
        (2, False, bench(tmp_path), "imported"),
        (1, None, bench(tmp_path), "imported"),
        (1, None, named, "channels"),
    ):
        media = {"channels": channels, "distinct_channels": distinct, "correlation": 0.6}
        plan = at.plan(source, {"media": pl.DataFrame([media])})
        assert plan.choice("who spoke when").name == name


def test_a_transcript_of_one_voice_is_no_diarization(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing tells the speakers apart, the message names every way out."""
    monkeypatch.setenv("TETHER_MODELS", str(tmp_path / "none"))
    (tmp_path / "a.wav.yaml").write_text("transcript: a.vtt\n", encoding="utf-8")
    for text in (VTT.replace("client", "therapist"), VTT.replace("<v client>", "")):
        (tmp_path / "a.vtt").write_text(text.replace("<v therapist>", ""), encoding="utf-8")
        with pytest.raises(EngineError, match="transcript that names the speakers"):
            process(recording, bench(tmp_path))


def test_words_after_the_end_cost_no_session_and_are_reported(
    recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.wav.yaml").write_text("transcript: a.vtt\n", encoding="utf-8")
    late = VTT.format("How") + "\n00:07.500 --> 00:09.000\n<v client>And so.\n"
    late += "\n00:09.500 --> 00:12.000\n<v client>Thanks for watching.\n"
    (tmp_path / "a.vtt").write_text(late, encoding="utf-8")
    found = process(recording, bench(tmp_path))
    assert found.tables["words"]["text"].to_list()[-2:] == ["And", "so."]
    assert found.tables["words"]["end_ms"].max() == 8000
    told = [note for note in found.provenance.notes if "end of the recording" in note]
    assert told == [
        "Lines that start after the end of the recording, left out: 1.",
        "Lines that go on after the end of the recording, cut off there: 1.",
    ]


@pytest.mark.parametrize(
    ("correlation", "distinct", "named", "engine", "because"),
    [
        (0.1, True, {}, "channels", "each speaker has a separate channel"),
        (
            0.6,
            False,
            {1: "therapist", 2: "client"},
            "channels",
            "the session notes file assigns channels",
        ),
        (None, False, {1: "therapist", 2: "client"}, "channels", "only one channel contains sound"),
        (0.6, False, {1: "therapist"}, "segmentation", "both speakers are heard on every channel"),
        (
            1.0,
            False,
            {1: "client", 2: "therapist"},
            "segmentation",
            "all channels contain the same",
        ),
        (0.6, False, {1: "client", 5: "therapist"}, "segmentation", "both speakers are heard on"),
    ],
)
def test_named_channels_are_no_single_microphone(
    recording: Path,
    tmp_path: Path,
    correlation: float | None,
    *,
    distinct: bool,
    named: dict[int, str],
    engine: str,
    because: str,
) -> None:
    (tmp_path / "a.wav.yaml").write_text(f"channels: {named}\n", encoding="utf-8")
    source = intake.read(intake.Named(recording, tmp_path), consent=False)
    row = {"duration_ms": 9000, "channels": 2, "damaged_packets": 0, "gap_ms": 0}
    media = MEDIA.frame([row | {"correlation": correlation, "distinct_channels": distinct}])
    at = bench(tmp_path, {"engines.transcriber": "none"})
    try:
        choice = at.plan(source, {"media": media}).choice("who spoke when")
    except EngineError as caught:  # no network of voices is installed here
        assert engine == "segmentation"
        assert because in caught.found  # noqa: PT017  # either way it says why
        assert "one microphone" not in str(caught)  # noqa: PT017
    else:
        assert choice.name in (engine, "pyannote")
        assert because in choice.because
        assert "one microphone" not in choice.because
