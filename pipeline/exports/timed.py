"""Speakers as RTTM, the transcript as WebVTT and SubRip.

RTTM carries speaker labels. Subtitles carry the role where exactly one speaker has it, else the
label: ``<v therapist>``. A turn becomes cues that fit a screen, cut after sentences, at the times
of its words; where the words in the table are not those of the turn, it is one cue.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.core.errors import ConfigError
from pipeline.core.tables import Recording, Tables
from pipeline.formats import rttm, srt, webvtt
from pipeline.formats.cues import CUES

SOURCES: Mapping[str, Sequence[str]] = {
    "rttm": ("turns", "spans"),
    "vtt": ("turns",),
    "srt": ("turns",),
}
"""Tables from which each format is written."""

LINE_CHARACTERS = 42
"""Characters of a subtitle's line, two to a cue: the usual limit of broadcasters and Netflix's
Timed Text Style Guide."""

_Word = tuple[int, int, str]


def encode(recording: Recording, tables: Tables, name: str, fmt: str) -> str:
    """Text of the file.

    Raises
    ------
    ConfigError
        Subtitles are asked of a session without a transcript.
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
    """Table `CUES` of the turns, sorted by start.

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
        own = [] if words is None else _words_of(turn, words)
        cut = list(_cut(own)) or [(turn["start_ms"], turn["end_ms"], turn["text"])]
        rows.extend(
            {"start_ms": a, "end_ms": b, "speaker": voices[turn["speaker"]], "text": text}
            for a, b, text in cut
        )
    return CUES.frame(rows).sort("start_ms", maintain_order=True)


def _voices(turns: pl.DataFrame) -> dict[str, str]:
    """Role of a speaker where nobody else has it, else the label."""
    pairs = turns.select("speaker", "role").unique(maintain_order=True).rows()
    told = [role for _, role in pairs if role in {"therapist", "client"}]
    return {speaker: role if told.count(role) == 1 else speaker for speaker, role in pairs}


def _words_of(turn: Mapping[str, Any], words: pl.DataFrame) -> list[_Word]:
    """The words of a turn; empty if the table's words there are not the turn's text."""
    middle = (pl.col("start_ms") + pl.col("end_ms")) // 2
    own = words.filter(
        pl.col("speaker") == turn["speaker"],
        middle >= turn["start_ms"],
        middle < turn["end_ms"],
    )
    found = own.select("start_ms", "end_ms", "text").rows()
    return found if " ".join(text for _, _, text in found) == turn["text"] else []


def _cut(words: Sequence[_Word]) -> Iterator[_Word]:
    """Cues of at most two lines where the words allow it; a sentence's end closes the second."""
    held: list[_Word] = []
    for word in words:
        if held and len(_said([*held, word])) > 2 * LINE_CHARACTERS:
            yield _cue(held)
            held = []
        held.append(word)
        if word[2][-1:] in {".", "?", "!"} and len(_said(held)) > LINE_CHARACTERS:
            yield _cue(held)
            held = []
    if held:
        yield _cue(held)


def _cue(words: Sequence[_Word]) -> _Word:
    return words[0][0], max(end_ms for _, end_ms, _ in words), _said(words)


def _said(words: Sequence[_Word]) -> str:
    return " ".join(text for _, _, text in words)
