"""Articulation rate counted from the signal, beside that counted from known words, turn by turn.

Only the source of the syllables differs: the feature itself measures both. Turns (runs of one
person's speech) shorter than `LEAST_MS` are left out: a syllable more or less is much of them.
"""

import csv
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import lexicons, measures
from pipeline.audio.samples import Audio
from pipeline.config import Settings
from pipeline.core.tables import TURNS, UNITS
from pipeline.engines.protocols import PitchTracker
from pipeline.evaluation.material.small_session import Line, session
from pipeline.evaluation.material.spoken_words import decoded, meeting
from pipeline.measures import frames
from pipeline.measures.feature import Given
from pipeline.measures.features import rate

Floats = NDArray[np.float64]
Word = tuple[str, int, int, str]
LEAST_MS = 2_000
_BRIEF_MS = 10  # a word counts where it begins


def of_meeting(folder: Path, name: str, tracker: PitchTracker, settings: Settings) -> Floats:
    """Rates from words and from the signal of each turn of an AMI clip; shape (turns, 2)."""
    audio, regions, said = meeting(folder, name)
    lines: list[Line] = list(regions.select("speaker", "start_ms", "end_ms").rows())
    words = [(who, at, at + _BRIEF_MS, word) for who, own in said.items() for word, at in own]
    return _both(audio, lines, words, tracker, settings, one_channel=True)


def of_sample(folder: Path, name: str, tracker: PitchTracker, settings: Settings) -> Floats:
    """The same of the utterances of an acted sample, words spread over each."""
    lines: list[Line] = []
    words: list[Word] = []
    with (folder / "truth" / f"{name}_turns.csv").open(encoding="utf-8") as file:
        for turn in csv.DictReader(file):
            # In order of the channels: a therapist, b client.
            who = {"therapist": "a", "client": "b"}[turn["role"]]
            start, end, said = int(turn["start_ms"]), int(turn["end_ms"]), turn["text"].split()
            lines.append((who, start, end))
            words += [
                (who, at, at + _BRIEF_MS, word)
                for at, word in zip(
                    np.linspace(start, end, len(said), endpoint=False).astype(int).tolist(),
                    said,
                    strict=True,
                )
            ]
    audio = decoded(folder / f"{name}.flac")
    return _both(audio, lines, words, tracker, settings, one_channel=False)


def _runs(lines: Sequence[Line], words: Sequence[Word] = ()) -> dict[str, pl.DataFrame]:
    """Turns and units of the reference: each run of one speaker's lines, whatever the pauses.

    They are the same with words and without, so that both rates are of the same speech.
    """
    ordered = sorted(lines, key=lambda line: line[1])
    runs = [list(run) for _, run in groupby(ordered, key=lambda line: line[0])]
    spans = [(run[0][0], run[0][1], max(end for _, _, end in run)) for run in runs]
    said = [[w[3] for w in words if w[0] == who and a <= w[1] < b] for who, a, b in spans]
    units = sorted((start, end, who, n) for n, run in enumerate(runs) for who, start, end in run)
    return {
        "turns": TURNS.frame(
            {
                "turn_id": number,
                "speaker": who,
                "role": "unknown",
                "start_ms": start,
                "end_ms": end,
                "text": " ".join(own) or None,
                "n_words": len(own) or None,
                "is_backchannel": False if words else None,
            }
            for number, ((who, start, end), own) in enumerate(zip(spans, said, strict=True))
        ),
        "units": UNITS.frame(
            {"unit_id": k, "turn_id": n, "speaker": who, "start_ms": start, "end_ms": end}
            for k, (start, end, who, n) in enumerate(units)
        ),
    }


def _both(
    audio: Audio,
    lines: Sequence[Line],
    words: Sequence[Word],
    tracker: PitchTracker,
    settings: Settings,
    *,
    one_channel: bool,
) -> Floats:
    (wanted,) = (
        feature
        for feature in rate.features(Given(settings, lexicons.load("en")))
        if (feature.item, feature.name) == ("turn", "articulation_rate")
    )
    known = session(lines, words=words, one_channel=one_channel) | _runs(lines, words)
    heard = session(lines, one_channel=one_channel) | _runs(lines)
    heard["frames"] = frames.measure(audio, heard["spans"], tracker, settings)
    long = heard["turns"].filter(pl.col("end_ms") - pl.col("start_ms") >= LEAST_MS)["turn_id"]
    columns = [
        measures.measure_all(tables, [wanted]).select("item_id", pl.col("value").alias(name))
        for name, tables in (("words", known), ("signal", heard))
    ]
    both = columns[0].join(columns[1], on="item_id").filter(pl.col("item_id").is_in(long.implode()))
    # No word at all: somebody laughs or coughs for two seconds.
    both = both.drop_nulls().filter(pl.col("words") > 0)
    return both.select("words", "signal").to_numpy()
