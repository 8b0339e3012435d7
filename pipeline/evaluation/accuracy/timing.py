"""Silences and turns, one channel per speaker."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.accuracy.row import ACTED, Numbers, Place, Row, spread
from pipeline.evaluation.errors import timing as timing_error
from pipeline.evaluation.errors.timing import Case, SilenceError
from pipeline.evaluation.material import acted_sessions


@dataclass(frozen=True)
class Timing:
    """Errors of silences and of turns; results of several recordings add up."""

    silences: SilenceError
    begins_ms: list[int]
    ends_ms: list[int]
    turns_missed: int

    def __add__(self, other: "Timing") -> "Timing":
        return Timing(
            self.silences + other.silences,
            [*self.begins_ms, *other.begins_ms],
            [*self.ends_ms, *other.ends_ms],
            self.turns_missed + other.turns_missed,
        )


def timing(place: Place, cases: Sequence[Case] | Iterator[Case]) -> Timing:
    """What is heard in recordings with a channel for each speaker, against their truth."""
    detector = Silero(place.settings)
    total = Timing(SilenceError(), [], [], 0)
    for case in cases:
        spans = timing_error.spans(case, place.settings, detector)
        heard = timing_error.heard_silences(spans, case.audio.duration_ms)
        pause_ms = place.settings.turns.turn_pause_ms
        total += Timing(
            timing_error.silence_error(case.silences(), heard),
            *timing_error.turn_errors(case, spans, pause_ms),
        )
    return total


def silence_numbers(error: SilenceError) -> Numbers:
    """Numbers of a row on silences."""
    median_ms, p90_ms = spread(error.boundaries_ms)
    return {
        "f1": error.f1,
        "found": error.found,
        "missed": error.missed,
        "false": error.false,
        "median_ms": median_ms,
        "p90_ms": p90_ms,
    }


def turn_numbers(found: Timing) -> Numbers:
    """Numbers of a row on turns."""
    begin_ms, begin_p90_ms = spread(found.begins_ms)
    end_ms, end_p90_ms = spread(found.ends_ms)
    return {
        "found": len(found.begins_ms),
        "missed": found.turns_missed,
        "begin_median_ms": begin_ms,
        "begin_p90_ms": begin_p90_ms,
        "end_median_ms": end_ms,
        "end_p90_ms": end_p90_ms,
    }


@cache
def call(place: Place) -> Timing:
    """The telephone call, measured."""
    return timing(place, [timing_error.call(place.data / "calls")])


@cache
def pooled(place: Place) -> Timing:
    """The telephone call and all composed conversations."""
    return call(place) + timing(place, timing_error.conversations(place.data / "read_speech"))


def silences_of_call(place: Place) -> Numbers:
    """Silences of the telephone call."""
    return silence_numbers(call(place).silences)


def silences_pooled(place: Place) -> Numbers:
    """Silences of the call and the composed conversations."""
    return silence_numbers(pooled(place).silences)


def silences_acted(place: Place) -> Numbers:
    """Silences of the acted sessions after full processing."""
    total = SilenceError()
    for name in ACTED:
        table = place.processed[name].tables["silences"]
        truth = acted_sessions.truth(place.samples, f"{name}_silences")
        total += timing_error.silence_error(
            [(int(row["start_ms"]), int(row["end_ms"])) for row in truth],
            table.select("start_ms", "end_ms").rows(),
        )
    return silence_numbers(total)


def turns_of_call(place: Place) -> Numbers:
    """Turns of the telephone call."""
    return turn_numbers(call(place))


def turns_pooled(place: Place) -> Numbers:
    """Turns of the call and the composed conversations."""
    return turn_numbers(pooled(place))


SILENCES = "silences >= 1 s, both ends within 150 ms, a channel per speaker"
TURNS = "begin and end of turns (pauses to 1.5 s joined), a channel per speaker"
POOLED = (
    "the call and 28 conversations composed from read speech (to 20 dB SNR, 8 and 16 kHz, "
    "a speaker 30 dB down, crosstalk to -20 dB)"
)
SAYS_SILENCES = (
    "F1 {f1:.3f} ({found} found, {missed} missed, {false} false); "
    "boundary error median {median_ms:.0f} ms, P90 {p90_ms:.0f} ms"
)
SAYS_TURNS = (
    "begin: median {begin_median_ms:.0f} ms, P90 {begin_p90_ms:.0f} ms; "
    "end: median {end_median_ms:.0f} ms, P90 {end_p90_ms:.0f} ms "
    "({found} turns found, {missed} missed)"
)

ROWS = (
    Row(SILENCES, "a telephone call", ("calls",), silences_of_call, SAYS_SILENCES),
    Row(SILENCES, POOLED, ("calls", "read_speech"), silences_pooled, SAYS_SILENCES, slow=True),
    Row(SILENCES, "the acted samples, end to end", (), silences_acted, SAYS_SILENCES, slow=True),
    Row(TURNS, "the call", ("calls",), turns_of_call, SAYS_TURNS),
    Row(
        TURNS,
        "the call and the 28 conversations",
        ("calls", "read_speech"),
        turns_pooled,
        SAYS_TURNS,
        slow=True,
    ),
)
