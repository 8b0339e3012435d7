"""Meetings and acted sessions with their words, cut into regions as in a run."""

import csv
import json
from functools import reduce
from operator import add
from pathlib import Path

import av
import numpy as np
import polars as pl

from pipeline.audio.samples import Audio
from pipeline.config import load
from pipeline.engines.protocols import Transcribed
from pipeline.engines.transcription import asr_segments
from pipeline.evaluation.errors.word import WordError, normalised, word_error

SETTINGS = load()
SPAN = {
    "start_ms": pl.Int64,
    "end_ms": pl.Int64,
    "speaker": pl.String,
    "channel": pl.Int16,
    "exclusive": pl.Boolean,
}


def decoded(path: Path) -> Audio:
    """All channels of a 16 kHz file."""
    with av.open(path) as container:
        resampler = av.AudioResampler(format="fltp", rate=16_000)
        blocks = [
            block.to_ndarray()
            for frame in container.decode(audio=0)
            for block in resampler.resample(frame)
        ]
    return Audio(list(np.concatenate(blocks, axis=1)))


def wanted(audio: Audio, spans: list[tuple[int, int, str, int | None]]) -> pl.DataFrame:
    """Regions as a run makes them of these spans."""
    table = pl.DataFrame([(*span, True) for span in spans], schema=SPAN, orient="row")
    return asr_segments.cut(table, audio.duration_ms, SETTINGS.transcription)


def meeting(
    folder: Path, name: str
) -> tuple[Audio, pl.DataFrame, dict[str, list[tuple[str, int]]]]:
    """An AMI clip, its regions by the RTTM's spans, and each speaker's words with their start."""
    audio = decoded(folder / f"{name}.flac")
    spans: list[tuple[int, int, str, int | None]] = []
    for line in (folder / f"{name}.rttm").read_text().splitlines():
        field = line.split()
        start = round(1000 * float(field[3]))
        spans.append((start, start + round(1000 * float(field[4])), field[7], None))
    said: dict[str, list[tuple[str, int]]] = {}
    for item in json.loads((folder / f"{name}.words.json").read_text())["items"]:
        if item["kind"] == "w" and not item["punc"]:
            said.setdefault(item["speaker"], []).extend(
                (word, round(1000 * item["start"])) for word in normalised(item["text"])
            )
    return audio, wanted(audio, spans), said


def acted(folder: Path, name: str) -> tuple[Audio, pl.DataFrame, dict[str, list[str]]]:
    """An acted sample, its regions by the true turns, and each role's words."""
    audio = decoded(folder / f"{name}.flac")
    with (folder / "truth" / f"{name}_turns.csv").open(encoding="utf-8") as file:
        turns = list(csv.DictReader(file))
    channel = {"therapist": 0, "client": 1}
    spans: list[tuple[int, int, str, int | None]] = [
        (int(turn["start_ms"]), int(turn["end_ms"]), turn["role"], channel[turn["role"]])
        for turn in turns
    ]
    said = {
        role: normalised(" ".join(turn["text"] for turn in turns if turn["role"] == role))
        for role in channel
    }
    return audio, wanted(audio, spans), said


def errors(said: dict[str, list[str]], heard: Transcribed) -> WordError:
    """Word error of each speaker's words against that speaker's words, added up."""
    return reduce(
        add,
        (
            word_error(
                words,
                normalised(" ".join(heard.words.filter(pl.col("speaker") == speaker)["text"])),
            )
            for speaker, words in said.items()
        ),
    )
