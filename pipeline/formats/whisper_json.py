"""JSON transcripts of the Whisper family: WhisperX, faster-whisper, whisper.cpp, OpenAI's
``verbose_json``, Hugging Face pipelines.

::

    {"language": "en",
     "segments": [{"start": 1.2, "end": 3.4, "text": " Hm, yes.", "speaker": "SPEAKER_00",
                   "words": [{"word": "Hm,", "start": 1.2, "end": 1.5, "score": 0.8,
                              "speaker": "SPEAKER_00"}, {"word": "yes."}]}]}

Machines write times that cannot be: ends before starts, words outside their segment, none at all.
Text and order are kept, such words and segments are placed between their neighbours, marked as
interpolated and counted; a file in which most segments have no usable times is refused.

Words are taken before the text of their segment where the two differ; the text's punctuation is
taken where both have the same letters. OpenAI puts the words beside the segments: where both hold
equally many, the segments' spelling takes the words' times. Speakers may be whole numbers.
Read only.
"""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from statistics import median
from typing import Any

import polars as pl

from pipeline.core import languages as language
from pipeline.core.errors import InputError
from pipeline.core.schema import Column, Schema
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import LATEST_S, Problems, decode, ms_of_clock, ms_of_seconds
from pipeline.formats.time_estimates import Segment, Word, timed_segments, timed_words
from pipeline.formats.timed_text.cues import CUES, spoken_words, squeeze, unmarked

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
_LISTS = ("segments", "transcription", "speakers", "chunks")
"""Where segments stand: the family's own, whisper.cpp, and two ways of Hugging Face pipelines."""

_SLOWEST_MS = 5000
"""Nobody takes so long for a character: the times of such a file are no seconds."""

_GUESSED = 0.2
"""With a larger share of placed segments, where speech stops is a guess in the whole file."""


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
    ends_estimated
        So many segments had no usable times that ends are a guess.
    """

    cues: pl.DataFrame
    words: pl.DataFrame
    language: str | None
    ends_estimated: bool = False


def read(data: bytes | str, repairs: Repairs | None = None) -> Aligned:
    """Read a file.

    Raises
    ------
    InputError
        No JSON, no segments or words, speakers that are no names, times that are no seconds, or
        most segments without usable ones.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("a Whisper transcript")
    root = _root(_parsed(decode(data), problems))
    segments = _listed(root, "segments", "the file", problems)
    loose = _listed(root, "words", "the file", problems)
    found = [
        _segment(f"segment {number}", item, problems) for number, item in enumerate(segments, 1)
    ]
    beside = [_word(f"word {number}", item, problems) for number, item in enumerate(loose, 1)]
    problems.stop()
    if not segments and not loose:
        raise InputError(
            "a file of no known format: JSON without segments or words",
            expected=f"JSON as Whisper and its kin write it: {_EXPECTED}",
            hint="export the transcript as WebVTT, SRT or CSV from the tool that wrote it",
        )
    joined = _joined(found, [word for word in beside if word])
    spelled = [_spelled(segment, repairs) for segment in joined]
    _require_seconds(spelled)
    timed, guessed = timed_segments(spelled, repairs)
    if guessed > len(timed) / 2:
        raise InputError(
            f"{guessed} of {len(timed)} segments have no usable start and end", expected=_EXPECTED
        )
    cues, words = _tables([timed_words(segment, repairs) for segment in timed])
    stated = language.stated(root.get("language"))
    return Aligned(cues, words, stated, ends_estimated=guessed > _GUESSED * len(timed))


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


def _root(parsed: Any) -> dict[str, Any]:
    """The file as WhisperX would have written it; empty if it is none of the family."""
    root = {"segments": parsed} if isinstance(parsed, list) else parsed
    if not isinstance(root, dict):
        return {}
    key = next((key for key in _LISTS if isinstance(root.get(key), list) and root[key]), "segments")
    segments = root.get(key)
    if isinstance(segments, list):
        segments = [_seconds(item) if isinstance(item, dict) else item for item in segments]
    result = root.get("result")  # of whisper.cpp
    language = result.get("language") if isinstance(result, dict) else None
    return {"language": language} | root | {"segments": segments}


def _seconds(item: dict[str, Any]) -> dict[str, Any]:
    """A segment of whisper.cpp or Hugging Face with `start` and `end`."""
    offsets, clocks, pair = (item.get(key) for key in ("offsets", "timestamps", "timestamp"))
    if isinstance(offsets, dict):
        ends = [offsets.get(key) for key in ("from", "to")]
        pair = [None if (ms := _number(value)) is None else ms / 1000 for value in ends]
    elif isinstance(clocks, dict):
        pair = [clocks.get(key) for key in ("from", "to")]
    if isinstance(pair, list) and len(pair) == 2:  # noqa: PLR2004 - start and end
        return item | {"start": pair[0], "end": pair[1]}
    return item


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


def _segment(where: str, item: Mapping[str, Any], problems: Problems) -> Segment:
    speaker = _speaker(where, item, problems)
    words = tuple(
        word
        for number, node in enumerate(_listed(item, "words", where, problems), 1)
        if (word := _word(f"{where}, word {number}", node, problems))
    )
    text = _text(item, "text") or " ".join(word.text for word in words)
    segment = Segment(_ms(item.get("start")), _ms(item.get("end")), speaker, text, words)
    return _with(segment, words)


def _word(where: str, item: Mapping[str, Any], problems: Problems) -> Word | None:
    speaker = _speaker(where, item, problems)
    text = _text(item, "word") or _text(item, "text")
    if text is None:
        return None
    start_ms, end_ms = _ms(item.get("start")), _ms(item.get("end"))
    times = None
    if start_ms is not None and end_ms is not None and start_ms <= end_ms:
        times = start_ms, max(end_ms, start_ms + 1)
    sure = next((item[key] for key in ("score", "probability", "confidence") if key in item), None)
    known = isinstance(sure, int | float) and not isinstance(sure, bool) and 0 <= sure <= 1
    return Word(text, times, speaker, float(sure) if known else None)  # type: ignore[arg-type]


def _ms(value: object) -> int | None:
    """A time in seconds, or on a clock; None if it is no time of a recording."""
    if isinstance(value, str):
        seconds_ms = ms_of_seconds(value)
        return ms_of_clock(value) if seconds_ms is None else seconds_ms
    seconds = _number(value)
    return round(seconds * 1000) if seconds is not None and seconds <= LATEST_S else None


def _number(value: object) -> float | None:
    """A number from 0 on; None for all else, NaN too."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value <= LATEST_S * 1000 else None


def _text(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    return squeeze(value) or None if isinstance(value, str) else None


def _speaker(where: str, item: Mapping[str, Any], problems: Problems) -> str | None:
    """The speaker's label: text or a whole number; None if the file gives none."""
    value = next(
        (item[key] for key in ("speaker", "speaker_id") if item.get(key) is not None), None
    )
    if isinstance(value, str):
        label = squeeze(value)
        return None if label in ("", "?") else label  # whisper.cpp writes ? where it cannot tell
    if isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, int) or value.is_integer():
            return str(int(value))
        if math.isnan(value):
            return None
    if value is not None:
        problems.add(where, "a speaker that is no name", "a name, a whole number or null")
    return None


def _spelled(segment: Segment, repairs: Repairs) -> Segment:
    """A segment whose words have its text's punctuation; where letters differ, the words count."""
    if not segment.words:
        return segment
    said = unmarked(" ".join(word.text for word in segment.words))
    if _letters(said) != _letters(unmarked(segment.text)):
        repairs["Segments whose text differs from their words, read by their words"] += 1
        return segment
    texts = spoken_words(segment.text)
    if len(texts) != len(segment.words):
        return segment
    pairs = zip(segment.words, texts, strict=True)
    return replace(segment, words=tuple(replace(word, text=text) for word, text in pairs))


def _letters(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _joined(segments: list[Segment], loose: list[Word]) -> list[Segment]:
    """Segments with their words, whether these stood within or beside them."""
    if not loose or any(segment.words for segment in segments):
        return segments
    if not segments:
        return [_alone(word) for word in loose]
    spelled = [spoken_words(segment.text) for segment in segments]
    if sum(len(texts) for texts in spelled) == len(loose):
        rest = iter(loose)
        return [
            _with(segment, [replace(next(rest), text=text) for text in texts])
            for segment, texts in zip(segments, spelled, strict=True)
        ]
    return _by_time(segments, loose)


def _alone(word: Word) -> Segment:
    start_ms, end_ms = word.times or (None, None)
    return Segment(start_ms, end_ms, word.speaker, word.text, (word,))


def _by_time(segments: list[Segment], words: list[Word]) -> list[Segment]:
    """Each word in the last segment that starts at or before it; without times, in that before."""
    starts = sorted(
        (segment.start_ms, row)
        for row, segment in enumerate(segments)
        if segment.start_ms is not None
    )
    within: dict[int, list[Word]] = {}
    row = 0
    for word in words:
        if word.times and starts:
            row = starts[max(bisect_right(starts, (word.times[0], len(segments))) - 1, 0)][1]
        within.setdefault(row, []).append(word)
    return [_with(segment, within.get(row, [])) for row, segment in enumerate(segments)]


def _with(segment: Segment, words: Sequence[Word]) -> Segment:
    """The segment with `words`, each with a speaker if there is one.

    WhisperX names none for words without times: theirs is that of the words on both sides, where
    these agree, else the segment's.
    """
    named = [word.speaker for word in words]
    before = list(accumulate(named, _latest))
    after = list(accumulate(reversed(named), _latest))[::-1]
    speakers = [
        own or (a if a == b else segment.speaker or a or b)
        for own, a, b in zip(named, before, after, strict=True)
    ]
    pairs = zip(words, speakers, strict=True)
    return replace(
        segment, words=tuple(replace(word, speaker=own or segment.speaker) for word, own in pairs)
    )


def _latest(last: str | None, own: str | None) -> str | None:
    return own or last


def _require_seconds(segments: Sequence[Segment]) -> None:
    """Refuse milliseconds read as seconds: nobody speaks a thousand times slower."""
    paces = [
        (times[1] - times[0]) / len(segment.text)
        for segment in segments
        if (times := segment.times) and segment.text
    ]
    if paces and median(paces) > _SLOWEST_MS:
        raise InputError(
            "times in another unit than seconds",
            expected=_EXPECTED,
            hint="export the transcript as WebVTT, SRT or CSV from the tool that wrote it",
        )


def _tables(segments: list[Segment]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tables `CUES` and `WORDS` of segments and words that all have times."""
    cues: list[dict[str, object]] = []
    words: list[dict[str, object]] = []
    for segment in segments:
        for cue, said in _runs(segment):
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
    return CUES.frame(cues), WORDS.frame(words)


def _runs(segment: Segment) -> Iterator[tuple[dict[str, object], list[Word]]]:
    """The segment as one cue, or a cue for each run of words of one speaker."""
    runs = [(who, list(run)) for who, run in groupby(segment.words, key=lambda word: word.speaker)]
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
