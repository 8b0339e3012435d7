"""Who speaks, one microphone."""

from collections.abc import Callable, Sequence

import composed
import diarization_error
import numpy as np
from diarization_error import Span

from accuracy_rows.row import MEETINGS, Numbers, Place, Row
from pipeline.engines.clustering import ClusteringDiarizer
from pipeline.ports import Audio, Samples
from pipeline.tables import Metadata, Recording

MONO_PAIRS = [
    ("3080", "2033"),
    ("2609", "367"),
    ("2033", "2609"),
    ("367", "3080"),
    ("1688", "367"),
    ("1688", "2609"),
]


def clustered(place: Place, mono: Samples, truth: Sequence[Span]) -> Numbers:
    """Speech and speakers of one microphone against truth."""
    audio = Audio([mono])
    duration_ms = audio.duration_ms
    activity = diarization_error.heard(mono, place.settings)
    recording = Recording("0" * 64, duration_ms, 16_000, 1, Metadata())
    found = ClusteringDiarizer(place.settings).diarize(audio, activity, recording)
    spans = diarization_error.spans(found.spans)
    miss, false_alarm = diarization_error.speech_error(truth, spans, duration_ms)
    numbers = {
        "miss": miss,
        "false_alarm": false_alarm,
        "confusion": diarization_error.confusion(truth, spans, duration_ms),
    }
    return numbers if found.margin is None else numbers | {"margin": found.margin}


def call_on_one_microphone(place: Place) -> Numbers:
    """The telephone call mixed down."""
    call = diarization_error.referenced(place.data / "calls" / "call_a.flac")
    return clustered(place, call.audio.mixed(0, call.audio.n_samples), call.spans)


def composed_on_one_microphone(place: Place) -> Numbers:
    """Six pairs of speakers at 16 and at 8 kHz, mixed down: means, and the worst of each."""
    every = []
    for number, pair in enumerate(MONO_PAIRS):
        for telephone in (False, True):
            scene = composed.Scene(telephone=telephone, noise_db=-40, crosstalk_db=None)
            talk = composed.compose(place.data / "read_speech", pair, 50 + number, scene)
            mono = np.asarray(talk.channels.mean(axis=0), np.float32)
            every.append(clustered(place, mono, diarization_error.truth(talk.speech)))
    means = {name: float(np.mean([one[name] for one in every])) for name in every[0]}
    return means | {
        "worst_confusion": max(one["confusion"] for one in every),
        "least_margin": min(one["margin"] for one in every),
    }


def meeting(name: str) -> Callable[[Place], Numbers]:
    """A meeting clip."""

    def measure(place: Place) -> Numbers:
        clip = diarization_error.referenced(place.data / "meetings" / f"{name}.flac")
        return clustered(place, np.asarray(clip.audio.channels[0]), clip.spans)

    return measure


SPEAKERS = "speech and speakers, one microphone (clustering)"
SAYS_SPEAKERS = (
    "confusion {confusion:.1%}; speech missed {miss:.1%}, false alarm {false_alarm:.1%}; "
    "margin {margin:.2f}"
)

ROWS = (
    Row(SPEAKERS, "the call mixed to mono", ("calls",), call_on_one_microphone, SAYS_SPEAKERS),
    Row(
        SPEAKERS,
        "12 composed conversations mixed to mono, means",
        ("read_speech",),
        composed_on_one_microphone,
        SAYS_SPEAKERS + " (worst: confusion {worst_confusion:.1%}, margin {least_margin:.2f})",
        slow=True,
    ),
    *(
        Row(
            SPEAKERS,
            f"30 s of a meeting, far microphone, overlap ({name})",
            ("meetings",),
            meeting(name),
            SAYS_SPEAKERS,
        )
        for name in MEETINGS
    ),
)
