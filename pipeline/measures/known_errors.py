"""Measured errors of measures, in words: `Feature.error`.

They were measured on 14 dialogues of four minutes (28 people), composed from read speech: gaps as
in everyday talk, planted overlaps, as little as 20 dB above the noise, 16 and 8 kHz, one speaker up
to 30 dB quieter, one channel each. The truth is each measure's value over the true speech; the
words came from the script. ``scripts/accuracy`` measures the errors again
(`evaluation.errors.measure`). In real sessions, which are longer, errors of a whole session
are smaller. With one microphone, errors are larger where it matters who spoke, since overlapping
speech is not detected there.
"""

from dataclasses import replace

from pipeline.core.vocabulary import WINDOWS_MS
from pipeline.measures.feature import Feature

_ON = "composed dialogues, one channel each"

WINDOW = {
    "answer_silence_max_ms": (17, 31),
    "answer_silence_median_ms": (17, 49),
    "answer_silence_share": (0.0, 0.001),
    "answer_silences_per_min": (0, 0),
    "backchannels_per_min": (0, 0),
    "cooperative_overlaps_per_min": (0, 1),
    "failed_attempts_per_min": (0, 0.001),
    "floor_takings_per_min": (0, 0.001),
    "latency_median_ms": (23, 130),
    "overlap_share": (0.003, 0.028),
    "own_silence_max_ms": (17, 40),
    "own_silence_median_ms": (17, 66),
    "own_silence_share": (0.0, 0.002),
    "own_silences_per_min": (0, 0.001),
    "pause_share": (0.004, 0.02),
    "silence_share": (0.007, 0.015),
    "speech_ms": (290, 1100),
    "switches_per_min": (0, 0.004),
    "talk_share": (0.005, 0.015),
    "turn_length_median_ms": (21, 130),
}
"""Median and 90th percentile of the absolute errors, in the measure's unit, in windows of 60 s: 122
of one person, 61 of two."""

SESSION = {
    "answer_silence_max_ms": (19, 100),
    "answer_silence_median_ms": (21, 46),
    "answer_silence_share": (0.0, 0.001),
    "answer_silences_per_min": (0, 0),
    "backchannels_per_min": (0, 0),
    "cooperative_overlaps_per_min": (0, 0.27),
    "failed_attempts_per_min": (0, 0.19),
    "floor_takings_per_min": (0, 0.19),
    "latched_starts_share": (0.083, 0.19),
    "latency_balance": (0, 0.11),
    "latency_median_ms": (38, 87),
    "overlap_share": (0.002, 0.023),
    "overlapped_starts_share": (0.024, 0.16),
    "own_silence_max_ms": (18, 35),
    "own_silence_median_ms": (21, 130),
    "own_silence_share": (0.0, 0.005),
    "own_silences_per_min": (0, 0.25),
    "pause_share": (0.005, 0.017),
    "silence_share": (0.007, 0.012),
    "speech_ms": (1000, 4800),
    "switches_per_min": (0.001, 0.39),
    "talk_share": (0.003, 0.015),
    "turn_length_median_ms": (28, 130),
}
"""The same for whole dialogues: 28 of one person, 14 of two."""


ONE_MICROPHONE = {
    "answer_silence_max_ms": (20, 140),
    "answer_silence_share": (0.0, 0.017),
    "answer_silences_per_min": (0, 1),
    "backchannels_per_min": (1.4, 4),
    "latency_median_ms": (220, 820),
    "own_silence_max_ms": (13, 29),
    "own_silence_share": (0.0, 0.019),
    "own_silences_per_min": (0, 1),
    "pause_share": (0.016, 0.042),
    "silence_share": (0.006, 0.014),
    "speech_ms": (2000, 4200),
    "switches_per_min": (1, 3),
    "talk_share": (0.028, 0.076),
    "turn_length_median_ms": (570, 4000),
}
"""As `WINDOW`, for five dialogues mixed to one microphone and diarized by `clustering`: 40 windows
of one person, 20 of two. Measures of overlap are null there."""

EVENTS = {
    ("turn", "latency_ms"): "median error 20 ms, 90 % within 134 ms (326 latencies",
    ("turn", "length_ms"): "start: median error 9 ms, 90 % within 67 ms; end: 11 ms and 73 ms "
    "(394 turns",
    ("silence", "length_ms"): "each end: median error 8 ms, 90 % within 17 ms (238 silences "
    "of 1 s or longer",
}
"""Errors of single events, as `scripts/accuracy` reports them for the dialogues."""


def with_error(feature: Feature) -> Feature:
    """`feature` with its known error, unless it declares one itself."""
    event = EVENTS.get((feature.item, feature.name))
    if event:
        return replace(feature, error=f"{event}; {_ON})")
    measured = {"session": SESSION} | dict.fromkeys(WINDOWS_MS, WINDOW)
    known = measured.get(feature.item, {}).get(feature.name)
    if known is None or feature.error:
        return feature
    unit = "" if feature.unit == "0-1" else f" {feature.unit}"
    over = "whole dialogues of 4 min" if feature.item == "session" else "windows of 60 s"
    half, most = known
    text = f"median error {half:g}{unit}, 90 % within {most:g} ({over}; {_ON})"
    if feature.item in WINDOWS_MS and feature.name in ONE_MICROPHONE:
        half, most = ONE_MICROPHONE[feature.name]
        text += f"; with one microphone {half:g} and {most:g}"
    return replace(feature, error=text)
