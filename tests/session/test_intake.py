"""What a user named becomes sessions: sidecars, defaults, options, parts; nothing passed over."""

import datetime as dt
import hashlib
import io
import os
import time
import unicodedata
import wave
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from pipeline import config
from pipeline.core.errors import ChangingError, ConsentError, InputError
from pipeline.formats.transcript import READERS
from pipeline.session import intake
from pipeline.session.intake import Named, Source, discover


def sound(path: Path, content: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes((content or path.name).encode() * 2)
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def read(path: Path, *, consent: bool = False, **options: object) -> Source:
    return intake.read(Named(path, path.parent), options, consent=consent)


def names(found: list[Named]) -> list[str]:
    return [named.path.name for named in found]


def test_a_recording_alone(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav")
    source = read(file)
    assert source.recording_id == hashlib.sha256(file.read_bytes()).hexdigest()
    assert source.audio == (file,)
    assert source.transcript == source.diarization == ()
    assert source.metadata.client is None


def test_every_key_of_a_sidecar(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav")
    text(tmp_path / "words.vtt", "WEBVTT\n")
    text(tmp_path / "who.rttm", "")
    text(
        tmp_path / "a.wav.yaml",
        """\
client: 17
therapist: T-02
session_number: 3
date: 2026-02-01
language: de
speakers: 2
channels: {2: client, 1: therapist}
roles: {SPEAKER_00: therapist}
consent: C-2026-17
code: S3
transcript: words.vtt
diarization: who.rttm
""",
    )
    source = read(file)
    metadata = source.metadata
    assert (metadata.client, metadata.therapist) == ("17", "T-02")
    assert (metadata.session_number, metadata.speakers) == (3, 2)
    assert metadata.date == dt.date(2026, 2, 1)
    assert (metadata.language, metadata.consent, metadata.code) == ("de", "C-2026-17", "S3")
    assert metadata.channels == {1: "therapist", 2: "client"}
    assert metadata.roles == {"SPEAKER_00": "therapist"}
    assert [a.suffix for a in (*source.transcript, *source.diarization)] == [".vtt", ".rttm"]
    assert source.transcript[0].content == b"WEBVTT\n"


def test_the_nearer_wins(tmp_path: Path) -> None:
    """tether.yaml of each folder < sidecar < options."""
    folder = tmp_path / "clinic" / "room"
    file = sound(folder / "a.wav")
    text(tmp_path / "tether.yaml", "code: above the folder that was named\n")
    clinic = "language: de\nclient: clinic\ntherapist: clinic\n"
    text(tmp_path / "clinic" / "tether.yaml", f"{clinic}consent: clinic\n")
    text(folder / "tether.yaml", "client: room\ntherapist: room\nconsent: room\n")
    text(folder / "a.wav.yaml", "therapist: sidecar\nconsent: sidecar\n")
    (named,) = discover([tmp_path / "clinic"])
    assert named.path == file
    metadata = intake.read(named, {"consent": "option"}, consent=True).metadata
    assert metadata.language == "de"
    assert metadata.client == "room"
    assert metadata.therapist == "sidecar"
    assert metadata.consent == "option"
    assert metadata.code is None


def test_null_takes_a_default_back(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav")
    text(tmp_path / "tether.yaml", "client: C-01\n")
    text(tmp_path / "a.wav.yaml", "client: null\n")
    assert read(file).metadata.client is None


def test_all_mistakes_at_once_with_line_and_nearest_name(tmp_path: Path) -> None:
    file = sound(tmp_path / "Anna Muster.wav")
    text(
        tmp_path / "Anna Muster.wav.yaml",
        "client: C-01\ntherapst: T\nspeakers: many\nroles:\n  Berta: thrapist\nlanguage: usual 1\n",
    )
    with pytest.raises(InputError) as caught:
        read(file)
    problems = str(caught.value).splitlines()
    assert len(problems) == 4
    assert "session notes file:2: unknown key; did you mean 'therapist'?" in problems
    assert any(line.startswith("session notes file:3: speakers:") for line in problems)
    assert any(line.startswith("session notes file:5: roles:") for line in problems)
    assert any(line.startswith("session notes file:6: language:") for line in problems)
    for hidden in ("Anna", "Muster", "Berta", "thrapist", "usual", "many", str(tmp_path)):
        assert hidden not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"client: [\n", "session notes file:2: not YAML"),
        (b"client: a\nclient: b\n", "session notes file:2: duplicate key"),
        (b"- client\n", "session notes file: not a mapping"),
        (b"client: caf\xe9\n", "session notes file: not UTF-8 text"),
    ],
)
def test_a_sidecar_that_cannot_be_read(tmp_path: Path, content: bytes, found: str) -> None:
    file = sound(tmp_path / "a.wav")
    (tmp_path / "a.wav.yaml").write_bytes(content)
    with pytest.raises(InputError, match=found):
        read(file)


def test_a_byte_order_mark_and_an_empty_sidecar(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav")
    (tmp_path / "a.wav.yaml").write_bytes(b"\xef\xbb\xbfclient: C\n")
    assert read(file).metadata.client == "C"
    (tmp_path / "a.wav.yaml").write_bytes(b"# nothing yet\n")
    assert read(file).metadata.client is None


def test_mistakes_in_options_and_defaults_are_told(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav")
    with pytest.raises(InputError, match="options: language"):
        read(file, language="Englishh")
    text(tmp_path / "tether.yaml", "clint: C\n")
    with pytest.raises(InputError, match=r"tether.yaml:1: unknown key; did you mean"):
        read(file)


def test_consent_is_asked_for_where_it_is_required(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav")
    with pytest.raises(ConsentError, match="--consent"):
        read(file, consent=True)
    text(tmp_path / "a.wav.yaml", "consent: ''\n")
    with pytest.raises(ConsentError):
        read(file, consent=True)
    text(tmp_path / "a.wav.yaml", "consent: F-17\n")
    assert read(file, consent=True).metadata.consent == "F-17"


def test_parts(tmp_path: Path) -> None:
    one, two = sound(tmp_path / "t.wav"), sound(tmp_path / "in" / "c.wav")
    sidecar = text(tmp_path / "s.yaml", "parts: {therapist: t.wav, client: in/c.wav}\n")
    source = read(sidecar)
    assert source.audio == (one, two)
    assert source.metadata.channels == {1: "therapist", 2: "client"}
    digests = [hashlib.sha256(p.read_bytes()).hexdigest() for p in (one, two)]
    assert source.recording_id == hashlib.sha256("\n".join(digests).encode()).hexdigest()
    assert names(discover([tmp_path])) == ["s.yaml"]


@pytest.mark.parametrize("files", ["{therapist: t.wav}", "{therapist: t.wav, client: t.wav}", "{}"])
def test_parts_that_are_none(tmp_path: Path, files: str) -> None:
    sound(tmp_path / "t.wav")
    sidecar = text(tmp_path / "s.yaml", f"parts: {files}\n")
    with pytest.raises(InputError, match="session notes file:1: parts: two files or more"):
        read(sidecar)


def test_a_part_that_is_missing(tmp_path: Path) -> None:
    sound(tmp_path / "t.wav")
    sidecar = text(tmp_path / "s.yaml", "parts: {therapist: t.wav, client: Berta.wav}\n")
    with pytest.raises(InputError, match="no such file") as caught:
        read(sidecar)
    assert "Berta" not in str(caught.value)


def test_a_transcript_alone_is_a_session(tmp_path: Path) -> None:
    file = text(tmp_path / "talk.vtt", "WEBVTT\n")
    source = read(file)
    assert source.audio == ()
    assert source.transcript[0].content == b"WEBVTT\n"
    assert source.recording_id == hashlib.sha256(b"WEBVTT\n").hexdigest()
    sidecar = text(tmp_path / "later.yaml", "transcript: talk.vtt\nclient: C\n")
    assert read(sidecar).recording_id == source.recording_id
    assert names(discover([tmp_path])) == ["later.yaml"]


def test_one_transcript_per_participant(tmp_path: Path) -> None:
    text(tmp_path / "t.TextGrid", "t")
    text(tmp_path / "c.TextGrid", "c")
    sidecar = text(tmp_path / "s.yaml", "transcript: {therapist: t.TextGrid, client: c.TextGrid}\n")
    source = read(sidecar)
    assert [(a.suffix, a.speaker) for a in source.transcript] == [
        (".textgrid", "therapist"),
        (".textgrid", "client"),
    ]


def test_a_sidecar_that_names_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither parts nor a transcript"):
        read(text(tmp_path / "s.yaml", "client: C\n"))


def test_files_beside_are_ignored_unless_named(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav")
    for ending in (".vtt", ".TextGrid", ".rttm", ".srt", ".csv", ".json", ".wav.vtt"):
        text(tmp_path / f"a{ending}", "not looked at")
    assert names(discover([tmp_path])) == ["a.wav"]
    source = read(file)
    assert source.transcript == source.diarization == ()


def test_files_of_options_are_looked_for_where_the_user_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sound(tmp_path / "far" / "a.wav")
    text(tmp_path / "here" / "a.vtt", "WEBVTT\n")
    monkeypatch.chdir(tmp_path / "here")
    assert read(file, transcript="a.vtt").transcript[0].content == b"WEBVTT\n"
    assert read(file, transcript={"client": "a.vtt"}).transcript[0].speaker == "client"


def test_discovery_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.wav", "a.mp3", "Ä sitzung.WAV", "in/c.flac", ".hidden.wav", ".dir/d.wav"):
        sound(tmp_path / name)
    text(tmp_path / "notes.txt", "")
    text(tmp_path / "a.mp3.yaml", "client: C\n")
    text(tmp_path / "tether.yaml", "language: de\n")
    found = discover([tmp_path])
    assert names(found) == ["a.mp3", "b.wav", "c.flac", "Ä sitzung.WAV"]
    assert not any(named.error for named in found)


def test_a_hidden_folder_that_is_named_is_searched(tmp_path: Path) -> None:
    sound(tmp_path / ".hidden" / "a.wav")
    assert names(discover([tmp_path / ".hidden"])) == ["a.wav"]


def test_each_session_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = sound(tmp_path / "in" / "a.wav")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    ways = [tmp_path / "in", file, Path("in/a.wav"), Path("in/../in/a.wav"), Path("link/a.wav")]
    assert len(discover(ways)) == 1
    assert {read(way).path for way in ways[1:]} == {file}


def test_links_do_not_loop(tmp_path: Path) -> None:
    sound(tmp_path / "in" / "a.wav")
    (tmp_path / "in" / "loop").symlink_to(tmp_path)
    (tmp_path / "in" / "dead.wav").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in" / "self.wav").symlink_to(tmp_path / "in" / "self.wav")
    passed = intake.PassedOver()
    found = discover([tmp_path], passed)
    assert names(found) == ["a.wav", "dead.wav", "self.wav"]
    assert [named.error is None for named in found] == [True, False, False]
    assert all("broken link" in str(named.error) for named in found[1:])
    assert [path.name for path in passed.others] == ["loop"]


def test_a_link_to_a_recording_is_one(tmp_path: Path) -> None:
    file = sound(tmp_path / "store" / "x.wav")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "s.wav").symlink_to(file)
    text(folder / "s.wav.yaml", "client: C\n")
    (named,) = discover([folder])
    assert read(named.path).metadata.client == "C"


def test_what_is_not_there_fails_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav")
    (tmp_path / "empty").mkdir()
    found = discover([tmp_path / "missing.wav", file, tmp_path / "empty"])
    assert [named.error is None for named in found] == [False, True, False]
    for named in (found[0], found[2]):
        with pytest.raises(InputError) as caught:
            intake.read(named, consent=False)
        assert "missing" not in str(caught.value)


def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root reads everything, so the refusal is played."""
    sound(tmp_path / "a.wav")
    sound(tmp_path / "closed" / "b.wav")
    real = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = discover([tmp_path])
    assert names(found) == ["a.wav", "closed"]
    assert found[1].error is not None
    assert "permission denied" in str(found[1].error)


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"RIFF")
    (named,) = discover([tmp_path])
    with pytest.raises(InputError, match="not UTF-8"):
        intake.read(named, consent=False)


def test_other_yaml_files_in_a_folder(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    text(tmp_path / "mine.yaml", "extends: default\nengines: {diarizer: pyannote}\n")
    text(tmp_path / "gone.wav.yaml", "client: C\n")
    assert names(discover([tmp_path])) == ["a.wav"]
    text(tmp_path / "pair.yaml", "parts: {terapist: a.wav, client: b.wav}\n")
    found = discover([tmp_path])
    assert names(found) == ["a.wav", "pair.yaml"]
    with pytest.raises(InputError, match="therapist"):
        intake.read(found[1], consent=False)


def test_identical_bytes_have_one_id_and_comparable_sidecars(tmp_path: Path) -> None:
    one, two = sound(tmp_path / "a.wav", "x"), sound(tmp_path / "b.wav", "x")
    text(tmp_path / "a.wav.yaml", "channels: {1: client, 2: therapist}\ndate: 2026-01-01\n")
    text(tmp_path / "b.wav.yaml", "date: 2026-01-01\nchannels: {2: therapist, 1: client}\n")
    assert read(one).recording_id == read(two).recording_id
    assert read(one).sidecar == read(two).sidecar
    text(tmp_path / "b.wav.yaml", "date: 2026-01-02\nchannels: {2: therapist, 1: client}\n")
    assert read(one).sidecar != read(two).sidecar


def test_a_table_states_roles_and_the_sidecar_wins(tmp_path: Path) -> None:
    table = "speaker,role,start_ms,text\nJane,therapist,0,Hello\nBob,client,900,Hi\n"
    file = text(tmp_path / "talk.csv", table)
    assert read(file).metadata.roles == {"Jane": "therapist", "Bob": "client"}
    text(tmp_path / "talk.csv.yaml", "roles: {Bob: other}\n")
    assert read(file).metadata.roles == {"Jane": "therapist", "Bob": "other"}


def test_a_table_that_cannot_be_read_is_left_to_the_engine(tmp_path: Path) -> None:
    assert read(text(tmp_path / "talk.csv", "nonsense")).metadata.roles == {}


def test_a_transcript_states_its_language_and_the_sidecar_wins(tmp_path: Path) -> None:
    said = '{"language": "de", "segments": [{"start": 0, "end": 1, "text": "Guten Tag"}]}'
    file = text(tmp_path / "talk.json", said)
    assert read(file).metadata.language == "de"
    text(tmp_path / "talk.json.yaml", "language: nl\n")
    assert read(file).metadata.language == "nl"


@pytest.mark.parametrize(
    "typed", ["0014", "007", "1_000", "0x1F", "0o17", "1e5", "1.50", "yes", "true", "2026-01-05"]
)
def test_identifiers_stay_as_they_are_typed(tmp_path: Path, typed: str) -> None:
    file = sound(tmp_path / "a.wav")
    keys = ("client", "therapist", "consent", "code")
    text(tmp_path / "a.wav.yaml", "".join(f"{key}: {typed}\n" for key in keys))
    metadata = read(file).metadata
    assert [getattr(metadata, key) for key in keys] == [typed] * len(keys)
    text(tmp_path / "a.wav.yaml", f"roles: {{{typed}: client}}\nsession_number: 3\n")
    metadata = read(file).metadata
    assert metadata.roles == {typed: "client"}
    assert metadata.session_number == 3
    text(tmp_path / "a.wav.yaml", "")
    text(tmp_path / "tether.yaml", f"client: {typed}\n")
    assert read(file).metadata.client == typed


def test_null_is_no_identifier_unless_it_is_quoted(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav")
    text(tmp_path / "a.wav.yaml", "client: null\ntherapist: 'null'\ncode:\n")
    metadata = read(file).metadata
    assert (metadata.client, metadata.therapist, metadata.code) == (None, "null", None)


@pytest.mark.parametrize("disk", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_accents_are_the_same_however_they_are_written(
    tmp_path: Path, disk: Literal["NFC", "NFD"], typed: Literal["NFC", "NFD"]
) -> None:
    on_disk, by_hand = partial(unicodedata.normalize, disk), partial(unicodedata.normalize, typed)
    folder = tmp_path / on_disk("Größe")
    file = sound(folder / on_disk("Zoë é.wav"))
    text(folder / on_disk("Gespräch.vtt"), "WEBVTT\n")
    sidecar = by_hand("client: Zoë\nroles: {Zoë: client}\ntranscript: {Zoë: Gespräch.vtt}\n")
    text(folder / by_hand("Zoë é.wav.yaml"), sidecar)
    (named,) = discover([tmp_path / by_hand("Größe") / by_hand("Zoë é.wav")])
    source = intake.read(named, consent=False)
    assert source.audio == (file,)
    assert source.metadata.client == "Zo\u00eb"
    assert source.metadata.roles == {"Zo\u00eb": "client"}
    assert source.transcript[0].speaker == "Zo\u00eb"
    assert names(discover([tmp_path])) == [file.name]
    assert intake.strays([tmp_path]) == []
    text(folder / by_hand("Paar ü.yaml"), by_hand("parts: {client: Zoë é.wav, therapist: ä.wav}"))
    sound(folder / on_disk("ä.wav"))
    (pair,) = discover([folder])
    assert {path.name for path in intake.read(pair, consent=False).audio} == {
        file.name,
        on_disk("ä.wav"),
    }


def test_two_files_of_one_name_are_not_guessed_at(tmp_path: Path) -> None:
    """Three ways to write a letter with two marks; of two files the third is neither."""
    file = sound(tmp_path / "a.wav")
    text(tmp_path / "a.wav.yaml", "transcript: \u1e17.vtt\n")
    text(tmp_path / "e\u0304\u0301.vtt", "WEBVTT\n")
    assert read(file).transcript[0].content == b"WEBVTT\n"
    text(tmp_path / "\u0113\u0301.vtt", "WEBVTT\n")
    with pytest.raises(InputError, match="accents encoded differently"):
        read(file)


def test_sidecars_of_nothing_are_counted_and_found(tmp_path: Path) -> None:
    sound(tmp_path / "monday.wav")
    sound(tmp_path / "tuesday.flac")
    sound(tmp_path / "week" / "friday.mp3")
    meant = [
        text(tmp_path / "gone.wav.yaml", "- a list\n"),  # no such recording
        text(tmp_path / "monday.yaml", "clients: misspelt\n"),  # without .wav
        text(tmp_path / "tether.yml", "client: C\n"),  # says what a sidecar says
        text(tmp_path / "tuesday.flac.yml", "client: C\n"),  # ends otherwise
        text(tmp_path / "week" / "friday.YAML", ""),
    ]
    text(tmp_path / "monday.wav.yaml", "client: C\n")
    text(tmp_path / "tether.yaml", "language: en\n")
    text(tmp_path / "mine.yaml", "extends: default\n")
    text(tmp_path / "empty.yaml", "")
    passed_over = intake.PassedOver()
    found = discover([tmp_path], passed_over)
    assert names(found) == ["monday.wav", "tuesday.flac", "friday.mp3"]
    assert sorted(passed_over.strays) == sorted(meant)
    assert "monday" not in str(passed_over.sentences())
    assert sorted(intake.strays([tmp_path])) == sorted(meant)
    assert intake.strays([tmp_path / "monday.wav"]) == [tmp_path / "monday.yaml"]
    assert intake.strays([tmp_path / "week" / "friday.mp3"]) == []


def test_a_file_that_is_being_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sound(tmp_path / "a.wav")
    source = read(file)
    source.require_unchanged()
    with file.open("ab") as more:
        more.write(b"more")
    with pytest.raises(ChangingError):
        source.require_unchanged()
    source = read(file)
    os.utime(file, ns=(0, 1))  # the same size, written again
    with pytest.raises(ChangingError):
        source.require_unchanged()
    file.unlink()  # it is gone, and was whole: a stick that was drawn
    source.require_unchanged()
    sound(file)
    hashed = hashlib.file_digest

    def written_meanwhile(handle: io.BufferedReader, name: str) -> object:
        with file.open("ab") as more:
            more.write(b"more")
        return hashed(handle, name)

    monkeypatch.setattr(hashlib, "file_digest", written_meanwhile)
    with pytest.raises(ChangingError, match="still being written"):
        read(file)


def test_rest_is_waited_for_where_a_file_is_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sound(tmp_path / "a.wav")
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    named = Named(file, tmp_path)
    at_rest = config.load(overrides={"intake.rest_s": 30}).intake
    intake.read(named, consent=False, limits=at_rest)
    assert waited == [30]
    long_ago = time.time() - 31
    os.utime(file, (long_ago, long_ago))
    intake.read(named, consent=False, limits=at_rest)
    assert waited == [30]
    os.utime(file)
    monkeypatch.setattr(time, "sleep", lambda _: sound(file, "other"))
    with pytest.raises(ChangingError):
        intake.read(named, consent=False, limits=at_rest)


@pytest.mark.parametrize(
    "name",
    [
        *("a.3gpp", "a.MTS", "a.qta", "a.mpg", "a.wmv", "a.flv", "a.m2ts", "a.AMR", "a.awb"),
        *("a.wav", "a.WAVE", "a.rf64", "a.dss", "a.ds2", "a.opus", "a.vob", "a.mxf", "a.spx"),
        *("a.aifc", "a.caf", "a.gsm", "a.ac3", "a.m4b", "a.webm", "a.oga", "a.3g2", "a.ts"),
    ],
)
def test_what_ffmpeg_reads_is_seen(tmp_path: Path, name: str) -> None:
    sound(tmp_path / name)
    assert names(discover([tmp_path])) == [name]


def test_what_is_passed_over_is_told(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.vtt", "used.vtt", "notes.txt", "x.jpg", ".hidden", "in/d"):
        sound(tmp_path / name)
    text(tmp_path / "a.wav.yaml", "transcript: used.vtt\n")
    text(tmp_path / "b.wav.yaml", "nonsense: [\n")
    text(tmp_path / "tether.yaml", "language: de\n")
    (tmp_path / "share").symlink_to(tmp_path / "not mounted")
    os.mkfifo(tmp_path / "pipe.txt")
    passed = intake.PassedOver()
    assert names(discover([tmp_path], passed)) == ["a.wav", "b.wav"]
    assert sorted(path.name for path in passed.others) == [
        *("c.vtt", "d", "notes.txt", "pipe.txt", "share", "x.jpg"),
    ]


def test_what_is_named_by_itself_is_not_passed_over(tmp_path: Path) -> None:
    for name in ("a.wav", "b.vtt", "c.vtt"):
        sound(tmp_path / name)
    passed = intake.PassedOver()
    assert names(discover([tmp_path, tmp_path / "b.vtt"], passed)) == ["a.wav", "b.vtt"]
    assert [path.name for path in passed.others] == ["c.vtt"]


def test_a_pipe_that_is_named_a_recording_fails(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    os.mkfifo(tmp_path / "b.wav")
    found = discover([tmp_path])
    assert names(found) == ["a.wav", "b.wav"]
    assert "a pipe, device or folder" in str(found[1].error)


@pytest.mark.parametrize("said", ["de-CH", "deu", "German"])
def test_a_language_in_any_spelling(tmp_path: Path, said: str) -> None:
    file = text(tmp_path / "talk.vtt", f"WEBVTT\nLanguage: {said}\n\n00:01.000 --> 00:02.000\na\n")
    assert read(file).metadata.language == "de"
    text(tmp_path / "talk.vtt.yaml", "language: no\n")
    assert read(file).metadata.language == "no"
    assert read(file, language=said).metadata.language == "de"


def test_a_language_that_is_not_understood_is_not_the_default(tmp_path: Path) -> None:
    file = text(tmp_path / "talk.vtt", "WEBVTT\nLanguage: as ever\n\n00:01.0 --> 00:02.0\na\n")
    assert read(file).metadata.language == "und"


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_whatever_can_be_read_as_a_transcript_is_a_session(tmp_path: Path, suffix: str) -> None:
    source = read(text(tmp_path / f"talk{suffix.upper()}", "x"))
    assert source.audio == ()
    assert len(source.transcript) == 1


@pytest.mark.parametrize(
    "content",
    [b"Ann: how are you\n", "Jörg: schön\n".encode(), b"%PDF-1.7\n\x00\xff", b"PK\x03\x04"],
)
def test_a_document_is_no_broken_recording(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "talk.doc"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a file of unknown format; expected: .*\.vtt"):
        read(path)


def test_sound_with_any_ending_is_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "talk.oddly"
    path.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\xff\xfe")
    assert read(path).audio == (path,)
