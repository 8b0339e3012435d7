"""Words, on the regions of the reference."""

from functools import partial, reduce
from operator import add

from pipeline.core import registry
from pipeline.engines.protocols import Transcriber
from pipeline.evaluation.accuracy.row import ACTED, Numbers, Place, Row
from pipeline.evaluation.material import spoken_words

MEETINGS = ("dev00", "dev01")
ENGINES = {"faster_whisper": "Whisper", "moonshine": "Moonshine"}
"""Whisper is the largest that is installed; `scripts/install` brings base."""


def words_of_meetings(place: Place, engine: str) -> Numbers:
    """Each speaker's words against theirs."""
    transcriber = _engine(place, engine)
    errors = []
    for name in MEETINGS:
        audio, regions, said = spoken_words.meeting(place.data / "meetings", name)
        words = {who: [word for word, _ in own] for who, own in said.items()}
        errors.append(spoken_words.errors(words, transcriber.transcribe(audio, regions, "en")))
    total = reduce(add, errors)
    return {"word_error": total.rate, "said": total.said}


def words_acted(place: Place, engine: str) -> Numbers:
    """Words of the true turns of the acted sessions."""
    transcriber = _engine(place, engine)
    errors = []
    for name in ACTED:
        audio, regions, said = spoken_words.acted(place.samples, name)
        errors.append(spoken_words.errors(said, transcriber.transcribe(audio, regions, "en")))
    total = reduce(add, errors)
    return {"word_error": total.rate, "said": total.said}


def _engine(place: Place, name: str) -> Transcriber:
    made: Transcriber = registry.find("transcriber", name).make(place.settings)
    return made


SAYS_WORDS = "{word_error:.1%} of {said:,} words"

ROWS = tuple(
    row
    for engine, label in ENGINES.items()
    for row in (
        Row(
            f"word error, {label}, true turns",
            "the two meeting clips, per speaker",
            ("meetings",),
            partial(words_of_meetings, engine=engine),
            SAYS_WORDS,
        ),
        Row(
            f"word error, {label}, true turns",
            "the acted samples (synthetic voices)",
            (),
            partial(words_acted, engine=engine),
            SAYS_WORDS,
            slow=True,
        ),
    )
)
