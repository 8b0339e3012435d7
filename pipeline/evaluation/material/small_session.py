"""Tables of a small conversation from a few lines, to measure by hand.

A line is ``(speaker, start_ms, end_ms)`` of one stretch of speech; turns, units, silences and
overlaps are what the product makes of the lines.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from pipeline import config
from pipeline.core.tables import DIARIZATION, FRAMES, LOSSES, MEDIA, SPANS, TRANSCRIPTION, WORDS
from pipeline.evaluation.material.derivation import derived, english

Line = tuple[str, int, int]


def session(
    lines: Sequence[Line],
    *,
    words: Sequence[tuple[str, int, int, str]] = (),
    timing: str = "aligned",
    frames: Mapping[str, Callable[[int], tuple[float | None, float | None]]] | None = None,
    one_channel: bool = False,
    knows_overlap: bool = True,
) -> dict[str, pl.DataFrame]:
    """Tables that features and baseline read.

    Parameters
    ----------
    words
        Speaker, start, end and text of each word.
    frames
        For each speaker, from a time in ms to f0_hz and level_dbfs.
    one_channel
        One microphone: spans and frames without a channel.
    """
    ordered = sorted(lines, key=lambda line: line[1])
    labels = sorted({speaker for speaker, _, _ in lines})
    channel = {label: None if one_channel else number for number, label in enumerate(labels)}
    last_ms = max(end for _, _, end in lines)
    tables = {
        "media": MEDIA.frame(
            [{"duration_ms": last_ms, "channels": 1, "damaged_packets": 0, "gap_ms": 0}]
        ),
        "losses": LOSSES.empty(),
        "spans": SPANS.frame(
            {
                "start_ms": start,
                "end_ms": end,
                "speaker": speaker,
                "channel": channel[speaker],
                "exclusive": True,
                "regular": True,
            }
            for speaker, start, end in ordered
        ),
        "words": WORDS.frame(
            {
                "word_id": number,
                "start_ms": start,
                "end_ms": end,
                "speaker": speaker,
                "text": text,
                "confidence": 0.9,
                "timing": timing,
            }
            for number, (speaker, start, end, text) in enumerate(words)
        ),
        "diarization": DIARIZATION.frame(
            [{"engine": "test", "speakers": len(labels), "knows_overlap": knows_overlap}]
        ),
        "transcription": TRANSCRIPTION.frame(
            [
                {
                    "engine": "test" if words else "none",
                    "language": "en" if words else None,
                    "dropped_words": 0,
                }
            ]
        ),
        "frames": _frames(ordered, channel, frames or {}),
    }
    return derived(tables, english(), config.load(), until="turns")


def _frames(
    lines: Sequence[Line],
    channel: Mapping[str, int | None],
    sounds: Mapping[str, Callable[[int], tuple[float | None, float | None]]],
) -> pl.DataFrame:
    rows: dict[tuple[int | None, int], dict[str, object]] = {}
    for speaker, start, end in lines:
        if speaker not in sounds:
            continue
        for t_ms in range(-(-start // 10) * 10, end, 10):
            f0_hz, level_dbfs = sounds[speaker](t_ms)
            rows[(channel[speaker], t_ms)] = {
                "t_ms": t_ms,
                "channel": channel[speaker],
                "f0_hz": f0_hz,
                "voicing": 0.0 if f0_hz is None else 1.0,
                "level_dbfs": level_dbfs,
            }
    return FRAMES.frame(rows.values())


def value(
    measured: pl.DataFrame, item: str, feature: str, item_id: int = 0, speaker: str | None = None
) -> float | None:
    """The one value of a feature of an item."""
    rows = measured.filter(
        pl.col("item") == item,
        pl.col("feature") == feature,
        pl.col("item_id") == item_id,
        pl.lit(value=True) if speaker is None else pl.col("speaker") == speaker,
    )
    assert rows.height == 1, f"{rows.height} rows"
    found = rows["value"][0]
    assert found is None or isinstance(found, float)
    return found
