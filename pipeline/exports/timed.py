"""Speakers as RTTM, the transcript as WebVTT and SubRip.

RTTM names speaker labels. Subtitles name the role if exactly one speaker has it, else the label:
``<v therapist>``. A turn becomes cues that fit a screen, split after sentences, at the times of its
words; if the words in the table are not those of the turn, the turn is one cue.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.core.errors import ConfigError
from pipeline.core.tables import Recording, Tables
from pipeline.formats import rttm
from pipeline.formats.timed_text import srt, webvtt
from pipeline.formats.timed_text.cues import CUES

SOURCES: Mapping[str, Sequence[str]] = {
    "rttm": ("turns", "spans"),
    "vtt": ("turns",),
    "srt": ("turns",),
}
"""Tables from which each format is written."""

LINE_CHARACTERS = 42
"""Characters in a line of a subtitle, two lines to a cue: the usual limit of broadcasters and of
Netflix's Timed Text Style Guide."""

_Word = tuple[int, int, str]


def encode(recording: Recording, tables: Tables, name: str, fmt: str) -> str:
    """Text of the file.

    Raises
    ------
    ConfigError
        Subtitles of a session without a transcript.
    """
    if fmt == "rttm":
        segments = tables[name]
        if name == "spans":
            segments = segments.filter("regular")
        segments = segments.select("start_ms", "end_ms", "speaker")
        return rttm.write(segments.sort("start_ms", "end_ms"), recording.short_id)
    cues = cues_of(tables)
    return webvtt.write(cues) if fmt == "vtt" else srt.write(cues)


def cues_of(tables: Tables) -> pl.DataFrame:
    """The turns as table `CUES`, sorted by start.

    Raises
    ------
    ConfigError
        No turn has words.
    """
    turns = tables["turns"].drop_nulls("text").sort("start_ms", "end_ms")
    if turns.is_empty():
        raise ConfigError(
            "this session has no transcript",
            expected="words, for subtitles",
            hint="export --format rttm, or run again with a transcriber or a transcript",
        )
    voices = _voices(tables["turns"])
    words = tables.get("words")
    rows: list[dict[str, object]] = []
    for turn in turns.iter_rows(named=True):
        of_turn = [] if words is None else _words_of(turn, words)
        cut = list(_cut(of_turn)) or [(turn["start_ms"], turn["end_ms"], turn["text"])]
        rows.extend(
            {"start_ms": a, "end_ms": b, "speaker": voices[turn["speaker"]], "text": text}
            for a, b, text in cut
        )
    return CUES.frame(rows).sort("start_ms", maintain_order=True)


def _voices(turns: pl.DataFrame) -> dict[str, str]:
    """Name of each speaker: the role if nobody else has it, else the label."""
    pairs = turns.select("speaker", "role").unique(maintain_order=True).rows()
    roles = [role for _, role in pairs if role in {"therapist", "client"}]
    return {speaker: role if roles.count(role) == 1 else speaker for speaker, role in pairs}


def _words_of(turn: Mapping[str, Any], words: pl.DataFrame) -> list[_Word]:
    """The words of a turn; empty if the words in the table do not match the turn's text."""
    middle = (pl.col("start_ms") + pl.col("end_ms")) // 2
    inside = words.filter(
        pl.col("speaker") == turn["speaker"],
        middle >= turn["start_ms"],
        middle < turn["end_ms"],
    )
    rows = inside.select("start_ms", "end_ms", "text").rows()
    return rows if " ".join(text for _, _, text in rows) == turn["text"] else []


def _cut(words: Sequence[_Word]) -> Iterator[_Word]:
    """Cues of at most two lines if the words allow; the end of a sentence closes a long cue."""
    held: list[_Word] = []
    for word in words:
        if held and len(_text([*held, word])) > 2 * LINE_CHARACTERS:
            yield _cue(held)
            held = []
        held.append(word)
        if word[2][-1:] in {".", "?", "!"} and len(_text(held)) > LINE_CHARACTERS:
            yield _cue(held)
            held = []
    if held:
        yield _cue(held)


def _cue(words: Sequence[_Word]) -> _Word:
    return words[0][0], max(end_ms for _, end_ms, _ in words), _text(words)


def _text(words: Sequence[_Word]) -> str:
    return " ".join(text for _, _, text in words)
