"""Dialogues whose every turn, overlap and word is known, composed from single-speaker recordings.

As `composed`, with a script: who holds the floor, who comes in, and what comes of it. Overlaps are
planted so that each is of one kind by the definitions (domain: Sacks, Schegloff & Jefferson 1974;
Heldner & Edlund 2010), not by what the pipeline makes of them::

    holder  =======================.        =====================.       . a finished sentence
    other        ==                              ======
               "mm-hm": backchannel            content words: failed attempt

    holder  ==================.             =================|           | broken off
    other                    =========               ==================
               cooperative                      floor-taking

Every stretch of speech carries three placeholder words a second, of true times. An utterance ends
with a full stop, one that breaks off does not. So a *cooperative* overlap begins at most 400 ms
before the end of a finished sentence; in a *floor-taking* the other comes in at least 1 s before
the holder would have ended, the holder breaks off 200-800 ms later, and the other goes on for 1 s.

Gaps are drawn from the quantiles of everyday talk (Santa Barbara corpus, 21 conversations between
two people, 8.1 h), interpolated linearly: 25 % under -77 ms, 28 % under 0, median +90, 75 % under
+450, 10.8 % over 1 s, 4.4 % over 2 s, 2.7 % over 3 s. Long silences are added, between turns and
within them, for they are what is looked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.evaluation.material import composed
from pipeline.evaluation.material.composed import Scene, Stretch, Wave

GAP_QUANTILES = (0.0, 0.25, 0.28, 0.5, 0.75, 0.892, 0.956, 0.973, 1.0)
GAPS_MS = (-400, -77, 0, 90, 450, 1000, 2000, 3000, 4000)
"""The ends, -400 and 4000 ms, are not published: the first makes every drawn overlap terminal."""

CONTENT = (
    ("garden", "table", "window", "paper", "river", "kitchen", "winter", "letter", "station"),
    ("bridge", "summer", "village", "market", "mountain", "blanket", "basket", "carpet", "ladder"),
)
"""Of each speaker, for words that both say at the same time would be a choral overlap."""

ACKNOWLEDGEMENTS = ("Mm-hm.", "Yeah.", "Right.", "Okay.", "Uh-huh.", "Yeah, right.", "Mm-hm, yeah.")
WORDS_PER_S = 3
TURN_PAUSE_MS = 1500
"""A longer silence of one speaker ends the turn (`turns.turn_pause_ms`)."""


@dataclass(frozen=True)
class Word:
    """A word of the script."""

    start_ms: int
    end_ms: int
    who: int
    text: str


@dataclass(frozen=True)
class Turn:
    """Speech with the floor.

    Attributes
    ----------
    latency_ms
        Since the other's turn ended, negative in overlap; None: nobody else had the floor before.
    """

    who: int
    start_ms: int
    end_ms: int
    latency_ms: int | None


@dataclass(frozen=True)
class Overlap:
    """Both speak; numbers of speakers are those of their channels."""

    start_ms: int
    end_ms: int
    kind: str
    holder: int
    other: int

    @property
    def went_on(self) -> str:
        """Who still spoke when the other of the two had stopped."""
        return "holder" if self.kind in {"backchannel", "failed_attempt"} else "other"


@dataclass(frozen=True)
class Dialogue:
    """What was composed.

    Attributes
    ----------
    channels
        Shape (2, n), 16 kHz; channel k is speaker k.
    speech
        For each speaker the true stretches, ms, sorted; pauses of 200 ms or more split.
    turns
        With the floor only: neither backchannels nor failed attempts.
    """

    channels: Wave
    speech: tuple[list[Stretch], list[Stretch]]
    turns: list[Turn]
    overlaps: list[Overlap]
    words: list[Word]

    @property
    def duration_ms(self) -> int:
        """Length of the sound."""
        return int(self.channels.shape[1]) * 1000 // composed.RATE

    def silences(self) -> list[Stretch]:
        """Where nobody speaks."""
        return composed.complement([*self.speech[0], *self.speech[1]], self.duration_ms)


@dataclass(frozen=True)
class _Utterance:
    """A recording, and the stretches of it that are used; the rest of it will be silent."""

    wave: Wave
    speech: tuple[Stretch, ...]
    text: str | None = None
    finished: bool = True

    @property
    def length_ms(self) -> int:
        return self.speech[-1][1] - self.speech[0][0]

    def until(self, length_ms: int) -> "_Utterance":
        """Broken off after so long."""
        end = self.speech[0][0] + length_ms
        kept = tuple((a, min(b, end)) for a, b in self.speech if a < end)
        return replace(self, speech=kept, finished=False)

    def at(self, start_ms: int) -> list[Stretch]:
        """Its stretches when it begins at `start_ms`."""
        shift = start_ms - self.speech[0][0]
        return [(a + shift, b + shift) for a, b in self.speech]


@dataclass
class _Script:
    """What is said when; filled turn by turn."""

    placed: list[tuple[int, int, _Utterance]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)

    def say(self, who: int, start_ms: int, utterance: _Utterance) -> None:
        self.placed.append((who, start_ms, utterance))

    def speech(self, who: int) -> list[Stretch]:
        own = [u.at(start) for speaker, start, u in self.placed if speaker == who]
        return sorted(stretch for stretches in own for stretch in stretches)


@cache
def _pool(folder: Path, speaker: str) -> list[_Utterance]:
    spoken = [(wave, composed.true_speech(wave)) for wave in composed.utterances(folder, speaker)]
    return [_Utterance(wave, tuple(speech)) for wave, speech in spoken if speech]


def compose(
    folder: Path, speakers: tuple[str, str], seed: int, scene: Scene | None = None
) -> Dialogue:
    """A dialogue of all utterances of two speakers, each twice, with overlaps of every kind.

    Parameters
    ----------
    folder
        Holds a folder of FLAC files for each speaker.
    speakers
        Their names; channel 0 and channel 1.
    seed
        Decides order, gaps, overlaps, words and noise.
    """
    scene = scene or Scene()
    random = np.random.default_rng(seed)
    pools = [_pool(folder, speaker) for speaker in speakers]
    script = _Script()
    plan = list(_alternating(random, pools))
    start_ms = 1500
    for (who, said), following in zip(plan, [*plan[1:], None], strict=True):
        start_ms = _take_turn(script, random, pools, (who, start_ms, said), following)
    channels = np.zeros((2, (start_ms + 1500) * 16), dtype=np.float32)
    for who, begin_ms, utterance in script.placed:
        clean = composed.only_speech(utterance.wave, utterance.speech, scene.levels_db[who])
        first = (begin_ms - utterance.speech[0][0]) * 16
        kept = clean[max(-first, 0) : channels.shape[1] - first]
        channels[who, max(first, 0) : max(first, 0) + len(kept)] += kept
    return Dialogue(
        composed.recorded(channels, scene, random),
        (script.speech(0), script.speech(1)),
        script.turns,
        sorted(script.overlaps, key=lambda overlap: overlap.start_ms),
        sorted(_words(script, random), key=lambda word: (word.start_ms, word.who)),
    )


_Said = list[tuple[int, _Utterance]]
"""Utterances of a turn, each with the pause before it."""


def _alternating(
    random: np.random.Generator, pools: Sequence[Sequence[_Utterance]]
) -> Iterator[tuple[int, _Said]]:
    """Turns of one to three utterances until a speaker has said all twice.

    Some speak twice in a row; every third utterance is but its first stretch.
    """
    orders: list[list[_Utterance]] = [
        [pool[k] for _ in range(2) for k in random.permutation(len(pool))] for pool in pools
    ]

    def next_of(who: int) -> _Utterance:
        utterance = orders[who].pop()
        first = utterance.speech[0]
        # A shorter turn, between two overlaps, would be no turn but an attempt.
        short = random.random() < 0.35 and first[1] - first[0] >= 1000
        return replace(utterance, speech=utterance.speech[:1]) if short else utterance

    who = 0
    while orders[who]:
        said: _Said = [(0, next_of(who))]
        while orders[who] and len(said) < 3 and random.random() < 0.25:
            said.append((int(random.uniform(300, TURN_PAUSE_MS - 100)), next_of(who)))
        yield who, said
        if random.random() < 0.85:
            who = 1 - who


def _take_turn(
    script: _Script,
    random: np.random.Generator,
    pools: Sequence[Sequence[_Utterance]],
    turn: tuple[int, int, _Said],
    following: tuple[int, _Said] | None,
) -> int:
    """Place a turn and what is said into it; when the following one starts, ms."""
    who, start_ms, said = turn
    begins: list[tuple[int, _Utterance]] = []
    at = start_ms
    for pause_ms, utterance in said:
        begins.append((at + pause_ms, utterance))
        at += pause_ms + utterance.length_ms
    next_ms, taken_ms = _transition(random, start_ms, who, begins, following)
    if taken_ms is not None:
        begin_ms, last = begins[-1]
        begins[-1] = (begin_ms, last.until(taken_ms - begin_ms))
        at = taken_ms
    before = script.turns[-1] if script.turns else None
    latency_ms = start_ms - before.end_ms if before and before.who != who else None
    script.turns.append(Turn(who, start_ms, at, latency_ms))
    for begin_ms, utterance in begins:
        script.say(who, begin_ms, utterance)
    if following and next_ms < at:
        kind = "cooperative" if taken_ms is None else "floor_taking"
        script.overlaps.append(Overlap(next_ms, at, kind, who, 1 - who))
    speech = [stretch for begin_ms, utterance in begins for stretch in utterance.at(begin_ms)]
    _interject(script, random, pools[1 - who], (who, start_ms, min(next_ms, at)), speech)
    return next_ms if following else at


def _transition(
    random: np.random.Generator,
    start_ms: int,
    who: int,
    begins: Sequence[tuple[int, _Utterance]],
    following: tuple[int, _Said] | None,
) -> tuple[int, int | None]:
    """When the following turn starts, and where this one breaks off for it, if it does."""
    begin_ms, last = begins[-1]
    end_ms = begin_ms + last.length_ms
    if following is None:
        return end_ms, None
    if following[0] == who:
        return end_ms + int(random.uniform(TURN_PAUSE_MS + 200, 6000)), None
    first_stretch = following[1][0][1].speech[0]
    shared_ms = first_stretch[1] - first_stretch[0] - 50
    chance = random.random()
    # Who takes the floor has something to say.
    beyond_ms = following[1][0][1].length_ms - 1000
    if chance < 0.4 and min(shared_ms, beyond_ms) > 200:
        overlap_ms = int(random.uniform(200, min(800, shared_ms, beyond_ms)))
        fits = [
            onset
            for a, b in last.at(begin_ms)
            for onset in range(max(a, start_ms + 1000), min(b, end_ms - 1000) - overlap_ms, 50)
        ]
        if fits:
            onset = int(random.choice(fits))
            return onset, onset + overlap_ms
    if chance > 0.85:
        return end_ms + int(random.uniform(3000, 8000)), None
    gap_ms = int(np.interp(random.random(), GAP_QUANTILES, GAPS_MS))
    last_stretch = last.speech[-1]
    return end_ms + max(gap_ms, -shared_ms, 50 - (last_stretch[1] - last_stretch[0])), None


def _interject(
    script: _Script,
    random: np.random.Generator,
    pool: Sequence[_Utterance],
    held: tuple[int, int, int],
    speech: Sequence[Stretch],
) -> None:
    """Backchannels and failed attempts of the other, each wholly inside a stretch of `speech`.

    They keep clear of the other's own turns: an attempt by more than a pause within a turn.
    """
    holder, start_ms, end_ms = held
    taken: list[int] = []
    for _ in range((end_ms - start_ms) // 4000):
        failed = random.random() < 0.5
        shortest, longest, clear_ms = (400, 1500, 2000) if failed else (250, 700, 1000)
        piece = _piece(random, pool, int(random.uniform(shortest, longest)))
        if piece is None:
            continue
        words = random.choice(CONTENT[1 - holder], random.integers(2, 6)) if failed else ()
        piece = replace(
            piece,
            text=" ".join(words) if failed else str(random.choice(ACKNOWLEDGEMENTS)),
            finished=not failed,
        )
        fits = [
            at
            for a, b in speech
            for at in range(max(a + 200, start_ms + clear_ms), b - 200 - piece.length_ms, 50)
            if at + piece.length_ms + clear_ms <= end_ms
            and all(abs(at - other) > 4000 for other in taken)
        ]
        if fits:
            at = int(random.choice(fits))
            taken.append(at)
            script.say(1 - holder, at, piece)
            kind = "failed_attempt" if failed else "backchannel"
            script.overlaps.append(Overlap(at, at + piece.length_ms, kind, holder, 1 - holder))


def _piece(
    random: np.random.Generator, pool: Sequence[_Utterance], length_ms: int
) -> _Utterance | None:
    """The beginning of a stretch that is at least so long; None if no utterance has any."""
    fits = [(u, a) for u in pool for a, b in u.speech if b - a >= length_ms]
    if not fits:
        return None
    utterance, start = fits[random.integers(len(fits))]
    return _Utterance(utterance.wave, ((start, start + length_ms),))


def _words(script: _Script, random: np.random.Generator) -> Iterator[Word]:
    """Words spread over the stretches of each utterance."""
    for who, start_ms, utterance in script.placed:
        stretches = utterance.at(start_ms)
        if utterance.text:
            yield from _spread(who, stretches[0], utterance.text.split())
            continue
        for stretch in stretches:
            count = max(1, round((stretch[1] - stretch[0]) / 1000 * WORDS_PER_S))
            texts = [str(text) for text in random.choice(CONTENT[who], count)]
            if stretch is stretches[-1] and utterance.finished:
                texts[-1] += "."
            yield from _spread(who, stretch, texts)


def _spread(who: int, stretch: Stretch, texts: Sequence[str]) -> Iterator[Word]:
    edges = np.linspace(*stretch, len(texts) + 1).round().astype(int).tolist()
    for (start, end), text in zip(pairwise(edges), texts, strict=True):
        yield Word(start, end, who, text)


def joint(speech: Sequence[Iterable[Stretch]]) -> list[Stretch]:
    """Where both speak."""
    one, two = (list(own) for own in speech)
    both = [(max(a, c), min(b, d)) for a, b in one for c, d in two]
    return sorted((start, end) for start, end in both if start < end)
