import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Guards, load
from pipeline.engines.transcription.asr_chunks import Piece
from pipeline.engines.transcription.hallucination_filter import (
    Word,
    drop_repetitions,
    filter_hallucinations,
    table,
)

SETTINGS: Guards = load().transcription.guards
PIECE = Piece(1_000, 4_000, "A", 0)


def sound(*loud_ms: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Three seconds of faint hiss, with speech-like noise in the given stretches."""
    random = np.random.default_rng(0)
    made = random.standard_normal(48_000).astype(np.float32)
    gain = np.full(48_000, 1e-5, dtype=np.float32)
    for start, end in loud_ms:
        gain[16 * start : 16 * end] = 0.1
    return made * gain


def words(*rows: tuple[str, int, int]) -> list[Word]:
    return [Word(text, start, end) for text, start, end in rows]


def texts(kept: list[Word]) -> list[str]:
    return [word.text for word in kept]


def test_words_on_speech_are_believed() -> None:
    said = words(("Well,", 1_000, 1_400), ("yes.", 1_500, 2_000))
    assert filter_hallucinations(said, PIECE, sound((0, 1_000)), SETTINGS) == said


def test_words_over_silence_within_the_piece_are_refused() -> None:
    said = words(("Well,", 1_000, 1_400), ("you", 2_800, 3_000), ("know", 3_200, 3_400))
    assert texts(filter_hallucinations(said, PIECE, sound((0, 1_000)), SETTINGS)) == ["Well,"]


def test_nothing_is_believed_of_a_silent_piece() -> None:
    said = words(("Thank", 1_000, 1_400), ("you.", 1_500, 2_000))
    assert filter_hallucinations(said, PIECE, np.zeros(48_000, dtype=np.float32), SETTINGS) == []


def test_words_outside_the_piece_are_refused_and_edges_cut() -> None:
    said = words(("early", 0, 400), ("first", 900, 1_200), ("last", 3_900, 4_200))
    kept = filter_hallucinations(said, PIECE, sound((0, 3_000)), SETTINGS)
    assert [(word.text, word.start_ms, word.end_ms) for word in kept] == [
        ("first", 1_000, 1_200),
        ("last", 3_900, 4_000),
    ]


def test_more_words_than_a_mouth_can_say_are_refused() -> None:
    said = words(*((f"w{n}", 1_000 + 50 * n, 1_040 + 50 * n) for n in range(50)))
    assert filter_hallucinations(said, PIECE, sound((0, 3_000)), SETTINGS) == []
    assert len(filter_hallucinations(said[:24], PIECE, sound((0, 3_000)), SETTINGS)) == 24


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no no no no I mean it", "no no no no I mean it"),  # people say that
        ("no no no no no I mean it", "no I mean it"),
        ("so I think I think I think I think I think so", "so I think so"),
        ("a b c a b c a b c a b c a b c d", "a b c d"),
        ("Thank you. Thank you! thank you Thank you, THANK YOU", "Thank you."),
    ],
)
def test_a_loop_is_kept_once(said: str, kept: str) -> None:
    heard = [Word(text, 0, 10) for text in said.split()]
    assert " ".join(word.text for word in drop_repetitions(heard, SETTINGS)) == kept


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 900)), max_size=30))
def test_what_is_believed_lies_in_the_piece_and_was_said(times: list[tuple[int, int]]) -> None:
    said = [Word(f"w{n}", start, start + length) for n, (start, length) in enumerate(times)]
    kept = filter_hallucinations(said, PIECE, sound((0, 3_000)), SETTINGS)
    assert {word.text for word in kept} <= {word.text for word in said}
    assert all(1_000 <= word.start_ms < word.end_ms <= 4_000 for word in kept)


def test_a_table_is_in_order_whatever_came_first() -> None:
    heard = [("B", Word("two", 500, 600, 0.5)), ("A", Word("one", 100, 200))]
    found = table(heard, "interpolated")
    assert found.select("word_id", "speaker", "text", "confidence").rows() == [
        (0, "A", "one", None),
        (1, "B", "two", 0.5),
    ]
