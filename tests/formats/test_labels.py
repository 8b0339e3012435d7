"""Who speaks, by the file's own habit: names of every shape, and sentences that are none."""

import pytest

from pipeline.formats.speaker_labels import role_of
from pipeline.formats.timed_text import srt, webvtt
from pipeline.formats.timed_text.cues import UNNAMED

SPEECH = [
    "How did Tuesday go?",
    "Not too badly. I rang my brother: he laughed.",
    "You rang him.",
    "I did: twice.",
    "And then?",
    "We talked about the garden.",
]


def read(*said: str) -> list[tuple[str | None, str]]:
    text = "".join(
        f"{n}\n00:00:{n:02},000 --> 00:00:{n:02},900\n{line}\n\n" for n, line in enumerate(said)
    )
    return srt.read(text).select("speaker", "text").rows()


CAPITALS = [
    ("Ines Halm, PhD", "Jo"),
    ("Halm, Ines", "Jo Bru"),
    ("Ines Halm (she/they)", "Jo Bru (Room 2, upstairs)"),
    ("Maria Luisa de la Cruz y Vega Santos", "Jo"),
    ("ines.halm@praxis.example", "D'Arcy O'Brien-Ng"),
    ("SPEAKER_00", "SPEAKER_01"),
    ("Speaker 1", "Speaker 2"),
    ("I", "P"),
    ("Therapist", "client"),
    ("山田", "李"),
    ("İnès Ǆ.", "Ødegård"),
]


def spoken(style: str, one: str, two: str) -> None:
    names = [one, two] * 3
    said = read(*(style.format(name) + text for name, text in zip(names, SPEECH, strict=True)))
    assert said == list(zip(names, SPEECH, strict=True))


@pytest.mark.parametrize(
    "style", ["{}: ", ">> {}: ", "- {}: ", "[00:02] {}: ", "{} (1:02): ", "{} :"]
)
@pytest.mark.parametrize(("one", "two"), [*CAPITALS, ("dr. i. halm", "jo's phone")])
def test_a_name_of_any_shape_is_the_speaker(one: str, two: str, style: str) -> None:
    spoken(style, one, two)


@pytest.mark.parametrize("style", ["[{}] ", "[{}]: ", ">> [{}] "])
@pytest.mark.parametrize(("one", "two"), CAPITALS)
def test_a_name_in_brackets_is_the_speaker(one: str, two: str, style: str) -> None:
    spoken(style, one, two)


def test_sounds_in_brackets_are_no_speakers() -> None:
    said = [
        "[laughs] no",
        "[Laughter] yes",
        "[laughs] well",
        "[Music]",
        "(sighs) ah",
        "[laughs] no",
    ]
    assert read(*said) == [(None, line) for line in said]


def test_names_are_one_in_any_case() -> None:
    said = read("Ann: a", "BO: b", "ANN: c", "Bo: d")
    assert [speaker for speaker, _ in said] == ["Ann", "BO", "Ann", "BO"]


@pytest.mark.parametrize(
    "line",
    [
        "I told him: no",
        "He said: what now?",
        "So: nothing new",
        "On Monday: rain",
        "[laughs] well",
        "the thing is: no",
        "Do you know what? No: really",
        "at 10:30 I left",
        "see https://example.org",
    ],
)
def test_a_sentence_with_a_colon_is_no_speaker(line: str) -> None:
    labelled = ["Ines Halm: a", "Jo: b", line, "Ines Halm: c", "Jo: d", "Ines Halm: e"]
    assert read(*labelled)[2] == (None, line)
    assert read("Hello", line, "Yes", "Mm", line, "No")[1] == (None, line)


def test_a_file_without_a_habit_names_nobody() -> None:
    said = ["Question: why", "I see", "Hm", "Monday: nothing", "Well", "Yes", "No"]
    assert read(*said) == [(None, line) for line in said]


def test_lines_between_labels_are_nobodys_and_those_within_a_cue_go_on() -> None:
    assert read("Ann: a\nand: b", "c", "Bo: d", "Ann: e", "Bo: f") == [
        ("Ann", "a and: b"),
        (None, "c"),
        ("Bo", "d"),
        ("Ann", "e"),
        ("Bo", "f"),
    ]


def test_a_sign_of_change_without_a_name_is_nobodys() -> None:
    assert read(">> ANN: a", ">> b", ">> BO: c", ">> ANN: d")[1] == (UNNAMED, "b")
    assert read("- Ann: a\n- b", "Bo: c", "Ann: d")[:2] == [("Ann", "a"), (UNNAMED, "b")]
    assert read(">> a", ">> b") == [(None, "a"), (None, "b")]


@pytest.mark.parametrize(
    ("one", "two"),
    [("Ines Halm", "Jo"), ('1 "Ines Halm" (77)', '2 "Jo" (78)'), ("Therapist", "Client")],
)
def test_a_name_above_the_time_is_the_speaker(one: str, two: str) -> None:
    text = "WEBVTT\n\n" + "".join(
        f"{name}\n00:{n:02}.000 --> 00:{n:02}.900\n{line}\n\n"
        for n, (name, line) in enumerate(zip([one, two] * 3, SPEECH, strict=True))
    )
    names = [name.split('"')[1] if '"' in name else name for name in (one, two)]
    assert webvtt.read(text)["speaker"].to_list() == names * 3


def test_numbers_and_ids_above_the_time_are_nobody() -> None:
    for name in ("{n}", "cue-{n}", "0a9c-{n}/1", "intro"):
        text = "WEBVTT\n\n" + "".join(
            f"{name.format(n=n)}\n00:{n:02}.000 --> 00:{n:02}.900\n{line}\n\n"
            for n, line in enumerate(SPEECH)
        )
        assert webvtt.read(text)["speaker"].null_count() == 6


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("THERAPIST", "therapist"),
        ("counsellor", "therapist"),
        ("Client 2", "client"),
        ("patient_1", "client"),
        ("Clientele", None),
        ("Sam", None),
        ("", None),
    ],
)
def test_labels_that_name_a_role(label: str, role: str | None) -> None:
    assert role_of(label) == role
