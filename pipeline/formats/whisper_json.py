"""JSON transcripts of the Whisper family: WhisperX, faster-whisper, OpenAI's ``verbose_json``.

::

    {"language": "en",
     "segments": [{"start": 1.2, "end": 3.4, "text": " Hm, yes.", "speaker": "SPEAKER_00",
                   "words": [{"word": "Hm,", "start": 1.2, "end": 1.5, "score": 0.8,
                              "speaker": "SPEAKER_00"}, {"word": "yes."}]}]}

WhisperX leaves numbers and the like without times: they are spread between their neighbours and
marked as interpolated; a NaN counts as missing. OpenAI puts the words beside the segments and
without punctuation: where both hold equally many, the segments' spelling takes the words' times.
Read only.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import Any

import polars as pl

from pipeline.errors import InputError
from pipeline.formats import language
from pipeline.formats.cues import CUES, spoken_words, spread, squeeze
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import LATEST_S, Problems, decode
from pipeline.schema import Column, Schema

WORDS = Schema(
    "timed words",
    (
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after"),
        Column("cue", pl.Int64, "row of its cue, which has the speaker"),
        Column("text", pl.String, "one word with its punctuation"),
        Column("confidence", pl.Float32, "0-1", null="the file gives none"),
        Column(
            "timing",
            pl.String,
            "aligned: by the file; interpolated: spread over a longer line",
            allowed=("aligned", "interpolated"),
        ),
    ),
    (
        ("start_ms >= 0", pl.col("start_ms") >= 0),
        ("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),
    ),
)

_MAY_BE_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_EXPECTED = '{"segments": [{"start": 1.2, "end": 3.4, "text": "..."}]}'


@dataclass(frozen=True)
class Aligned:
    """What the file says.

    Attributes
    ----------
    cues
        Table `CUES`: a segment, or the part of one speaker where its words name several.
    words
        Table `WORDS`.
    language
        See `formats.language.stated`; None if the file does not say.
    """

    cues: pl.DataFrame
    words: pl.DataFrame
    language: str | None


@dataclass(frozen=True)
class _Word:
    text: str
    times: tuple[int, int] | None
    speaker: str | None
    confidence: float | None
    timing: str = "aligned"


@dataclass(frozen=True)
class _Segment:
    start_ms: int
    end_ms: int
    speaker: str | None
    text: str
    words: tuple[_Word, ...]


def read(data: bytes | str, repairs: Repairs | None = None) -> Aligned:
    """Read a file.

    Raises
    ------
    InputError
        No JSON, no segments or words, or all segments and words that cannot be used.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("a Whisper transcript")
    root = _parsed(decode(data), problems)
    root = {"segments": root} if isinstance(root, list) else root
    if not isinstance(root, dict):
        root = {}
    segments = _listed(root, "segments", "the file", problems)
    loose = _listed(root, "words", "the file", problems)
    found = [
        segment
        for number, item in enumerate(segments, 1)
        if (segment := _segment(f"segment {number}", item, problems))
    ]
    words = [_word(f"word {number}", item, problems) for number, item in enumerate(loose, 1)]
    if not segments and not loose and not problems.found:
        problems.add("the file", "neither segments nor words", _EXPECTED)
    problems.stop()
    joined = _joined(found, [word for word in words if word])
    return _tables(joined, language.stated(root.get("language")))


def _parsed(text: str, problems: Problems) -> Any:
    try:
        root = json.loads(text, parse_constant=lambda _: None)
        if _MAY_BE_HALF.search(text):
            json.dumps(root, ensure_ascii=False).encode()
    except json.JSONDecodeError as caught:
        problems.add(caught.lineno, "no JSON", _EXPECTED)
    except UnicodeEncodeError:
        problems.add("the file", "half of a character (a lone surrogate)", "whole characters")
    except (ValueError, RecursionError):
        problems.add("the file", "JSON with numbers too long or nested too deep", _EXPECTED)
    else:
        return root
    problems.stop()
    return None


def _listed(
    node: Mapping[str, Any], key: str, where: str, problems: Problems
) -> Sequence[Mapping[str, Any]]:
    items = node.get(key)
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        problems.add(where, f"'{key}' is no list of objects", _EXPECTED)
        return []
    return items


def _segment(where: str, item: Mapping[str, Any], problems: Problems) -> _Segment | None:
    speaker = _text(item, "speaker")
    words = tuple(
        word
        for number, node in enumerate(_listed(item, "words", where, problems), 1)
        if (word := _word(f"{where}, word {number}", node, problems, speaker))
    )
    times = _times(where, item, problems)
    if times is None:
        timed = [word.times for word in words if word.times]
        if item.get("start") is not None and item.get("end") is not None:
            return None
        if not timed:
            problems.add(where, "no start and end", "seconds, from 0 on")
            return None
        times = min(a for a, _ in timed), max(b for _, b in timed)
    text = _text(item, "text") or " ".join(word.text for word in words)
    return _Segment(*times, speaker, text, words)


def _word(
    where: str, item: Mapping[str, Any], problems: Problems, speaker: str | None = None
) -> _Word | None:
    text = _text(item, "word") or _text(item, "text")
    times = _times(where, item, problems)
    if text is None:
        return None
    sure = next((item[key] for key in ("score", "probability", "confidence") if key in item), None)
    known = isinstance(sure, int | float) and not isinstance(sure, bool) and 0 <= sure <= 1
    return _Word(
        text,
        times,
        _text(item, "speaker") or speaker,
        float(sure) if known else None,  # type: ignore[arg-type]
    )


def _times(where: str, item: Mapping[str, Any], problems: Problems) -> tuple[int, int] | None:
    """Times of a segment or word; None, without a problem, if start or end is missing."""
    start, end = item.get("start"), item.get("end")
    if start is None or end is None:
        return None
    ms = []
    for value in (start, end):
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not 0 <= value <= LATEST_S:  # a NaN is in no range
            problems.add(where, "a start or end that cannot be used", "seconds, from 0 on")
            return None
        ms.append(round(value * 1000))
    end_ms = problems.end_of(where, ms[0], ms[1])
    return None if end_ms is None else (ms[0], end_ms)


def _text(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    return squeeze(value) or None if isinstance(value, str) else None


def _joined(segments: list[_Segment], loose: list[_Word]) -> list[_Segment]:
    """Segments with their words, whether these stood within or beside them."""
    timed = [word for word in loose if word.times]
    if not timed or any(segment.words for segment in segments):
        return segments
    spelled = [text for segment in segments for text in spoken_words(segment.text)]
    if spelled and len(spelled) == len(timed):
        rest = iter(timed)
        return [
            replace(
                segment,
                words=tuple(replace(next(rest), text=text) for text in spoken_words(segment.text)),
            )
            for segment in segments
        ]
    return (
        [_Segment(*word.times, word.speaker, word.text, (word,)) for word in timed if word.times]
        if not segments
        else _placed(segments, timed)
    )


def _placed(segments: list[_Segment], words: list[_Word]) -> list[_Segment]:
    """Each word in the last segment that starts at or before it."""
    earliest = list(accumulate((segment.start_ms for segment in reversed(segments)), min))[::-1]
    within: dict[int, list[_Word]] = {}
    for word in words:
        start_ms = word.times[0] if word.times else 0
        last = bisect_right(earliest, start_ms) - 1  # from there on, none starts as early
        within.setdefault(max(last, 0), []).append(word)
    return [
        replace(
            segment,
            words=tuple(replace(word, speaker=segment.speaker) for word in within.get(k, [])),
        )
        for k, segment in enumerate(segments)
    ]


def _tables(segments: list[_Segment], language: str | None) -> Aligned:
    cues: list[dict[str, object]] = []
    words: list[dict[str, object]] = []
    for segment in segments:
        for cue, said in _runs(segment, list(_timed(segment))):
            words.extend(
                {
                    "start_ms": word.times[0],
                    "end_ms": word.times[1],
                    "cue": len(cues),
                    "text": word.text,
                    "confidence": word.confidence,
                    "timing": word.timing,
                }
                for word in said
                if word.times
            )
            cues.append(cue)
    if not cues:
        raise InputError("the transcript holds no segment", expected=_EXPECTED)
    return Aligned(CUES.frame(cues), WORDS.frame(words), language)


def _timed(segment: _Segment) -> Iterator[_Word]:
    """Words of a segment, those without times spread between their neighbours."""
    words = segment.words or tuple(
        _Word(text, None, segment.speaker, None) for text in spoken_words(segment.text)
    )
    last_ms = segment.start_ms
    runs = [(known, list(run)) for known, run in groupby(words, key=lambda word: bool(word.times))]
    for number, (known, run) in enumerate(runs):
        if known:
            yield from run
            last_ms = run[-1].times[1] if run[-1].times else last_ms
            continue
        following = runs[number + 1][1][0].times if number + 1 < len(runs) else None
        end_ms = max(following[0] if following else segment.end_ms, last_ms + 1)
        times = spread(last_ms, end_ms, [word.text for word in run])
        for word, pair in zip(run, times, strict=True):
            yield replace(word, times=pair, timing="interpolated")


def _runs(segment: _Segment, words: list[_Word]) -> Iterator[tuple[dict[str, object], list[_Word]]]:
    """The segment as one cue, or a cue for each run of words of one speaker."""
    runs = [(who, list(run)) for who, run in groupby(words, key=lambda word: word.speaker)]
    for speaker, run in runs or [(segment.speaker, [])]:
        times = [word.times for word in run if word.times]
        whole = len(runs) < 2  # noqa: PLR2004 - one speaker has the segment's own times and text
        yield (
            {
                "start_ms": segment.start_ms if whole else min(start for start, _ in times),
                "end_ms": segment.end_ms if whole else max(end for _, end in times),
                "speaker": speaker,
                "text": segment.text if whole else " ".join(word.text for word in run),
            },
            run,
        )
