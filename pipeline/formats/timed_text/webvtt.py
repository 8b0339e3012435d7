"""WebVTT (W3C, Web Video Text Tracks), with speakers as voice tags ``<v Speaker>``.

NOTE, STYLE and REGION blocks and settings of cues are skipped. Other tags are removed, their
text stays. Meeting tools write ``Speaker: text`` instead of a voice tag, or the speaker above the
times: in a file without a voice tag, speakers are sought as `formats.labels` says. The header's
``Language:`` says what language is spoken.
"""

import html
import re
from collections.abc import Iterator

import polars as pl

from pipeline.core.languages import stated
from pipeline.formats.repairs import Repairs
from pipeline.formats.speaker_labels import labelled
from pipeline.formats.text import Problems, clock_of_ms, decode
from pipeline.formats.timed_text.captions import captions
from pipeline.formats.timed_text.cues import Cue, Part, closed, squeeze, table

_HEADER = re.compile(r"\s*WEBVTT(?:[ \t].*)?", re.IGNORECASE)
_LANGUAGE = re.compile(r"\s*Language\s*:\s*(.*)", re.IGNORECASE)
_ASIDE = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s.*)?")
_TAG = re.compile(r"(<[^<>]*>)")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>", re.IGNORECASE)
_NO_CHARACTER = re.compile(r"&(#(?:\d{8,}|[xX][0-9a-fA-F]{7,}))")
_EXPECTED = "00:00:01.000 --> 00:00:02.500"


def read(data: bytes | str, repairs: Repairs | None = None) -> pl.DataFrame:
    """Table `CUES` of a file, in the file's order.

    A cue with several voices shares its time among them by characters, in their order.

    Raises
    ------
    InputError
        Neither a WEBVTT header nor a cue, or more cues without a usable time than
        `text.UNUSABLE_AT_MOST`.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("WebVTT")
    head, body = _parted(decode(data))
    found = captions(body, _EXPECTED, problems, repairs, _ASIDE)
    if not head and not found:
        problems.found.clear()
        problems.add(1, "no WEBVTT header", "WEBVTT on the first line")
    elif not found and not problems.found:
        problems.add("the file", "no cue", _EXPECTED)
    problems.settle(len(found))
    repairs["Missing header, the rest read as WebVTT"] += not head
    cues = [Cue(each.times, tuple(_voices("\n".join(each.lines))), each.name) for each in found]
    return table(labelled(cues), repairs)


def language(data: bytes | str) -> str | None:
    """Language that the header states, as `language.stated` gives it; None: none."""
    lines = _parted(decode(data))[0].split("\n")
    return next((stated(match[1]) for line in lines if (match := _LANGUAGE.fullmatch(line))), None)


def _parted(text: str) -> tuple[str, str]:
    """Header, empty where there is none, and body; the body keeps the numbers of its lines."""
    lines = text.split("\n")
    top = next((at for at, line in enumerate(lines) if line.strip("\ufeff \t")), 0)
    if not _HEADER.fullmatch(lines[top].lstrip("\ufeff")):
        return "", text
    end = top + 1
    while end < len(lines) and lines[end].strip() and "-->" not in lines[end]:
        end += 1
    if end < len(lines) and "-->" in lines[end] and end > top + 1:
        end -= 1  # the line above a time is that cue's own
    return "\n".join(lines[top:end]), "\n" * end + "\n".join(lines[end:])


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


def _voices(payload: str) -> Iterator[Part]:
    """Parts of a cue's text, a new one at each voice tag."""
    speaker: str | None = None
    said = ""
    for piece in _TAG.split(payload):
        voice = _VOICE.fullmatch(piece)
        if voice or piece == "</v>":
            if speaker or said.strip():
                yield _part(speaker, said)
            speaker = squeeze(_unescaped(voice[1])) or None if voice else None
            said = ""
        elif not _TAG.fullmatch(piece):
            said += piece
    if speaker or said.strip():
        yield _part(speaker, said)


def _part(speaker: str | None, said: str) -> Part:
    return Part(speaker, tuple(_unescaped(line) for line in said.split("\n")))


def _unescaped(text: str) -> str:
    """`text` with ``&amp;`` and the like as characters; numbers that are no character's stay."""
    return html.unescape(_NO_CHARACTER.sub(r"&amp;\1", text))


def _escape(text: str) -> str:
    return squeeze(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
