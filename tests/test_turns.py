"""Turns, silences and overlaps: their definitions by hand, and what must hold of any talk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config, turns
from pipeline.tables import DIARIZATION, DROPOUTS, MEDIA, SPANS, TRANSCRIPTION, WORDS

SETTINGS = config.load().turns
ACKNOWLEDGEMENTS = frozenset(("mm", "mm-hm", "yeah", "yes", "okay", "right", "i", "see"))

Tables = dict[str, pl.DataFrame]


def is_acknowledgement(text: str) -> bool:
    return all(word.lower().strip(".,!?") in ACKNOWLEDGEMENTS for word in text.split())


@dataclass(frozen=True)
class Speech:
    speaker: str
    start_ms: int
    end_ms: int
    text: str | None = None


def say(speaker: str, start_s: float, end_s: float, text: str | None = None) -> Speech:
    return Speech(speaker, round(start_s * 1000), round(end_s * 1000), text)


def word_rows(speech: Sequence[Speech]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for one in speech:
        words = (one.text or "").split()
        step = (one.end_ms - one.start_ms) // max(1, len(words))
        rows += [
            {
                "start_ms": one.start_ms + k * step,
                "end_ms": one.start_ms + (k + 1) * step,
                "speaker": one.speaker,
                "text": word,
                "timing": "aligned",
            }
            for k, word in enumerate(words)
        ]
    return rows


def tables_of(
    speech: Sequence[Speech],
    duration_ms: int,
    *,
    words: Sequence[dict[str, object]] = (),
    engine: str = "scripted",
    knows_overlap: bool = True,
    dropouts: Sequence[tuple[int, int]] = (),
    channels: Sequence[str] = (),
) -> Tables:
    rows = sorted([*word_rows(speech), *words], key=lambda row: (row["start_ms"], row["end_ms"]))
    return {
        "media": MEDIA.frame(
            [{"duration_ms": duration_ms, "channels": 2, "damaged_packets": 0, "gap_ms": 0}]
        ),
        "dropouts": DROPOUTS.frame(
            [{"start_ms": a, "end_ms": b, "channel": 0} for a, b in dropouts]
        ),
        "spans": SPANS.frame(
            {
                "start_ms": one.start_ms,
                "end_ms": one.end_ms,
                "speaker": one.speaker,
                "channel": channels.index(one.speaker) if channels else None,
                "exclusive": True,
                "regular": True,
            }
            for one in speech
        ),
        "diarization": DIARIZATION.frame(
            [{"engine": "scripted", "speakers": 2, "knows_overlap": knows_overlap}]
        ),
        "words": WORDS.frame({"word_id": k, **row} for k, row in enumerate(rows)),
        "transcription": TRANSCRIPTION.frame(
            [{"engine": engine, "language": "en", "dropped_words": 0}]
        ),
    }


def build(
    *speech: Speech,
    duration_s: float = 60.0,
    acknowledges: Callable[[str], bool] | None = is_acknowledgement,
    **more: object,
) -> Tables:
    tables = tables_of(speech, round(duration_s * 1000), **more)  # type: ignore[arg-type]
    return turns.build(tables, SETTINGS, acknowledges)


def brief(frame: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return frame.select(columns).rows()


# Hand-made cases. A is the therapist in most of them, B the client.


def test_turns_join_over_pauses_and_end_in_lapses() -> None:
    got = build(say("A", 1, 2, "so how"), say("A", 3, 4, "was it"), say("A", 6, 7, "hello"))
    assert brief(got["turns"], "start_ms", "end_ms", "text", "n_words", "latency_ms") == [
        (1000, 4000, "so how was it", 4, None),
        (6000, 7000, "hello", 1, None),
    ]
    assert brief(got["silences"], "start_ms", "end_ms", "kind", "before_speaker") == [
        (0, 1000, "edge", None),
        (2000, 3000, "pause", "A"),
        (4000, 6000, "lapse", "A"),
        (7000, 60_000, "edge", "A"),
    ]


@pytest.mark.parametrize(("silence_s", "kind"), [(1.5, "pause"), (1.51, "lapse")])
def test_the_longest_pause_is_still_a_pause(silence_s: float, kind: str) -> None:
    got = build(say("A", 1, 2, "one"), say("A", 2 + silence_s, 5, "two"))
    assert got["silences"]["kind"].to_list() == ["edge", kind, "edge"]
    assert got["turns"].height == (1 if kind == "pause" else 2)


def test_latency_is_the_gap_and_negative_in_overlap() -> None:
    got = build(
        say("A", 1, 3, "what was that like"),
        say("B", 3.4, 6, "it was hard for me"),
        say("A", 5.8, 8, "hard in what way"),
        say("B", 8, 9, "just hard"),
    )
    assert got["turns"]["latency_ms"].to_list() == [None, 400, -200, 0]
    assert brief(got["silences"], "kind", "before_speaker", "after_speaker")[1] == ("gap", "A", "B")


def test_a_backchannel_leaves_the_turn_and_the_latency_alone() -> None:
    got = build(
        say("A", 1, 5, "I was at home and then the phone rang and"),
        say("B", 3, 3.4, "mm-hm"),
        say("A", 5.3, 8, "it was my mother of all people"),
        say("B", 8.5, 10, "what did she want"),
    )
    assert brief(got["turns"], "speaker", "start_ms", "is_backchannel", "latency_ms") == [
        ("A", 1000, False, None),
        ("B", 3000, True, None),
        ("B", 8500, False, 500),
    ]
    assert brief(got["overlaps"], "holder", "other", "kind") == [("A", "B", "backchannel")]


def test_a_backchannel_in_the_pause_of_the_other() -> None:
    got = build(
        say("A", 1, 3, "it was late already"),
        say("B", 3.2, 3.6, "yeah"),
        say("A", 4, 6, "and so I left"),
    )
    assert brief(got["turns"], "speaker", "is_backchannel") == [("A", False), ("B", True)]
    assert got["turns"]["text"][0] == "it was late already and so I left"


def test_after_a_question_the_same_word_is_an_answer() -> None:
    got = build(
        say("A", 1, 3, "did you sleep?"), say("B", 3.2, 3.6, "yeah"), say("A", 4, 6, "good to hear")
    )
    assert brief(got["turns"], "speaker", "is_backchannel", "latency_ms") == [
        ("A", False, None),
        ("B", False, 200),
        ("A", False, 400),
    ]


def test_a_quoted_question_is_one_too() -> None:
    got = build(
        say("A", 1, 3, "she said “did you sleep?”"),
        say("B", 3.2, 3.6, "yeah"),
        say("A", 4, 6, "that is what she said"),
    )
    assert not got["turns"]["is_backchannel"].any()


def test_a_late_acknowledgement_is_an_answer() -> None:
    got = build(
        say("A", 1, 3, "tell me about it"), say("B", 4.1, 4.5, "okay"), say("A", 5, 6, "whenever")
    )
    assert not got["turns"]["is_backchannel"].any()
    assert got["turns"]["latency_ms"].to_list() == [None, 1100, 500]


def test_an_acknowledgement_before_the_other_stays_silent_is_an_answer() -> None:
    got = build(
        say("A", 1, 3, "let us stop here"), say("B", 3.2, 3.6, "okay"), say("A", 7, 8, "bye then")
    )
    assert not got["turns"]["is_backchannel"].any()


def test_too_long_or_too_many_words_is_no_backchannel() -> None:
    holder = say("A", 1, 9, "so this is a long story of mine that goes on")
    assert build(holder, say("B", 3, 3.9, "yeah okay right"))["turns"]["is_backchannel"][1]
    assert not build(holder, say("B", 3, 4.1, "yeah okay right"))["turns"]["is_backchannel"][1]
    assert not build(holder, say("B", 3, 3.9, "yeah okay right yes"))["turns"]["is_backchannel"][1]
    assert not build(holder, say("B", 3, 3.9, "yeah but no"))["turns"]["is_backchannel"][1]


def test_a_failed_attempt_does_not_end_the_holders_turn() -> None:
    got = build(
        say("A", 1, 9, "so this is a long story of mine that goes on"),
        say("B", 3, 4.5, "can I just say"),
        say("A", 9.5, 11, "and on and on"),
    )
    assert brief(got["turns"], "speaker", "start_ms", "end_ms") == [
        ("A", 1000, 11_000),
        ("B", 3000, 4500),
    ]
    assert brief(got["overlaps"], "start_ms", "end_ms", "holder", "kind") == [
        (3000, 4500, "A", "failed_attempt")
    ]


def test_an_acknowledgement_after_ones_own_failed_attempt() -> None:
    """The floor is with A all the while, though B spoke last but one."""
    got = build(
        say("A", 1, 9, "so this is a long story of mine that goes on"),
        say("B", 3, 4.5, "can I just say"),
        say("B", 6, 6.4, "mm-hm"),
    )
    assert got["turns"]["is_backchannel"].to_list() == [False, False, True]


def test_an_acknowledgement_after_ones_own_speech_is_none() -> None:
    got = build(
        say("A", 1, 2, "and you"),
        say("B", 2.2, 5, "I went to see her"),
        say("B", 5.4, 5.8, "yeah"),
        say("A", 6, 7, "and then"),
    )
    assert not got["turns"]["is_backchannel"].any()
    assert got["turns"]["text"][1] == "I went to see her yeah"


def test_taking_the_floor() -> None:
    got = build(
        say("A", 1, 5, "so this is a long story of mine"),
        say("B", 3, 7, "no I have to stop you there"),
        say("A", 7.5, 9, "all right go on"),
    )
    assert brief(got["turns"], "speaker", "start_ms", "latency_ms") == [
        ("A", 1000, None),
        ("B", 3000, -2000),
        ("A", 7500, 500),
    ]
    assert brief(got["overlaps"], "start_ms", "end_ms", "holder", "kind") == [
        (3000, 5000, "A", "floor_taking")
    ]


def test_overlap_near_the_end_is_cooperative() -> None:
    for start_s, kind in ((4.5, "cooperative"), (4.49, "floor_taking")):
        got = build(say("A", 1, 5, "a long story"), say("B", start_s, 7, "no I have to stop you"))
        assert got["overlaps"]["kind"].to_list() == [kind]


def test_nobody_takes_the_floor_from_a_backchannel() -> None:
    got = build(
        say("A", 1, 3, "it was late"),
        say("B", 3.05, 3.95, "mm-hm"),
        say("A", 3.2, 6, "and so I left"),
    )
    assert got["turns"]["is_backchannel"].to_list() == [False, True]
    assert brief(got["overlaps"], "holder", "other", "kind") == [("A", "B", "backchannel")]


def test_who_starts_at_the_same_time_and_says_more_has_the_floor() -> None:
    got = build(say("A", 1, 5, "a long story of mine"), say("B", 1, 2, "no wait please"))
    assert brief(got["overlaps"], "holder", "other") == [("A", "B")]


def test_without_words_a_short_overlap_is_left_open() -> None:
    got = build(
        say("A", 1, 9),
        *(say("B", 2, 2.5), say("B", 2.9, 3.5)),  # two short sounds, one turn: still not told
        *(say("B", 5.1, 6.5), say("B", 8.2, 11)),
        engine="none",
    )
    for column in ("is_backchannel", "text", "n_words"):
        assert got["turns"][column].null_count() == got["turns"].height
    assert brief(got["overlaps"], "start_ms", "kind") == [
        (2000, None),
        (5100, "failed_attempt"),
        (8200, "floor_taking"),
    ]


def test_without_a_lexicon_nothing_is_called_a_backchannel() -> None:
    got = build(say("A", 1, 9, "eine lange Geschichte"), say("B", 3, 3.5, "mm"), acknowledges=None)
    assert got["turns"]["is_backchannel"].null_count() == 2
    assert got["overlaps"]["kind"].to_list() == [None]


def test_a_diarizer_that_knows_no_overlap_gives_none() -> None:
    got = build(say("A", 1, 9, "a long story"), say("B", 3, 4.5, "stop it"), knows_overlap=False)
    assert got["overlaps"].is_empty()


def test_nobody_speaks() -> None:
    got = build(duration_s=5)
    assert got["turns"].is_empty()
    assert brief(got["silences"], "start_ms", "end_ms", "kind", "before_speaker") == [
        (0, 5000, "edge", None)
    ]


def test_only_the_regular_view_makes_timing() -> None:
    tables = tables_of([say("A", 1, 2, "one"), say("B", 3, 4, "two")], 10_000)
    tables["spans"] = tables["spans"].with_columns(regular=pl.col("speaker") == "A")
    tables["words"] = tables["words"].filter(pl.col("speaker") == "A")
    assert turns.build(tables, SETTINGS, None)["turns"]["speaker"].to_list() == ["A"]


def test_words_of_a_speaker_without_speech_make_turns_of_their_own() -> None:
    unheard = word_rows([say("B", 4, 5, "nobody heard me"), say("B", 8, 8.5, "again")])
    got = build(say("A", 1, 2, "hello there"), say("A", 9, 10, "so"), words=unheard)
    assert brief(got["turns"], "speaker", "start_ms", "text") == [
        ("A", 1000, "hello there"),
        ("B", 4000, "nobody heard me"),
        ("B", 8000, "again"),
        ("A", 9000, "so"),
    ]
    silences = brief(got["silences"], "start_ms", "end_ms", "missed_speech_risk")
    assert silences == [(0, 1000, False), (2000, 9000, True), (10_000, 60_000, False)]


def test_a_word_measured_far_from_its_speakers_speech() -> None:
    far = word_rows([say("A", 20, 20.5, "far")])
    near = word_rows([say("A", 3, 3.4, "near")])
    guessed = [{**row, "timing": "interpolated"} for row in far]
    speech = say("A", 1, 2, "hello")
    got = build(speech, words=[*near, *far])
    assert got["turns"]["text"].to_list() == ["hello near", "far"]
    assert got["silences"]["missed_speech_risk"].to_list() == [False, True]
    got = build(speech, words=[*near, *guessed])
    assert got["turns"]["text"].to_list() == ["hello near far"]
    assert not got["silences"]["missed_speech_risk"].any()


def test_lost_signal_in_a_silence_is_told() -> None:
    lost = [(3000, 3500), (10_000, 10_500), (10_600, 10_650)]
    got = build(say("A", 1, 2), say("A", 9, 10), dropouts=lost, channels=("A",))["silences"]
    assert brief(got, "missed_speech_risk", "dropout_ms") == [(False, 0), (True, 500), (True, 550)]


def test_of_three_people_each_keeps_their_words() -> None:
    got = build(
        say("A", 1, 3, "how are you both"),
        say("B", 3.2, 5, "we are well"),
        say("C", 4.8, 6, "speak for yourself"),
        say("A", 6.5, 8, "I see"),
    )
    assert got["turns"]["speaker"].to_list() == ["A", "B", "C", "A"]
    assert got["turns"]["latency_ms"].to_list() == [None, 200, -200, 500]


# What must hold of any talk.

TEXTS = (None, "mm-hm", "yeah okay", "no", "did you?", "well that is how it was for me then")


@st.composite
def talks(draw: st.DrawFn, *, speakers: Sequence[str] = ("A", "B")) -> list[Speech]:
    """Speech of each speaker on a grid of 10 ms, free to overlap the others'."""
    talk = []
    for speaker in speakers:
        at = draw(st.integers(0, 200))
        for _ in range(draw(st.integers(0, 8))):
            length = draw(st.integers(6, 400))
            text = draw(st.sampled_from(TEXTS))
            talk.append(Speech(speaker, at * 10, (at + length) * 10, text))
            at += length + draw(st.sampled_from((1, 10, 18, 19, 60, 150, 151, 400)))
    return talk


def end_of(talk: Sequence[Speech]) -> int:
    return max([one.end_ms for one in talk], default=0)


def of(talk: Sequence[Speech], rest_ms: int = 700, **more: object) -> Tables:
    tables = tables_of(talk, end_of(talk) + rest_ms, **more)  # type: ignore[arg-type]
    return turns.build(tables, SETTINGS, is_acknowledgement)


rest = st.integers(0, 300).map(lambda tens: max(10, tens * 10))


@given(talk=talks(speakers=("A", "B", "C")))
def test_turns_partition_the_words(talk: list[Speech]) -> None:
    got = of(talk)["turns"]
    for speaker in "ABC":
        said = sorted(
            word for one in talk if one.speaker == speaker for word in (one.text or "").split()
        )
        texts = got.filter(pl.col("speaker") == speaker)["text"].drop_nulls()
        assert sorted(" ".join(texts).split()) == said
    assert got["n_words"].sum() == sum(len((one.text or "").split()) for one in talk)
    counted = [len(text.split()) if text else None for text in got["text"]]
    assert got["n_words"].to_list() == counted


@given(talk=talks(), unheard=talks(speakers=("A", "Z")))
def test_no_word_is_lost_whatever_the_speech(talk: list[Speech], unheard: list[Speech]) -> None:
    words = word_rows(unheard)
    got = turns.build(
        tables_of(talk, end_of([*talk, *unheard]) + 10, words=words), SETTINGS, is_acknowledgement
    )
    said = sum(len((one.text or "").split()) for one in [*talk, *unheard])
    assert got["turns"]["n_words"].sum() == said


@given(talk=talks(speakers=("A", "B", "C")), rest_ms=rest)
def test_silences_and_speech_partition_the_recording(talk: list[Speech], rest_ms: int) -> None:
    got = of(talk, rest_ms)["silences"]
    n = (end_of(talk) + rest_ms) // 10
    covered = [0] * n
    for one in talk:
        for k in range(one.start_ms // 10, one.end_ms // 10):
            covered[k] = 1
    for start, end in got.select("start_ms", "end_ms").iter_rows():
        assert start % 10 == end % 10 == 0
        for k in range(start // 10, end // 10):
            assert not covered[k]
            covered[k] = 2
    assert all(covered)
    for (_, end), (start, _) in pairwise(got.select("start_ms", "end_ms").iter_rows()):
        assert end < start


def kind_on_the_grid(talk: Sequence[Speech], duration_ms: int) -> list[tuple[int, int, str]]:
    """Silences and their kinds, step by step in time: another way to the same definitions."""
    speaking: list[set[str]] = [set() for _ in range(duration_ms // 10)]
    for one in talk:
        for k in range(one.start_ms // 10, one.end_ms // 10):
            speaking[k].add(one.speaker)
    found: list[tuple[int, int, str]] = []
    before: set[str] | None = None
    began: int | None = None
    for k, now in enumerate([*speaking, {"the end"}]):
        if not now:
            began = k if began is None else began
            continue
        if began is not None:
            length_ms = (k - began) * 10
            if before is None or now == {"the end"}:
                kind = "edge"
            elif before == now:
                kind = "pause" if length_ms <= SETTINGS.turn_pause_ms else "lapse"
            else:
                kind = "gap"
            found.append((began * 10, k * 10, kind))
            began = None
        before = now
    return found


@given(talk=talks(), rest_ms=rest)
def test_kinds_of_silence_agree_with_a_grid(talk: list[Speech], rest_ms: int) -> None:
    got = of(talk, rest_ms)["silences"]
    want = kind_on_the_grid(talk, end_of(talk) + rest_ms)
    assert got.height == len(want)
    for row, (start, end, kind) in zip(got.iter_rows(named=True), want, strict=True):
        assert (row["start_ms"], row["end_ms"], row["length_ms"]) == (start, end, end - start)
        edges = [o for o in talk if o.end_ms == start or o.start_ms == end]
        if len(edges) == 2 or kind == "edge":  # two who end or start together: either may stand
            assert row["kind"] == kind


@given(talk=talks(speakers=("A", "B", "C")))
def test_what_holds_of_each_table(talk: list[Speech]) -> None:
    got = of(talk)
    frame = got["turns"]
    assert frame["turn_id"].to_list() == list(range(frame.height))
    assert frame["start_ms"].is_sorted()
    assert frame.filter("is_backchannel")["latency_ms"].null_count() == (
        frame.filter("is_backchannel").height
    )
    units = {
        who: turns.merge(
            [(o.start_ms, o.end_ms) for o in talk if o.speaker == who], SETTINGS.unit_pause_ms
        )
        for who in "ABC"
    }
    ends = frame.select("start_ms", "end_ms").rows()
    for row in got["overlaps"].iter_rows(named=True):
        assert row["holder"] != row["other"]
        assert row["into_ms"] >= 0
        assert (row["form"] is not None) <= (row["kind"] == "cooperative")
        for who in ("holder", "other"):
            own = units[row[who]]
            assert any(a <= row["start_ms"] < b for a, b in own)
            assert any(a < row["end_ms"] <= b for a, b in own)
            begin, end = ends[row[who + "_turn"]]
            assert begin <= row["start_ms"] < row["end_ms"] <= end
            assert frame["speaker"][row[who + "_turn"]] == row[who]
    assert got["overlaps"]["start_ms"].is_sorted()
    assert got["silences"]["silence_id"].to_list() == list(range(got["silences"].height))
    for name in ("turns", "silences", "overlaps"):
        assert not any(series.is_nan().any() for series in got[name] if series.dtype.is_float())


@given(talk=talks(speakers=("A", "B", "C")), tens=st.integers(1, 500))
def test_a_shift_moves_everything_and_changes_nothing_else(talk: list[Speech], tens: int) -> None:
    by = tens * 10
    later = [Speech(o.speaker, o.start_ms + by, o.end_ms + by, o.text) for o in talk]
    one, two = of(talk), of(later)
    moved = [pl.col("start_ms") + by, pl.col("end_ms") + by]
    assert two["turns"].equals(one["turns"].with_columns(moved))
    assert two["overlaps"].equals(one["overlaps"].with_columns(moved))
    inner = pl.col("before_speaker").is_not_null()
    rest_of = {
        key: tables["silences"].filter(inner).drop("silence_id")
        for key, tables in (("one", one), ("two", two))
    }
    assert rest_of["two"].equals(rest_of["one"].with_columns(moved))


@given(
    talk=talks(speakers=("A", "B", "C")),
    names=st.permutations(["A", "B", "C", "zoe", "Änne"]).map(lambda all_names: all_names[:3]),
)
def test_renaming_speakers_changes_labels_only(talk: list[Speech], names: list[str]) -> None:
    if len({(o.start_ms, o.end_ms) for o in talk}) < len(talk):
        talk = talk[:1]  # twins: nothing but the name tells them apart
    renamed = dict(zip("ABC", names, strict=True))
    other = [Speech(renamed[o.speaker], o.start_ms, o.end_ms, o.text) for o in talk]
    one, two = of(talk), of(other)
    for name, columns in (
        ("turns", ["speaker"]),
        ("silences", ["before_speaker", "after_speaker"]),
        ("overlaps", ["holder", "other"]),
    ):
        relabelled = one[name].with_columns(pl.col(columns).replace(renamed))
        assert two[name].equals(relabelled)


@given(talk=talks())
def test_swapping_channels_changes_nothing(talk: list[Speech]) -> None:
    one, two = of(talk, channels=("A", "B")), of(talk, channels=("B", "A"))
    assert all(one[name].equals(two[name]) for name in one)


@given(talk=talks(), order=st.randoms())
def test_the_order_of_rows_changes_nothing(talk: list[Speech], order: object) -> None:
    mixed = list(talk)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    one, two = of(talk), of(mixed)
    assert all(one[name].equals(two[name]) for name in one)


def test_two_hours_take_no_time() -> None:
    import time  # noqa: PLC0415

    talk = [
        Speech("AB"[k % 2], k * 3000, k * 3000 + 3500, "well that is how it was")
        for k in range(2400)
    ]
    began = time.monotonic()
    assert of(talk)["turns"].height == 2400
    assert time.monotonic() - began < 3
