"""Pitch."""

from itertools import islice

import pitch_error

from accuracy_rows.row import Numbers, Place, Row
from pipeline.engines.pyin import PyinTracker
from pipeline.engines.swift_f0 import SwiftF0Tracker
from pipeline.ports import PitchTracker


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


PITCH = "pitch against a laryngograph, 15 ms grid"
SAYS_PITCH = "gross errors {gross:.2%}, voicing errors {voicing:.1%} ({sentences} sentences)"

ROWS = (
    Row(PITCH, "swift-f0, all sentences", ("pitch",), pitch_of_swift_f0, SAYS_PITCH),
    Row(PITCH, "pYIN, every third sentence", ("pitch",), pitch_of_pyin, SAYS_PITCH, slow=True),
)
