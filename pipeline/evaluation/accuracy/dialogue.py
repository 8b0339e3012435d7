"""Dialogues composed with known turns, overlaps and words: silences, latency, kinds of overlap."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

from pipeline.core import registry
from pipeline.engines.protocols import Diarizer
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.accuracy.row import Numbers, Place, Row, spread
from pipeline.evaluation.errors import dialogue
from pipeline.evaluation.errors.dialogue import KINDS, DialogueError, Told
from pipeline.evaluation.errors.timing import SilenceError

TRANSCRIPTS: tuple[Told, ...] = ("all", "without marks", "none")


@dataclass(frozen=True)
class Stereo:
    """With a channel for each speaker; with the words of the script, with fewer, with none."""

    all_words: DialogueError
    no_marks: DialogueError
    no_words: DialogueError


@cache
def stereo(place: Place) -> Stereo:
    """Spans as a run finds them, once, with several transcripts."""
    settings, detector = place.settings, Silero(place.settings)
    found = [DialogueError(), DialogueError(), DialogueError()]
    for talk in dialogue.dialogues(place.data / "read_speech"):
        spans = dialogue.stereo_spans(talk, settings, detector)
        for k, words in enumerate(TRANSCRIPTS):
            tables = dialogue.built(talk, spans, settings, knows_overlap=True, words=words)
            found[k] += dialogue.error(talk, tables)
    return Stereo(*found)


@cache
def _mono(place: Place, name: str, words: Told, *, is_faint: bool) -> DialogueError:
    engine: Diarizer = registry.find("diarizer", name).make(place.settings)
    engine.identity()
    folder = place.data / "read_speech"
    found = DialogueError()
    for talk in dialogue.faint(folder) if is_faint else dialogue.dialogues(folder, mono=True):
        tables = dialogue.from_mono(talk, place.settings, engine, words)
        found += dialogue.error(talk, tables)
    return found


def mono(diarizer: str, words: Told = "all") -> Callable[[Place], DialogueError]:
    """With one microphone."""
    return partial(_mono, name=diarizer, words=words, is_faint=False)


def faint(diarizer: str) -> Callable[[Place], DialogueError]:
    """With one microphone that hears one of the two 30 dB fainter."""
    return partial(_mono, name=diarizer, words="all", is_faint=True)


@cache
def true_spans(place: Place) -> DialogueError:
    """With the true spans instead of what is heard."""
    found = DialogueError()
    for talk in dialogue.dialogues(place.data / "read_speech"):
        found += dialogue.error(talk, dialogue.from_truth(talk, place.settings))
    return found


def all_words(place: Place) -> DialogueError:
    """A channel for each speaker, and all words."""
    return stereo(place).all_words


def no_marks(place: Place) -> DialogueError:
    """Likewise, with a transcriber that writes no full stops."""
    return stereo(place).no_marks


def no_words(place: Place) -> DialogueError:
    """Likewise, without a transcriber."""
    return stereo(place).no_words


def silences(heard: Callable[[Place], DialogueError]) -> Callable[[Place], Numbers]:
    """Silences from 1 s and from 3 s."""

    def measure(place: Place) -> Numbers:
        found = heard(place)
        median_ms, p90_ms = spread(found.silences.boundaries_ms)

        def counts(name: str, error: SilenceError) -> Numbers:
            return {
                f"{name}_f1": error.f1,
                f"{name}_found": error.found,
                f"{name}_missed": error.missed,
                f"{name}_false": error.false,
            }

        return (
            counts("short", found.silences)
            | counts("long", found.long_silences)
            | {"median_ms": median_ms, "p90_ms": p90_ms}
        )

    return measure


def latencies(heard: Callable[[Place], DialogueError]) -> Callable[[Place], Numbers]:
    """Response latency, and the ends of turns with the floor."""

    def measure(place: Place) -> Numbers:
        turns = heard(place).turns
        latency_ms, latency_p90_ms = spread(turns.latencies_ms)
        gap_ms, gap_p90_ms = spread(turns.after_gaps_ms)
        begin_ms, begin_p90_ms = spread(turns.begins_ms)
        end_ms, end_p90_ms = spread(turns.ends_ms)
        return {
            "latencies": len(turns.latencies_ms),
            "latency_ms": latency_ms,
            "latency_p90_ms": latency_p90_ms,
            "gap_ms": gap_ms,
            "gap_p90_ms": gap_p90_ms,
            "none": turns.no_latency,
            "turns": len(turns.begins_ms),
            "missed": turns.missed,
            "begin_ms": begin_ms,
            "begin_p90_ms": begin_p90_ms,
            "end_ms": end_ms,
            "end_p90_ms": end_p90_ms,
        }

    return measure


def overlaps(heard: Callable[[Place], DialogueError]) -> Callable[[Place], Numbers]:
    """Overlaps found, and their kinds."""

    def measure(place: Place) -> Numbers:
        error = heard(place).overlaps
        by_kind = {f"{kind}_f1": f1 for kind, f1 in error.kind_f1(end_to_end=False).items()}
        confused = {f"{a}_as_{b}": error.kinds[a, b] for a in KINDS for b in (*KINDS, "null")}
        return {
            "precision": error.precision,
            "recall": error.recall,
            "f1": error.f1,
            "time_f1": error.time_f1,
            "true": error.found + error.missed.total(),
            "macro_f1": error.macro_f1(end_to_end=False),
            "end_to_end_f1": error.macro_f1(end_to_end=True),
            "went_on_wrong": error.went_on_wrong,
            "holder_wrong": error.holder_wrong,
            **by_kind,
            **confused,
        }

    return measure


def overlaps_of_one_microphone(place: Place) -> Numbers:
    """How many overlaps a run claims that cannot know them."""
    error = mono("clustering")(place).overlaps
    return {"claimed": error.found + error.false.total()}


def confusion() -> Iterator[str]:
    """The confusion matrix in words."""
    for kind in KINDS:
        cells = ", ".join(f"{{{kind}_as_{found}}} {found}" for found in (*KINDS, "null"))
        yield f"{kind} as {cells}"


STEREO = "a channel per speaker; to 20 dB SNR, 8 and 16 kHz, one 30 dB down, crosstalk to -20 dB"
FAINT = "likewise, 4 dialogues with one 30 dB down"
NO_MARKS = "likewise, words without full stops"
NO_WORDS = "likewise, no words"
SEGMENTED = "mixed to mono (segmentation)"
SEGMENTED_ONLY = "likewise, no words"
FAINT_SEGMENTED = "likewise, 4 dialogues with one 30 dB down (segmentation)"
MONO = "mixed to mono (clustering); one at most 15 dB down"
SILENCES = "14 composed dialogues with planted overlaps: silences, both ends within 150 ms"
LATENCY = "the same: response latency; begin and end of turns with the floor"
OVERLAPS = "the same: overlaps of 120 ms and more, and their kinds"
SAYS_SILENCES = (
    ">= 1 s: F1 {short_f1:.3f} ({short_found} found, {short_missed} missed, {short_false} false); "
    ">= 3 s: F1 {long_f1:.3f} ({long_found}, {long_missed}, {long_false}); "
    "boundary error median {median_ms:.0f} ms, P90 {p90_ms:.0f} ms"
)
SAYS_LATENCY = (
    "latency error median {latency_ms:.0f} ms, P90 {latency_p90_ms:.0f} ms "
    "({latencies} measured, {none} left open; after a true gap {gap_ms:.0f} ms, "
    "{gap_p90_ms:.0f} ms); begin {begin_ms:.0f} ms, {begin_p90_ms:.0f} ms; "
    "end {end_ms:.0f} ms, {end_p90_ms:.0f} ms ({turns} turns found, {missed} missed)"
)
SAYS_OVERLAPS = (
    "found: precision {precision:.3f}, recall {recall:.3f} of {true}, F1 {f1:.3f} "
    "(of overlapping time {time_f1:.3f}); kinds: macro-F1 {macro_f1:.3f} over those found, "
    "{end_to_end_f1:.3f} with missed and false ones (backchannel {backchannel_f1:.2f}, "
    "cooperative {cooperative_f1:.2f}, floor-taking {floor_taking_f1:.2f}, "
    "failed attempt {failed_attempt_f1:.2f}); who held the floor wrong in {holder_wrong}, "
    "who went on in {went_on_wrong}"
)
CONFUSIONS = "the same: which kind was taken for which"
SAYS_CONFUSION = "; ".join(confusion())


def slow(what: str, on: str, measure: Callable[[Place], Numbers], says: str) -> Row:
    """A row on the dialogues."""
    return Row(what, on, ("read_speech",), measure, says, slow=True)


ROWS = (
    slow(SILENCES, STEREO, silences(all_words), SAYS_SILENCES),
    slow(SILENCES, MONO, silences(mono("clustering")), SAYS_SILENCES),
    slow(SILENCES, SEGMENTED, silences(mono("segmentation")), SAYS_SILENCES),
    slow(SILENCES, FAINT, silences(faint("clustering")), SAYS_SILENCES),
    slow(SILENCES, FAINT_SEGMENTED, silences(faint("segmentation")), SAYS_SILENCES),
    slow(LATENCY, "a channel per speaker", latencies(all_words), SAYS_LATENCY),
    slow(LATENCY, "mixed to mono", latencies(mono("clustering")), SAYS_LATENCY),
    slow(LATENCY, SEGMENTED, latencies(mono("segmentation")), SAYS_LATENCY),
    slow(OVERLAPS, "a channel per speaker", overlaps(all_words), SAYS_OVERLAPS),
    slow(OVERLAPS, NO_MARKS, overlaps(no_marks), SAYS_OVERLAPS),
    slow(OVERLAPS, NO_WORDS, overlaps(no_words), SAYS_OVERLAPS),
    slow(OVERLAPS, "true spans instead of heard ones", overlaps(true_spans), SAYS_OVERLAPS),
    slow(
        OVERLAPS,
        "mixed to mono",
        overlaps_of_one_microphone,
        "null: one microphone does not tell them, and {claimed} are claimed",
    ),
    slow(OVERLAPS, SEGMENTED, overlaps(mono("segmentation")), SAYS_OVERLAPS),
    slow(OVERLAPS, SEGMENTED_ONLY, overlaps(mono("segmentation", "none")), SAYS_OVERLAPS),
    slow(CONFUSIONS, "a channel per speaker, all words", overlaps(all_words), SAYS_CONFUSION),
)
