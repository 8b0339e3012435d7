"""Speech activity and diarization."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, reduce
from operator import add

import numpy as np

from pipeline.audio.samples import Audio, Samples
from pipeline.core.intervals import Intervals
from pipeline.core.tables import Metadata, Recording
from pipeline.engines.diarization.channels import ChannelsDiarizer
from pipeline.engines.diarization.clustering import ClusteringDiarizer
from pipeline.engines.diarization.pyannote import PyannoteDiarizer
from pipeline.engines.diarization.segmentation import SegmentationDiarizer
from pipeline.engines.protocols import Diarizer
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.accuracy.row import Numbers, Place, Row, spread
from pipeline.evaluation.errors import diarization, timing
from pipeline.evaluation.errors.diarization import DiarizationError, Referenced, Span
from pipeline.evaluation.material import composed
from pipeline.speech import activity

MEETINGS = {"dev00": 2, "dev01": 2, "trn01": 4, "trn02": 1, "trn07": 4, "trn08": 4}
"""People who speak in each clip. The engine is told that two do, as in every session."""

MONO_PAIRS = [
    ("3080", "2033"),
    ("2609", "367"),
    ("2033", "2609"),
    ("367", "3080"),
    ("1688", "367"),
    ("1688", "2609"),
]


def call(place: Place) -> Referenced:
    """The telephone call."""
    return diarization.referenced(place.data / "calls" / "call_a.flac")


def mixed_call(place: Place) -> Referenced:
    """The telephone call, mixed down."""
    whole = call(place)
    return Referenced(Audio([whole.audio.mixed(0, whole.audio.n_samples)]), whole.spans)


@cache
def meeting(place: Place, name: str) -> Referenced:
    """A meeting clip."""
    return diarization.referenced(place.data / "meetings" / f"{name}.flac")


# Whether anybody speaks.


def speech(clips: Callable[[Place], Sequence[Referenced]]) -> Callable[[Place], Numbers]:
    """Speech missed and false alarms of speech activity, whoever speaks; pooled by time."""

    def measure(place: Place) -> Numbers:
        detector = Silero(place.settings)
        spoken = missed = false = 0.0
        for clip in clips(place):
            heard = activity.detect(clip.audio, detector, place.settings.activity)
            duration_ms = clip.audio.duration_ms
            found = [(a, b, "") for a, b in heard.select("start_ms", "end_ms").iter_rows()]
            miss, false_alarm = diarization.speech_error(clip.spans, found, duration_ms)
            seconds = Intervals.of((a, b) for a, b, _ in clip.spans).total_ms / 1000
            spoken += seconds
            missed += miss * seconds
            false += false_alarm * seconds
        return {"miss": missed / spoken, "false_alarm": false / spoken, "seconds": spoken}

    return measure


# Who speaks.


def judged(place: Place, engine: Diarizer, clip: Referenced) -> Numbers:
    """Spans of a diarizer against truth: speech, speakers, and where their turns begin and end."""
    duration_ms = clip.audio.duration_ms
    heard = activity.detect(clip.audio, Silero(place.settings), place.settings.activity)
    channels = len(clip.audio.channels)
    recording = Recording("0" * 64, duration_ms, 16_000, channels, Metadata())
    found = engine.diarize(clip.audio, heard, recording)
    spans = diarization.spans(found.spans.filter("regular"))
    error = diarization.diarization_error(clip.spans, spans)
    miss, false_alarm = diarization.speech_error(clip.spans, spans, duration_ms)
    names = diarization.naming(clip.spans, spans)
    begins, ends, missed = turn_errors(
        clip.spans,
        [(start, end, names.get(who, "")) for start, end, who in spans],
        place.settings.turns.turn_pause_ms,
    )
    begin_ms, begin_p90_ms = spread(begins)
    end_ms, end_p90_ms = spread(ends)
    return {
        "miss": miss,
        "false_alarm": false_alarm,
        "confusion": diarization.confusion(clip.spans, spans, duration_ms),
        **rates(error),
        "begin_median_ms": begin_ms,
        "begin_p90_ms": begin_p90_ms,
        "end_median_ms": end_ms,
        "end_p90_ms": end_p90_ms,
        "found": len(begins),
        "missed": missed,
    } | ({} if found.margin is None else {"margin": found.margin})


def rates(error: DiarizationError) -> Numbers:
    """DER and its parts."""
    return {
        "der": error.rate,
        "der_missed": error.missed / error.total,
        "der_false": error.false / error.total,
        "der_confused": error.confused / error.total,
    }


def turn_errors(
    truth: Sequence[Span], found: Sequence[Span], pause_ms: int
) -> tuple[list[int], list[int], int]:
    """Errors of turns of all speakers: see `timing_error.boundary_errors`."""
    total: tuple[list[int], list[int], int] = ([], [], 0)
    for name in sorted({who for _, _, who in truth}):
        wanted, heard = (
            [(start, end) for start, end, who in spans if who == name] for spans in (truth, found)
        )
        begins, ends, missed = timing.boundary_errors(wanted, heard, pause_ms)
        total = ([*total[0], *begins], [*total[1], *ends], total[2] + missed)
    return total


def channels_on_call(place: Place) -> Numbers:
    """The call as it is."""
    return judged(place, ChannelsDiarizer(place.settings), call(place))


OneMicrophone = type[ClusteringDiarizer | SegmentationDiarizer | PyannoteDiarizer]


def on_call(make: OneMicrophone) -> Callable[[Place], Numbers]:
    """The call mixed down; where an engine's model is not here, the error says what to type."""

    def measure(place: Place) -> Numbers:
        engine = make(place.settings)
        engine.identity()
        return judged(place, engine, mixed_call(place))

    return measure


def on_meeting(make: OneMicrophone, name: str) -> Callable[[Place], Numbers]:
    """A meeting clip."""

    def measure(place: Place) -> Numbers:
        engine = make(place.settings)
        engine.identity()
        return judged(place, engine, meeting(place, name))

    return measure


def on_composed(make: OneMicrophone) -> Callable[[Place], Numbers]:
    """Six pairs of speakers at 16 and at 8 kHz, mixed down: means, and the worst of each."""

    def measure(place: Place) -> Numbers:
        engine = make(place.settings)
        engine.identity()
        every = []
        for number, pair in enumerate(MONO_PAIRS):
            for telephone in (False, True):
                scene = composed.Scene(telephone=telephone, noise_db=-40, crosstalk_db=None)
                talk = composed.compose(place.data / "read_speech", pair, 50 + number, scene)
                mono: Samples = np.asarray(talk.channels.mean(axis=0), np.float32)
                clip = Referenced(Audio([mono]), diarization.truth(talk.speech))
                every.append(judged(place, engine, clip))
        means = {name: float(np.mean([one[name] for one in every])) for name in every[0]}
        return means | {
            "found": sum(one["found"] for one in every),
            "missed": sum(one["missed"] for one in every),
            "worst_confusion": max(one["confusion"] for one in every),
            "least_margin": min(one["margin"] for one in every),
        }

    return measure


def on_meetings(make: OneMicrophone) -> Callable[[Place], Numbers]:
    """All six clips together."""

    def measure(place: Place) -> Numbers:
        engine = make(place.settings)
        engine.identity()
        errors = []
        for name in MEETINGS:
            clip = meeting(place, name)
            heard = diarization.diarized(clip.audio.channels[0], engine, place.settings)
            spans = diarization.spans(heard.spans.filter("regular"))
            errors.append(diarization.diarization_error(clip.spans, spans))
        return rates(reduce(add, errors))

    return measure


SPEECH = "speech activity, whoever speaks, no collar"
SPEAKERS = (
    "who speaks: confusion (0.5 s collar, without overlap), DER (no collar, with overlap); "
    "turns (pauses to 1.5 s joined)"
)
SAYS_SPEECH = "missed {miss:.1%}, false alarm {false_alarm:.1%} (of {seconds:.0f} s of speech)"
SAYS_DER = (
    "DER {der:.1%} (missed {der_missed:.1%}, false {der_false:.1%}, confused {der_confused:.1%})"
)
SAYS_SPEAKERS = (
    "confusion {confusion:.1%}; " + SAYS_DER + "; speech missed {miss:.1%}, "
    "false alarm {false_alarm:.1%}; begin of turns: median {begin_median_ms:.0f} ms, "
    "P90 {begin_p90_ms:.0f} ms; end: {end_median_ms:.0f} ms, {end_p90_ms:.0f} ms "
    "({found:.0f} found, {missed:.0f} missed)"
)
SAYS_MARGIN = "; margin {margin:.2f}"


def people(number: int) -> str:
    """How many speak in a clip, where it is not the two that the engine is told of."""
    return {1: "1 speaker, the engine is told of 2", 2: "2 speakers"}.get(
        number, f"{number} speakers, the engine is told of 2"
    )


def one_microphone(engine: str, make: OneMicrophone) -> Iterator[Row]:
    """Rows of an engine that has one microphone."""
    yield Row(
        SPEAKERS,
        f"{engine}: the call mixed to mono",
        ("calls",),
        on_call(make),
        SAYS_SPEAKERS + SAYS_MARGIN,
    )
    yield Row(
        SPEAKERS,
        f"{engine}: 12 composed conversations mixed to mono, means",
        ("read_speech",),
        on_composed(make),
        SAYS_SPEAKERS
        + SAYS_MARGIN
        + " (worst confusion and margin: {worst_confusion:.1%}, {least_margin:.2f})",
        slow=True,
    )
    for name, number in MEETINGS.items():
        yield Row(
            SPEAKERS,
            f"{engine}: 30 s of a meeting, far microphone ({name}, {people(number)})",
            ("meetings",),
            on_meeting(make, name),
            SAYS_SPEAKERS,
        )
    yield Row(
        SPEAKERS, f"{engine}: the six clips together", ("meetings",), on_meetings(make), SAYS_DER
    )


ROWS = (
    Row(SPEECH, "the call, both channels", ("calls",), speech(lambda p: [call(p)]), SAYS_SPEECH),
    Row(
        SPEECH, "the call mixed to mono", ("calls",), speech(lambda p: [mixed_call(p)]), SAYS_SPEECH
    ),
    Row(
        SPEECH,
        "six meeting clips of 30 s, far microphone",
        ("meetings",),
        speech(lambda place: [meeting(place, name) for name in MEETINGS]),
        SAYS_SPEECH,
    ),
    Row(SPEAKERS, "channels: the call", ("calls",), channels_on_call, SAYS_SPEAKERS + SAYS_MARGIN),
    *(
        row
        for name, make in (
            ("clustering", ClusteringDiarizer),
            ("segmentation", SegmentationDiarizer),
        )
        for row in one_microphone(name, make)
    ),
    Row(
        SPEAKERS,
        "pyannote: the call mixed to mono",
        ("calls",),
        on_call(PyannoteDiarizer),
        SAYS_SPEAKERS,
    ),
)
