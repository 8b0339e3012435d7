"""WebVTT (W3C, Web Video Text Tracks), with speakers as voice tags ``<v Speaker>``.

NOTE, STYLE and REGION blocks, identifiers and settings of cues are passed over. Other tags are
removed, their text stays. Meeting tools write ``Speaker: text`` instead of a voice tag: in a file
without a voice tag, speakers are sought in the text as `formats.cues` says.
"""

import html
import re
from collections.abc import Iterator

import polars as pl

from pipeline.formats.cues import Cue, Part, closed, squeeze, table
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import Problems, blocks, clock_of_ms, decode, ms_of_clock

_HEADER = re.compile(r"WEBVTT(?:[ \t].*)?")
_ASIDE = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s.*)?")
_TIMES = re.compile(r"\s*([\d:.,]+)\s*-->\s*([\d:.,]+)(?:\s.*)?")
_TAG = re.compile(r"(<[^<>]*>)")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_EXPECTED = "00:00:01.000 --> 00:00:02.500"


def read(data: bytes | str, repairs: Repairs | None = None) -> pl.DataFrame:
    """Table `CUES` of a file, in the file's order.

    A cue with several voices shares its time among them by characters, in their order.

    Raises
    ------
    InputError
        No WEBVTT header, or all blocks that cannot be used.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("WebVTT")
    lines = decode(data).split("\n")
    if not _HEADER.fullmatch(lines[0]):
        problems.add(1, "no WEBVTT header", "WEBVTT on the first line")
        problems.stop()
    if "-->" not in lines[0]:
        lines[0] = "NOTE"
    found = list(_cues("\n".join(lines), problems))
    if not found and not problems.found:
        problems.add("the file", "no cue", _EXPECTED)
    problems.stop()
    return table(found, prefixes=True)


def write(cues: pl.DataFrame) -> str:
    """`cues` as WebVTT, each with its speaker in a voice tag.

    Raises
    ------
    InputError
        A cue has no end.
    """
    written = ["WEBVTT\n"]
    for start_ms, end_ms, speaker, text in closed(cues).iter_rows():
        voice = "" if speaker is None else f"<v {_escape(speaker)}>"
        written.append(
            f"{clock_of_ms(start_ms, '.')} --> {clock_of_ms(end_ms, '.')}\n{voice}{_escape(text)}\n"
        )
    return "\n".join(written)


def _cues(text: str, problems: Problems) -> Iterator[Cue]:
    for first, block in blocks(text):
        at = next((i for i, line in enumerate(block) if "-->" in line), None)
        if at is None and _ASIDE.fullmatch(block[0]):
            continue
        if at is None or (at > 1 and first > 1):
            problems.add(first, "a block without a time", f"{_EXPECTED}, then text")
            continue
        for number, line in enumerate(block[at + 1 :], first + at + 1):
            if "-->" in line:
                problems.add(number, "a time within a text", "a blank line before each cue")
        times = _times(first + at, block[at], problems)
        if times:
            yield Cue(*times, tuple(_voices("\n".join(block[at + 1 :]))))


def _times(number: int, line: str, problems: Problems) -> tuple[int, int] | None:
    match = _TIMES.fullmatch(line)
    start_ms = ms_of_clock(match[1]) if match else None
    end_ms = ms_of_clock(match[2]) if match else None
    if start_ms is None or end_ms is None:
        problems.add(number, "a time that cannot be read", _EXPECTED)
        return None
    end_ms = problems.end_of(number, start_ms, end_ms)
    return None if end_ms is None else (start_ms, end_ms)


def _voices(payload: str) -> Iterator[Part]:
    """Parts of a cue's text, a new one at each voice tag."""
    speaker: str | None = None
    said = ""
    for piece in _TAG.split(payload):
        voice = _VOICE.fullmatch(piece)
        if voice or piece == "</v>":
            if speaker or said.strip():
                yield _part(speaker, said)
            speaker = squeeze(html.unescape(voice[1])) or None if voice else None
            said = ""
        elif not _TAG.fullmatch(piece):
            said += piece
    if speaker or said.strip():
        yield _part(speaker, said)


def _part(speaker: str | None, said: str) -> Part:
    return Part(speaker, tuple(html.unescape(line) for line in said.split("\n")))


def _escape(text: str) -> str:
    return squeeze(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
