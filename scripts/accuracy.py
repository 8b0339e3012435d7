"""Accuracy: one table of what Tether measures, against references that others made.

Other people's recordings lie in ``../shared/data`` beside the checkout, where somebody put them;
a row whose data is absent says so. The acted sessions in ``samples/`` are always there. The table
is Markdown: the one in README.md was printed by this command. Every row is measured with default
settings, by the same code that the tests use, and comes out the same on every run.

To add a row, write a function that takes a `Place` and returns numbers, and name it in `ROWS`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import islice
from operator import add
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import acted_sessions
import composed
import diarization_error
import pitch_error
import role_error
import spoken_words
import timing_error
from diarization_error import Span
from timing_error import Case, SilenceError

from pipeline import config, models
from pipeline.engines.clustering import ClusteringDiarizer
from pipeline.engines.moonshine import MoonshineTranscriber
from pipeline.engines.pyin import PyinTracker
from pipeline.engines.silero import Silero
from pipeline.engines.swift_f0 import SwiftF0Tracker
from pipeline.errors import EngineError
from pipeline.ports import Audio, PitchTracker, Samples
from pipeline.session import Walked
from pipeline.tables import Metadata, Recording

ROOT = Path(__file__).resolve().parent.parent
Numbers = dict[str, float]
ACTED = ("rupture", "benign")
MEETINGS = ("dev00", "dev01")
MONO_PAIRS = [
    ("3080", "2033"),
    ("2609", "367"),
    ("2033", "2609"),
    ("367", "3080"),
    ("1688", "367"),
    ("1688", "2609"),
]


class Place:
    """Where the data is, and what several rows share; made when the first of them asks."""

    def __init__(self, data: Path, samples: Path) -> None:
        self.data = data
        self.samples = samples
        self.settings = config.load()

    @cached_property
    def call(self) -> "Timing":
        """The telephone call, measured."""
        return timing(self, [timing_error.call(self.data / "calls")])

    @cached_property
    def pooled(self) -> "Timing":
        """The telephone call and all composed conversations."""
        return self.call + timing(self, timing_error.conversations(self.data / "read_speech"))

    @cached_property
    def walked(self) -> dict[str, Walked]:
        """Both acted sessions, walked from their audio."""
        with tempfile.TemporaryDirectory(prefix="tether-accuracy-") as folder:
            return acted_sessions.walk(self.samples, Path(folder) / "workspace")


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    what
        The measure.
    on
        The data, in words.
    needs
        Folders under ``shared/data``; none: ``samples/`` alone.
    measure
        From the place of the data to numbers by name.
    says
        Format of the result; takes the names of the numbers.
    slow
        Left out by ``--quick``.
    """

    what: str
    on: str
    needs: tuple[str, ...]
    measure: Callable[[Place], Numbers]
    says: str
    slow: bool = False

    def absent(self, place: Place) -> list[str]:
        """Folders that are needed and not here."""
        return [name for name in self.needs if not (place.data / name).is_dir()]


# Silences and turns, stereo.


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


def spread(errors_ms: Sequence[int]) -> tuple[float, float]:
    """Median and 90th percentile of sizes."""
    sizes = np.abs(errors_ms)
    return float(np.median(sizes)), float(np.percentile(sizes, 90))


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


def silences_of_call(place: Place) -> Numbers:
    """Silences of the telephone call."""
    return silence_numbers(place.call.silences)


def silences_pooled(place: Place) -> Numbers:
    """Silences of the call and the composed conversations."""
    return silence_numbers(place.pooled.silences)


def silences_acted(place: Place) -> Numbers:
    """Silences of the acted sessions, as the whole walk leaves them."""
    total = SilenceError()
    for name in ACTED:
        table = place.walked[name].tables["silences"]
        truth = acted_sessions.truth(place.samples, f"{name}_silences")
        total += timing_error.silence_error(
            [(int(row["start_ms"]), int(row["end_ms"])) for row in truth],
            table.select("start_ms", "end_ms").rows(),
        )
    return silence_numbers(total)


def turns_of_call(place: Place) -> Numbers:
    """Turns of the telephone call."""
    return turn_numbers(place.call)


def turns_pooled(place: Place) -> Numbers:
    """Turns of the call and the composed conversations."""
    return turn_numbers(place.pooled)


# Who speaks, one microphone.


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


# Words.


def words_of_meetings(place: Place) -> Numbers:
    """Moonshine on the regions of the reference, each speaker's words against theirs."""
    engine = MoonshineTranscriber(place.settings)
    errors = []
    for name in MEETINGS:
        audio, regions, said = spoken_words.meeting(place.data / "meetings", name)
        words = {who: [word for word, _ in own] for who, own in said.items()}
        errors.append(spoken_words.errors(words, engine.transcribe(audio, regions, "en")))
    total = reduce(add, errors)
    return {"word_error": total.rate, "said": total.said}


def words_acted(place: Place) -> Numbers:
    """Moonshine on the true turns of the acted sessions."""
    engine = MoonshineTranscriber(place.settings)
    errors = []
    for name in ACTED:
        audio, regions, said = spoken_words.acted(place.samples, name)
        errors.append(spoken_words.errors(said, engine.transcribe(audio, regions, "en")))
    total = reduce(add, errors)
    return {"word_error": total.rate, "said": total.said}


# Pitch.


def pitch_numbers(tracker: PitchTracker, place: Place, every: int) -> Numbers:
    """Errors on every so many-th sentence."""
    some = list(islice(pitch_error.sentences(place.data / "pitch"), 0, None, every))
    total = sum((pitch_error.error(tracker, *one) for one in some), pitch_error.PitchError())
    return {
        "gross": total.gross_error,
        "voicing": total.voicing_error,
        "sentences": len(some),
    }


def pitch_of_swift_f0(place: Place) -> Numbers:
    """The tracker of every run, on all sentences."""
    return pitch_numbers(SwiftF0Tracker(place.settings), place, 1)


def pitch_of_pyin(place: Place) -> Numbers:
    """The tracker that can be chosen instead, on a third of the sentences, for it is slow."""
    return pitch_numbers(PyinTracker(place.settings), place, 3)


# Roles and moments.


def role_numbers(talks: Iterator[list[role_error.Line]]) -> Numbers:
    """How often the therapist is found, missed for the other, or left open."""
    found = role_error.judged(talks)
    return {
        "right": found["therapist"],
        "wrong": found["client"],
        "abstained": found["unknown"],
    }


def roles_of_consultations(place: Place) -> Numbers:
    """Doctor and patient."""
    return role_numbers(role_error.consultations(place.data / "consultations"))


def roles_of_counselling(place: Place) -> Numbers:
    """Counsellor and client."""
    file = place.data / "counselling_text" / "utterances.csv"
    return role_numbers(role_error.counselling(file))


def planted_moments(place: Place) -> Numbers:
    """Primary moments found from the audio, and what was flagged that nobody planted."""
    rupture = place.walked["rupture"]
    planted = acted_sessions.truth(place.samples, "rupture_moments")
    primary = sum(row["primary"] == "true" for row in planted)
    known = {
        moment_id
        for row in planted
        for moment_id in acted_sessions.overlap(acted_sessions.moments(rupture), row)["moment_id"]
    }
    return {
        "found": primary - len(acted_sessions.missed(rupture, place.samples)),
        "planted": primary,
        "unplanted": acted_sessions.moments(rupture).height - len(known),
        "false_benign": acted_sessions.moments(place.walked["benign"]).height,
    }


SILENCES = "silences >= 1 s, both ends within 150 ms, a channel per speaker"
TURNS = "begin and end of turns (pauses to 1.5 s joined), a channel per speaker"
SPEAKERS = "speech and speakers, one microphone (clustering)"
WORDS = "word error, Moonshine, true turns"
PITCH = "pitch against a laryngograph, 15 ms grid"
ROLES = "who is the therapist, from words and turns"
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
SAYS_SPEAKERS = (
    "confusion {confusion:.1%}; speech missed {miss:.1%}, false alarm {false_alarm:.1%}; "
    "margin {margin:.2f}"
)
SAYS_WORDS = "{word_error:.0%} of {said:,} words"
SAYS_PITCH = "gross errors {gross:.2%}, voicing errors {voicing:.1%} ({sentences} sentences)"
SAYS_ROLES = "{right} right, {wrong} wrong, {abstained} abstained"

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
    Row(
        WORDS,
        "the two meeting clips, per speaker",
        ("meetings",),
        words_of_meetings,
        SAYS_WORDS,
    ),
    Row(WORDS, "the acted samples (synthetic voices)", (), words_acted, SAYS_WORDS, slow=True),
    Row(PITCH, "swift-f0, all sentences", ("pitch",), pitch_of_swift_f0, SAYS_PITCH),
    Row(PITCH, "pYIN, every third sentence", ("pitch",), pitch_of_pyin, SAYS_PITCH, slow=True),
    Row(ROLES, "consultations", ("consultations",), roles_of_consultations, SAYS_ROLES),
    Row(
        ROLES,
        "counselling conversations",
        ("counselling_text",),
        roles_of_counselling,
        SAYS_ROLES,
    ),
    Row(
        "planted primary moments",
        "the acted samples, end to end",
        (),
        planted_moments,
        "{found} of {planted} found, {unplanted} flagged that nobody planted; "
        "{false_benign} in the benign session",
        slow=True,
    ),
)


def result(row: Row, place: Place) -> tuple[str, Numbers | None]:
    """What the table says, and the numbers; none if the row cannot be measured here."""
    if absent := row.absent(place):
        return f"not here: shared/data/{', '.join(absent)}", None
    try:
        numbers = row.measure(place)
    except EngineError as caught:
        return f"not measured: {caught}", None
    # A row whose engine gave no margin says nan; nothing is hidden.
    known: Numbers = {"margin": float("nan")} | numbers
    return row.says.format(**known), numbers


def main() -> None:
    """Parse options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave slow rows out")
    parser.add_argument("--json", action="store_true", help="print numbers instead of a table")
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder of other people's recordings (default: ../shared/data)",
    )
    options = parser.parse_args()
    models.offline()
    place = Place(options.data, ROOT / "samples")
    rows = [row for row in ROWS if not (options.quick and row.slow)]
    if options.json:
        told = []
        for row in rows:
            says, numbers = result(row, place)
            told.append({"what": row.what, "on": row.on, "result": says, "numbers": numbers})
        print(json.dumps(told, indent=2))
        return
    print("| what | on | result |\n|---|---|---|")
    before = ""
    for row in rows:
        says, _ = result(row, place)
        print(f"| {row.what if row.what != before else ''} | {row.on} | {says} |", flush=True)
        before = row.what


if __name__ == "__main__":
    main()
