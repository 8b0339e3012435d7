"""Errors on dialogues with known truth: silences, overlaps, kinds of overlap, latency."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from pipeline import config, lexicons
from pipeline.audio.samples import Audio
from pipeline.core.tables import DIARIZATION, LOSSES, MEDIA, SPANS, TRANSCRIPTION, WORDS
from pipeline.engines.protocols import Diarizer
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.errors import diarization, timing
from pipeline.evaluation.errors.timing import Case, SilenceError
from pipeline.evaluation.material import composed, dialogue_truth
from pipeline.evaluation.material.composed import Scene, Stretch
from pipeline.evaluation.material.dialogue_truth import Dialogue, Overlap, Turn
from pipeline.speech import turns

Tables = dict[str, pl.DataFrame]

Told = Literal["all", "without marks", "none"]
"""What a transcriber tells: all words, without full stops, or nothing at all."""

KINDS = ("backchannel", "cooperative", "floor_taking", "failed_attempt")
LABELS = ("channel 1", "channel 2")
NOTICED_MS = 120
"""Overlaps and gaps that are shorter are not noticed (Heldner 2011, JASA 130, 508-513)."""


ONE_MICROPHONE = {
    "quiet": Scene(levels_db=(-20, -35), noise_db=-35, crosstalk_db=None),
    "quiet telephone": Scene(levels_db=(-20, -35), noise_db=-35, telephone=True, crosstalk_db=-45),
}
"""Scenes that differ: 30 dB down, a speaker lies in the noise of the other's channel."""


def dialogues(folder: Path, *, mono: bool = False) -> Iterator[Dialogue]:
    """Two pairs of speakers in each scene of `timing_error`, composed from ``read_speech``."""
    scenes = timing.SCENES | (ONE_MICROPHONE if mono else {})
    for i, scene in enumerate(scenes.values()):
        yield from _two_pairs(folder, i, scene)


def faint(folder: Path) -> Iterator[Dialogue]:
    """The dialogues that `ONE_MICROPHONE` leaves out: a speaker 30 dB down."""
    for i, (name, scene) in enumerate(timing.SCENES.items()):
        if name in ONE_MICROPHONE:
            yield from _two_pairs(folder, i, scene)


def _two_pairs(folder: Path, i: int, scene: Scene) -> Iterator[Dialogue]:
    for j in range(2):
        pair = timing.PAIRS[(i + 2 * j) % len(timing.PAIRS)]
        yield dialogue_truth.compose(folder, pair, 100 + 10 * i + j, scene)


def from_truth(dialogue: Dialogue, settings: config.Settings) -> Tables:
    """Turns, silences and overlaps of the true spans: what `turns` alone gets wrong."""
    rows = [
        {"start_ms": start, "end_ms": end, "speaker": LABELS[who], "channel": who}
        for who, own in enumerate(dialogue.speech)
        for start, end in own
    ]
    spans = SPANS.frame(row | {"exclusive": True, "regular": True} for row in rows)
    return built(dialogue, spans.sort("start_ms", "channel"), settings, knows_overlap=True)


def from_stereo(dialogue: Dialogue, settings: config.Settings, detector: Silero) -> Tables:
    """As a run finds them with a channel for each speaker; the words are the script's."""
    spans = stereo_spans(dialogue, settings, detector)
    return built(dialogue, spans, settings, knows_overlap=True)


def stereo_spans(dialogue: Dialogue, settings: config.Settings, detector: Silero) -> pl.DataFrame:
    """Who speaks when, as a run finds it with a channel for each speaker."""
    case = Case(Audio(list(dialogue.channels)), dialogue.speech)
    return timing.spans(case, settings, detector)


def from_mono(
    dialogue: Dialogue, settings: config.Settings, engine: Diarizer, words: Told = "all"
) -> Tables:
    """As a run finds them with one microphone; its speakers are named by whom they share most with.

    Words that are said into the other's turn are withheld from a diarizer that knows no overlap.
    One that does gets the script's: with `words` of "all", overlaps are found by words too.
    """
    mono = np.asarray(dialogue.channels.mean(axis=0), np.float32)
    found = diarization.diarized(mono, engine, settings)
    truth = diarization.truth(dialogue.speech)
    names = diarization.naming(truth, diarization.spans(found.spans.filter("regular")))
    labels = {name: LABELS[int(who)] for name, who in names.items()}
    spans = found.spans.with_columns(pl.col("speaker").replace(labels))
    return built(dialogue, spans, settings, knows_overlap=found.knows_overlap, words=words)


def built(
    dialogue: Dialogue,
    spans: pl.DataFrame,
    settings: config.Settings,
    *,
    knows_overlap: bool,
    words: Told = "all",
) -> Tables:
    """Tables of `turns.build` from `spans` and the words of the script, and these themselves."""
    english = lexicons.load("en")

    def acknowledges(text: str) -> bool:
        return bool(english.only("acknowledgement", text))

    within = [] if knows_overlap else [(o.start_ms, o.end_ms, o.other) for o in dialogue.overlaps]
    said = [
        word
        for word in dialogue.words
        if words != "none"
        and not any(a <= word.start_ms and word.end_ms <= b and word.who == o for a, b, o in within)
    ]
    media = {"duration_ms": dialogue.duration_ms, "channels": 2, "damaged_packets": 0, "gap_ms": 0}
    tables = {
        "media": MEDIA.frame([dict[str, object](media)]),
        "losses": LOSSES.empty(),
        "spans": spans,
        "diarization": DIARIZATION.frame(
            [{"engine": "script", "speakers": 2, "knows_overlap": knows_overlap}]
        ),
        "words": WORDS.frame(
            {
                "word_id": number,
                "start_ms": word.start_ms,
                "end_ms": word.end_ms,
                "speaker": LABELS[word.who],
                "text": word.text if words == "all" else word.text.replace(".", ""),
                "timing": "aligned",
            }
            for number, word in enumerate(said)
        ),
        "transcription": TRANSCRIPTION.frame(
            [
                {
                    "engine": "none" if words == "none" else "script",
                    "language": None if words == "none" else "en",
                    "dropped_words": 0,
                }
            ]
        ),
    }
    return tables | turns.build(tables, settings.turns, acknowledges)


@dataclass(frozen=True)
class OverlapError:
    """Overlaps found against true ones; results of several dialogues add up.

    Attributes
    ----------
    kinds
        How often a true kind (first) was found as which (second; "null": left open).
    missed, false
        By kind. Overlaps shorter than `NOTICED_MS` are neither.
    shared_ms, true_ms, found_ms
        Time in which both speak: rightly found, true, found.
    went_on_wrong, holder_wrong
        Found overlaps in which the wrong person goes on, or has the floor.
    """

    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    shared_ms: int = 0
    true_ms: int = 0
    found_ms: int = 0
    went_on_wrong: int = 0
    holder_wrong: int = 0

    def __add__(self, other: "OverlapError") -> "OverlapError":
        return OverlapError(
            self.kinds + other.kinds,
            self.missed + other.missed,
            self.false + other.false,
            self.shared_ms + other.shared_ms,
            self.true_ms + other.true_ms,
            self.found_ms + other.found_ms,
            self.went_on_wrong + other.went_on_wrong,
            self.holder_wrong + other.holder_wrong,
        )

    @property
    def found(self) -> int:
        """True overlaps that were found, of whatever kind."""
        return self.kinds.total()

    @property
    def precision(self) -> float:
        """Share of the found overlaps that are true."""
        return self.found / max(self.found + self.false.total(), 1)

    @property
    def recall(self) -> float:
        """Share of the true overlaps that are found."""
        return self.found / max(self.found + self.missed.total(), 1)

    @property
    def f1(self) -> float:
        """F1 of finding overlaps, of whatever kind."""
        return composed.f1(self.found, self.missed.total(), self.false.total())

    @property
    def time_f1(self) -> float:
        """F1 of the time in which both speak."""
        return 2 * self.shared_ms / max(self.true_ms + self.found_ms, 1)

    def kind_f1(self, *, end_to_end: bool) -> dict[str, float]:
        """F1 of each kind: over the overlaps that were found, or with missed and false ones."""
        scores = {}
        for kind in KINDS:
            right = self.kinds[kind, kind]
            wrong = sum(n for (true, _), n in self.kinds.items() if true == kind) - right
            taken = sum(n for (_, found), n in self.kinds.items() if found == kind) - right
            if end_to_end:
                wrong, taken = wrong + self.missed[kind], taken + self.false[kind]
            scores[kind] = composed.f1(right, wrong, taken)
        return scores

    def macro_f1(self, *, end_to_end: bool) -> float:
        """Mean of the kinds' F1."""
        return float(np.mean(list(self.kind_f1(end_to_end=end_to_end).values())))


def overlap_error(truth: Sequence[Overlap], found: pl.DataFrame) -> OverlapError:
    """Table `overlaps` against truth, one to one by the time shared."""
    rows = found.select("start_ms", "end_ms", "kind", "holder", "went_on").rows()
    shared = sorted(
        (
            (min(o.end_ms, row[1]) - max(o.start_ms, row[0]), i, k)
            for i, o in enumerate(truth)
            for k, row in enumerate(rows)
        ),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for both_ms, i, k in shared:
        if both_ms > 0 and i not in pairs and k not in pairs.values():
            pairs[i] = k
    result = OverlapError(
        shared_ms=sum(both_ms for both_ms, _, _ in shared if both_ms > 0),
        true_ms=sum(o.end_ms - o.start_ms for o in truth),
        found_ms=sum(row[1] - row[0] for row in rows),
        went_on_wrong=sum(rows[k][4] != truth[i].went_on for i, k in pairs.items()),
        holder_wrong=sum(rows[k][3] != LABELS[truth[i].holder] for i, k in pairs.items()),
    )
    for i, overlap in enumerate(truth):
        if i in pairs:
            result.kinds[overlap.kind, str(rows[pairs[i]][2] or "null")] += 1
        elif overlap.end_ms - overlap.start_ms >= NOTICED_MS:
            result.missed[overlap.kind] += 1
    for k, row in enumerate(rows):
        if k not in pairs.values() and row[1] - row[0] >= NOTICED_MS:
            result.false[str(row[2] or "null")] += 1
    return result


@dataclass(frozen=True)
class TurnError:
    """Turns found against true ones; results of several dialogues add up. Errors are signed, ms.

    Attributes
    ----------
    latencies_ms, after_gaps_ms
        Errors of all latencies, and of those that are truly longer than 0.
    missed
        True turns that no found one matches.
    no_latency
        Turns that took over from the other, and have no latency in the table.
    """

    begins_ms: list[int] = field(default_factory=list)
    ends_ms: list[int] = field(default_factory=list)
    latencies_ms: list[int] = field(default_factory=list)
    after_gaps_ms: list[int] = field(default_factory=list)
    missed: int = 0
    no_latency: int = 0

    def __add__(self, other: "TurnError") -> "TurnError":
        return TurnError(
            [*self.begins_ms, *other.begins_ms],
            [*self.ends_ms, *other.ends_ms],
            [*self.latencies_ms, *other.latencies_ms],
            [*self.after_gaps_ms, *other.after_gaps_ms],
            self.missed + other.missed,
            self.no_latency + other.no_latency,
        )


def turn_error(truth: Sequence[Turn], found: pl.DataFrame) -> TurnError:
    """Table `turns` without backchannels against true turns, one to one by time shared."""
    rows = (
        found.filter(~pl.col("is_backchannel").fill_null(value=False))
        .select("start_ms", "end_ms", "speaker", "latency_ms")
        .rows()
    )
    shared = sorted(
        (
            (min(turn.end_ms, row[1]) - max(turn.start_ms, row[0]), i, k)
            for i, turn in enumerate(truth)
            for k, row in enumerate(rows)
            if row[2] == LABELS[turn.who]
        ),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for both_ms, i, k in shared:
        if both_ms > 0 and i not in pairs and k not in pairs.values():
            pairs[i] = k
    both = [(truth[i], rows[k]) for i, k in sorted(pairs.items())]
    answered = [(t.latency_ms, row[3]) for t, row in both if t.latency_ms is not None]
    return TurnError(
        [row[0] - turn.start_ms for turn, row in both],
        [row[1] - turn.end_ms for turn, row in both],
        [measured - true for true, measured in answered if measured is not None],
        [measured - true for true, measured in answered if measured is not None and true > 0],
        len(truth) - len(pairs),
        sum(measured is None for _, measured in answered),
    )


@dataclass(frozen=True)
class DialogueError:
    """All of it."""

    silences: SilenceError = field(default_factory=SilenceError)
    long_silences: SilenceError = field(default_factory=SilenceError)
    turns: TurnError = field(default_factory=TurnError)
    overlaps: OverlapError = field(default_factory=OverlapError)

    def __add__(self, other: "DialogueError") -> "DialogueError":
        return DialogueError(
            self.silences + other.silences,
            self.long_silences + other.long_silences,
            self.turns + other.turns,
            self.overlaps + other.overlaps,
        )


def error(dialogue: Dialogue, tables: Tables) -> DialogueError:
    """Tables of `turns.build` against the truth."""
    silent: list[Stretch] = tables["silences"].select("start_ms", "end_ms").rows()
    return DialogueError(
        timing.silence_error(dialogue.silences(), silent),
        timing.silence_error(dialogue.silences(), silent, longer_ms=3000),
        turn_error(dialogue.turns, tables["turns"]),
        overlap_error(dialogue.overlaps, tables["overlaps"]),
    )
