"""Talk written down by hand or drawn by hypothesis, and what the pipeline's turns make of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl
from hypothesis import strategies as st

from pipeline import config, lexicons
from pipeline.core.tables import DIARIZATION, DOUBTS, LOSSES, MEDIA, SPANS, TRANSCRIPTION, WORDS
from pipeline.speech import turns

SETTINGS = config.load().turns
ACKNOWLEDGEMENTS = frozenset(("mm", "mm-hm", "yeah", "yes", "okay", "right", "i", "see"))

Tables = dict[str, pl.DataFrame]


def is_acknowledgement(text: str) -> bool:
    return all(word.lower().strip(".,!?") in ACKNOWLEDGEMENTS for word in text.split())


@cache
def english() -> lexicons.Lexicons:
    return lexicons.load("en")


def is_unfinished(text: str) -> bool:
    return bool(english().count("unfinished", text))


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
    losses: Sequence[tuple[int, ...]] = (),
    doubts: Sequence[tuple[int, int]] = (),
    channels: Sequence[str] = (),
    distinct: bool | None = None,
) -> Tables:
    rows = sorted([*word_rows(speech), *words], key=lambda row: (row["start_ms"], row["end_ms"]))
    return {
        "media": MEDIA.frame(
            [
                {
                    "duration_ms": duration_ms,
                    "channels": 2,
                    "distinct_channels": distinct,
                    "damaged_packets": 0,
                    "gap_ms": 0,
                }
            ]
        ),
        "losses": LOSSES.frame(
            [
                {"start_ms": start, "end_ms": end, "channel": channel}
                for start, end, *on in losses
                for channel in (on or [0])
            ]
        ),
        "doubts": DOUBTS.frame(
            [
                {"start_ms": start, "end_ms": end, "channel": 0, "speech_probability": 0.3}
                for start, end in doubts
            ]
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
    asks: Callable[[str], bool] | None = None,
    **more: object,
) -> Tables:
    tables = tables_of(speech, round(duration_s * 1000), **more)  # type: ignore[arg-type]
    return turns.build(tables, SETTINGS, acknowledges, asks=asks, is_unfinished=is_unfinished)


def brief(frame: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return frame.select(columns).rows()


TEXTS = (
    None,
    "mm-hm",
    "yeah okay",
    "no",
    "did you?",
    "yeah yeah okay right",
    "and then she told the",
    "well that is how it was for me then.",
)


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
            at += length + draw(st.sampled_from((1, 10, 18, 19, 40, 50, 51, 60, 150, 151, 400)))
    return talk


def end_of(talk: Sequence[Speech]) -> int:
    return max([one.end_ms for one in talk], default=0)


def of(talk: Sequence[Speech], rest_ms: int = 700, **more: object) -> Tables:
    tables = tables_of(talk, end_of(talk) + rest_ms, **more)  # type: ignore[arg-type]
    return turns.build(tables, SETTINGS, is_acknowledgement, is_unfinished=is_unfinished)


rest = st.integers(0, 300).map(lambda tens: max(10, tens * 10))
