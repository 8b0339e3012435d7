"""Pitch, phonation, articulation rate."""

from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline.core.errors import EngineError
from pipeline.engines.pitch.pyin import PyinTracker
from pipeline.engines.pitch.swift_f0 import SwiftF0Tracker
from pipeline.engines.protocols import PitchTracker
from pipeline.evaluation.accuracy.row import Numbers, Place, Row
from pipeline.evaluation.errors import phonation as phonation_error
from pipeline.evaluation.errors import pitch, rate

SAMPLES = ("rupture", "benign")


def pitch_numbers(tracker: PitchTracker, place: Place, every: int) -> Numbers:
    """Errors on every so many-th sentence: of moments, and of each sentence's features."""
    total, apart = pitch.PitchError(), []
    for samples, reference in islice(pitch.sentences(place.data / "pitch"), 0, None, every):
        f0_hz, _ = tracker.track(samples)
        total += pitch.moment_error(f0_hz, reference)
        apart.append(pitch.utterance_error(f0_hz, reference, place.settings))
    numbers: Numbers = {
        "gross": total.gross_error,
        "voicing": total.voicing_error,
        "sentences": len(apart),
    }
    for name in ("median_st", "span_st", "final_st"):
        sizes = np.abs([getattr(one, name) for one in apart])
        known = sizes[~np.isnan(sizes)]
        numbers[name] = float(np.median(known))
        numbers[f"{name}_p90"] = float(np.percentile(known, 90))
        numbers[f"{name}_known"] = len(known)
    return numbers


@cache
def pitch_of_swift_f0(place: Place) -> Numbers:
    """The tracker of every run, on all sentences."""
    return pitch_numbers(SwiftF0Tracker(place.settings), place, 1)


@cache
def pitch_of_pyin(place: Place) -> Numbers:
    """The tracker that can be chosen instead, on a third of the sentences, for it is slow."""
    return pitch_numbers(PyinTracker(place.settings), place, 3)


@cache
def swift_f0_on_every_third(place: Place) -> Numbers:
    """The tracker of every run, on the sentences of the other."""
    return pitch_numbers(SwiftF0Tracker(place.settings), place, 3)


def phonation(place: Place) -> Numbers:
    """HNR, CPP, jitter and shimmer beside Praat, on every fourth sentence.

    Raises
    ------
    EngineError
        Praat cannot be asked here.
    """
    if not phonation_error.installed():
        raise EngineError("praat-parselmouth, to compare with, is not installed")
    some = islice(phonation_error.material(place.data), 0, None, 4)
    ours, theirs = phonation_error.medians(some, SwiftF0Tracker(place.settings), place.settings)
    numbers: Numbers = {"sentences": len(ours)}
    for name, agreement in phonation_error.agreements(ours, theirs).items():
        numbers |= {f"{name}_r": agreement.r, f"{name}_bias": agreement.bias}
    return numbers


def rate_numbers(both: list[rate.Floats]) -> Numbers:
    """How rates from the signal agree with those from words."""
    words, signal = np.concatenate(both).T
    return {
        "turns": len(words),
        "r": float(np.corrcoef(words, signal)[0, 1]),
        "error": float(np.abs(signal - words).mean()),
        "bias": float((signal - words).mean()),
        "mean": float(words.mean()),
    }


def rates_of_meetings(place: Place) -> Numbers:
    """All AMI clips, words as people timed them."""
    tracker, folder = SwiftF0Tracker(place.settings), place.data / "meetings"
    names = sorted(path.name.removesuffix(".words.json") for path in folder.glob("*.words.json"))
    return rate_numbers([rate.of_meeting(folder, n, tracker, place.settings) for n in names])


def rates_of_samples(place: Place) -> Numbers:
    """The acted samples, words as they were spoken."""
    tracker, folder = SwiftF0Tracker(place.settings), Path(place.samples)
    return rate_numbers([rate.of_sample(folder, n, tracker, place.settings) for n in SAMPLES])


PITCH = "pitch against a laryngograph, 15 ms grid"
SAYS_PITCH = "gross errors {gross:.2%}, voicing errors {voicing:.1%} ({sentences} sentences)"
UTTERANCE = "pitch of an utterance against a laryngograph, size of error, median (P90)"
SAYS_UTTERANCE = (
    "f0 median {median_st:.2f} ({median_st_p90:.2f}) semitones, "
    "span {span_st:.2f} ({span_st_p90:.2f}), "
    "end {final_st:.2f} ({final_st_p90:.2f}; {final_st_known} of {sentences} sentences)"
)
PHONATION = "phonation beside Praat, same stretches, median of each sentence: r (our bias)"
SAYS_PHONATION = (
    "HNR {hnr_db_r:.2f} ({hnr_db_bias:+.1f} dB), CPP {cpp_db_r:.2f} ({cpp_db_bias:+.1f} dB), "
    "jitter {jitter_r:.2f} ({jitter_bias:+.2%}), shimmer {shimmer_r:.2f} ({shimmer_bias:+.1%}); "
    "{sentences} sentences"
)
RATE = "articulation rate from the signal, beside words, turns >= 2 s"
SAYS_RATE = (
    "r {r:.2f}; mean absolute error {error:.2f} of {mean:.1f} syllables a second, "
    "bias {bias:+.2f} ({turns} turns)"
)

ROWS = (
    Row(PITCH, "swift-f0, all sentences", ("pitch",), pitch_of_swift_f0, SAYS_PITCH),
    Row(PITCH, "swift-f0, every third", ("pitch",), swift_f0_on_every_third, SAYS_PITCH),
    Row(PITCH, "pYIN, every third", ("pitch",), pitch_of_pyin, SAYS_PITCH, slow=True),
    Row(UTTERANCE, "swift-f0, all sentences", ("pitch",), pitch_of_swift_f0, SAYS_UTTERANCE),
    Row(UTTERANCE, "swift-f0, every third", ("pitch",), swift_f0_on_every_third, SAYS_UTTERANCE),
    Row(UTTERANCE, "pYIN, every third", ("pitch",), pitch_of_pyin, SAYS_UTTERANCE, slow=True),
    Row(
        PHONATION,
        "read sentences of seven speakers (FDA corpus, LibriSpeech), every fourth",
        ("pitch", "read_speech"),
        phonation,
        SAYS_PHONATION,
        slow=True,
    ),
    Row(RATE, "the meeting clips, timed words", ("meetings",), rates_of_meetings, SAYS_RATE),
    Row(
        RATE,
        "the acted samples (synthetic voices)",
        (),
        rates_of_samples,
        SAYS_RATE,
        slow=True,
    ),
)
