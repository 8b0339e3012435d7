"""Words, on the regions of the reference, by the largest Whisper that is installed.

``scripts/install`` brings base, which the page prints.
"""

from collections.abc import Iterable
from functools import reduce
from operator import add

import polars as pl

from pipeline.audio.samples import Audio
from pipeline.core import registry
from pipeline.evaluation.accuracy.row import ACTED, Numbers, Place, Row
from pipeline.evaluation.material import spoken_words

MEETINGS = ("dev00", "dev01")


def words_of_meetings(place: Place) -> Numbers:
    """Each speaker's words against theirs."""
    return _errors(
        place,
        (
            (audio, regions, {who: [word for word, _ in own] for who, own in said.items()})
            for audio, regions, said in (
                spoken_words.meeting(place.data / "meetings", name) for name in MEETINGS
            )
        ),
    )


def words_acted(place: Place) -> Numbers:
    """Words of the true turns of the acted sessions."""
    return _errors(place, (spoken_words.acted(place.samples, name) for name in ACTED))


def _errors(
    place: Place, clips: Iterable[tuple[Audio, pl.DataFrame, dict[str, list[str]]]]
) -> Numbers:
    transcriber = registry.find("transcriber", "faster_whisper").make(place.settings)
    total = reduce(
        add,
        (
            spoken_words.errors(said, transcriber.transcribe(audio, regions, "en"))
            for audio, regions, said in clips
        ),
    )
    return {"word_error": total.rate, "said": total.said}


SAYS_WORDS = "{word_error:.1%} of {said:,} words"

ROWS = (
    Row(
        "word error, true turns",
        "the two meeting clips, per speaker",
        ("meetings",),
        words_of_meetings,
        SAYS_WORDS,
    ),
    Row(
        "word error, true turns",
        "the acted samples (synthetic voices)",
        (),
        words_acted,
        SAYS_WORDS,
        slow=True,
    ),
)
