"""Words, on the regions of the reference."""

from functools import reduce
from operator import add

from pipeline.engines.transcription.moonshine import MoonshineTranscriber
from pipeline.evaluation.accuracy.row import ACTED, Numbers, Place, Row
from pipeline.evaluation.material import spoken_words

MEETINGS = ("dev00", "dev01")


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


WORDS = "word error, Moonshine, true turns"
SAYS_WORDS = "{word_error:.0%} of {said:,} words"

ROWS = (
    Row(
        WORDS,
        "the two meeting clips, per speaker",
        ("meetings",),
        words_of_meetings,
        SAYS_WORDS,
    ),
    Row(WORDS, "the acted samples (synthetic voices)", (), words_acted, SAYS_WORDS, slow=True),
)
