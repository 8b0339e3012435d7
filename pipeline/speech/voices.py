"""Similarity of the speakers of a recording to the voices of enrolled therapists.

A voice is the mean direction of the vectors of short pieces in which the speaker talks alone::

    speaker A   ═══════════════      ═════════
    speaker B            ═══════════
    pieces of A ─── ───                ─── ───     alone, cut in pieces, sampled evenly

Only similarities are written to a table. A vector identifies a person, so it is kept for enrolled
therapists and for nobody else.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.core.intervals import Intervals
from pipeline.core.tables import VOICES
from pipeline.core.time import ms_to_samples
from pipeline.core.vocabulary import Role
from pipeline.engines.protocols import VoiceEncoder

Vector = NDArray[np.float32]
Stretch = tuple[int, int]
"""Start and end, ms."""


def mean(
    audio: Audio, spans: pl.DataFrame, speaker: str, encoder: VoiceEncoder, settings: config.Voices
) -> tuple[Vector | None, int]:
    """Voice vector of one speaker, of length 1, and the ms of speech that it rests on.

    The vector is None if the speaker talks alone for less than `speech_min_ms`.

    Parameters
    ----------
    spans
        Table `spans`.
    """
    of_speaker = spans.filter(pl.col("speaker") == speaker)
    others = Intervals.of_rows(spans.filter(pl.col("speaker") != speaker))
    alone = Intervals.of_rows(of_speaker).minus(others)
    pieces = _taken([p for stretch in alone for p in _cut(stretch, settings)], settings)
    speech_ms = sum(end - start for start, end in pieces)
    if speech_ms < max(settings.speech_min_ms, 1):
        return None, speech_ms
    channels = of_speaker["channel"].unique()
    channel = channels[0] if len(channels) == 1 else None
    vectors = encoder.vectors([partial(_heard, audio, channel, piece) for piece in pieces])
    weights = np.array([end - start for start, end in pieces], dtype=np.float32)
    total = weights @ vectors
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-6), dtype=np.float32), speech_ms


def compare(
    audio: Audio,
    spans: pl.DataFrame,
    enrolled: Mapping[str, Vector],
    encoder: VoiceEncoder,
    settings: config.Voices,
) -> pl.DataFrame:
    """Table `voices`: every speaker compared with every enrolled voice.

    Parameters
    ----------
    enrolled
        Voice vectors by the therapist's pseudonym.
    """
    rows = []
    for speaker in sorted(set(spans["speaker"])):
        voice, speech_ms = mean(audio, spans, speaker, encoder, settings)
        for therapist, known in sorted(enrolled.items()):
            alike = None if voice is None else float(voice @ known)
            row = {"speaker": speaker, "enrolled": therapist, "similarity": alike}
            rows.append({**row, "speech_ms": speech_ms})
    return VOICES.frame(rows)


def recognised(
    voices: pl.DataFrame, settings: config.RoleInference
) -> dict[str, tuple[Role, float]]:
    """The speaker who is an enrolled therapist, with role and margin; empty: uncertain.

    The margin is how much more similar that speaker is than the next. Both the margin and the
    similarity must be large enough: in a session without the enrolled therapist, one voice is still
    the more similar one.
    """
    best = (
        voices.group_by("speaker")
        .agg(pl.col("similarity").max())
        .sort("similarity", "speaker", descending=[True, False], nulls_last=True)
    )
    alike = best["similarity"].to_list()
    if len(alike) < 2 or None in alike[:2]:  # noqa: PLR2004  # there must be a second to compare
        return {}
    margin = alike[0] - alike[1]
    if alike[0] < settings.min_voice_similarity or margin < settings.min_voice_margin:
        return {}
    return {best["speaker"][0]: ("therapist", margin)}


def _cut(stretch: Stretch, settings: config.Voices) -> list[Stretch]:
    """Equal pieces of at most `piece_ms`; none from a stretch shorter than `piece_min_ms`."""
    start, end = stretch
    if end - start < settings.piece_min_ms:
        return []
    count = -(-(end - start) // settings.piece_ms)
    edges = [start + (end - start) * number // count for number in range(count + 1)]
    return list(pairwise(edges))


def _taken(pieces: Sequence[Stretch], settings: config.Voices) -> list[Stretch]:
    """Pieces of about `speech_ms` in total, sampled evenly from the whole recording."""
    total_ms = sum(end - start for start, end in pieces)
    if total_ms <= settings.speech_ms:
        return list(pieces)
    count = max(1, len(pieces) * settings.speech_ms // total_ms)
    return [pieces[len(pieces) * number // count] for number in range(count)]


def _heard(audio: Audio, channel: int | None, stretch: Stretch) -> Samples:
    start, end = (ms_to_samples(ms) for ms in stretch)
    return audio.mixed(start, end) if channel is None else audio.channels[channel][start:end]
