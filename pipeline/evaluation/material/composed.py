"""Stereo conversations with exactly known speech, composed from single-speaker recordings.

Two speakers, one channel each. Every utterance is cut to its speech, so that all that sounds
between the true stretches is the noise that was added::

    channel 0  ======      ===== ==                =======
    channel 1         ====     ==      ========
    silences         -   --        ----        ----

Gaps between turns are drawn like those of everyday talk (Santa Barbara corpus, 8.1 h: median +90
ms, 28 % overlap, 10.8 % over 1 s) with extra long silences, for they are what is measured. The
truth comes from the level of the clean utterances alone, by other code than what is tested. (In the
recordings of speaker 1688 something knocks all the time: there level alone gives no truth.)
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
from numpy.typing import NDArray

from pipeline import audio, config
from pipeline.core.intervals import Intervals

RATE = 16_000
FRAME = 160
Stretch = tuple[int, int]
Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """How a conversation is recorded.

    Attributes
    ----------
    noise_db
        Noise on each channel, dB relative to the speaker's own active level.
    levels_db
        Active level of each speaker, dBFS.
    crosstalk_db
        Level of the other speaker on one's channel, dB relative to their own channel.
    telephone
        Band-limited to 4 kHz, as an 8 kHz call.
    """

    noise_db: float = -45.0
    levels_db: tuple[float, float] = (-22.0, -26.0)
    crosstalk_db: float | None = -35.0
    telephone: bool = False


@dataclass(frozen=True)
class Conversation:
    """What was composed.

    Attributes
    ----------
    channels
        Shape (2, n), 16 kHz.
    speech
        For each channel the true stretches of speech, ms, sorted; pauses of 200 ms or more split.
    """

    channels: Wave
    speech: tuple[list[Stretch], list[Stretch]]

    @property
    def duration_ms(self) -> int:
        """Length of the sound."""
        return int(self.channels.shape[1]) * 1000 // RATE

    def silences(self) -> list[Stretch]:
        """Where nobody speaks."""
        return complement([*self.speech[0], *self.speech[1]], self.duration_ms)


def complement(stretches: Iterable[Stretch], duration_ms: int) -> list[Stretch]:
    """What `stretches` leave free."""
    return list(Intervals.of([(0, duration_ms)]).minus(Intervals.of(stretches)))


def level_db(wave: Wave) -> NDArray[np.float64]:
    """Level of each 10 ms, dBFS."""
    frames = wave[: len(wave) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    found: NDArray[np.float64] = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    return found


def true_speech(wave: Wave) -> list[Stretch]:
    """Stretches of a clean utterance, in ms: within 30 dB of its loud frames, 6 dB over its floor.

    The floor is the median of the first 200 ms: these utterances begin before their speaker does.
    """
    level = level_db(wave)
    loud = np.percentile(level, 90)
    floor = min(np.median(level[:20]), np.percentile(level, 40))
    on = level > max(loud - 30, floor + 6)
    edges = np.flatnonzero(np.diff(np.pad(on, 1).astype(int)))
    joined: list[Stretch] = []
    for start, end in zip(edges[::2] * 10, edges[1::2] * 10, strict=True):
        if joined and start - joined[-1][1] < 200:
            joined[-1] = (joined[-1][0], int(end))
        else:
            joined.append((int(start), int(end)))
    return [stretch for stretch in joined if stretch[1] - stretch[0] >= 80]


def utterances(folder: Path, speaker: str) -> list[Wave]:
    """The recordings of one speaker in ``folder/speaker``, at 16 kHz, in order of name."""
    waves = []
    for path in sorted((folder / speaker).glob("*.flac")):
        with audio.decode([path], tempfile.TemporaryFile, config.load().audio) as decoded:
            waves.append(np.array(decoded.audio.channels[0]))
    return waves


def only_speech(wave: Wave, speech: Sequence[Stretch], level: float) -> Wave:
    """The utterance at an active level of `level` dBFS, faded to zero outside `speech`."""
    gate = np.zeros(len(wave), dtype=np.float32)
    for start, end in speech:
        gate[start * 16 : end * 16] = 1
    fade = np.hanning(20 * 16)
    gate = np.convolve(gate, fade / fade.sum(), mode="same").astype(np.float32)
    active = np.concatenate([wave[start * 16 : end * 16] for start, end in speech])
    gain = 10 ** (level / 20) / np.sqrt(np.mean(active.astype(np.float64) ** 2))
    return wave * gate * np.float32(gain)


def _gap_ms(random: np.random.Generator) -> int:
    """Time from one turn's end to the next turn's start; negative: overlap."""
    kind = random.random()
    if kind < 0.25:
        return -int(random.uniform(80, 700))
    if kind < 0.70:
        return int(random.lognormal(np.log(280), 0.7))
    return int(random.lognormal(np.log(1900), 0.6))


def _turns(random: np.random.Generator, pools: list[list[Wave]]) -> Iterator[tuple[int, Wave]]:
    """Alternating turns: whole utterances, and every fifth a short beginning of one."""
    orders = [list(random.permutation(len(pool))) for pool in pools]
    who = 0
    while orders[who]:
        wave = pools[who][orders[who].pop()]
        speech = true_speech(wave)
        if random.random() < 0.2 and speech:
            wave = wave[: min(len(wave), (speech[0][1] + 100) * 16)]
        yield who, wave
        if random.random() < 0.8:
            who = 1 - who


def compose(
    folder: Path, speakers: tuple[str, str], seed: int, scene: Scene | None = None
) -> Conversation:
    """A conversation of all utterances of two speakers.

    Parameters
    ----------
    folder
        Holds a folder of FLAC files for each speaker.
    speakers
        Their names; channel 0 and channel 1.
    seed
        Decides order, gaps and noise.
    """
    scene = scene or Scene()
    random = np.random.default_rng(seed)
    pools = [utterances(folder, speaker) for speaker in speakers]
    placed: list[tuple[int, int, Wave]] = []
    speech: tuple[list[Stretch], list[Stretch]] = ([], [])
    at, last = 1500, [0, 0]
    for who, wave in _turns(random, pools):
        found = true_speech(wave)
        if not found:
            continue
        start = max(at + _gap_ms(random), last[who] + 250, 0) - found[0][0]
        clean = only_speech(wave, found, scene.levels_db[who])
        placed.append((who, start, clean))
        speech[who].extend((start + a, start + b) for a, b in found)
        last[who] = start + found[-1][1]
        at = max(at, last[who])
    total = np.zeros((2, (at + 1500) * 16), dtype=np.float32)
    for who, start, clean in placed:
        first = max(start * 16, 0)
        kept = clean[first - start * 16 :]
        total[who, first : first + len(kept)] += kept
    return Conversation(recorded(total, scene, random), speech)


def recorded(clean: Wave, scene: Scene, random: np.random.Generator) -> Wave:
    """Crosstalk, noise with a falling spectrum, and the band of a telephone."""
    total = clean.copy()
    if scene.crosstalk_db is not None:
        leak = np.float32(10 ** (scene.crosstalk_db / 20))
        total += leak * np.roll(clean[::-1], 24, axis=1)  # 1.5 ms later: half a metre
    for channel, level in enumerate(scene.levels_db):
        white = random.standard_normal(clean.shape[1] + 1).astype(np.float32)
        noise = white[1:] + np.float32(0.9) * white[:-1]
        noise *= np.float32(10 ** ((level + scene.noise_db) / 20) / noise.std())
        total[channel] += noise
    if scene.telephone:
        narrow = librosa.resample(total, orig_sr=RATE, target_sr=RATE // 2)
        total = librosa.resample(narrow, orig_sr=RATE // 2, target_sr=RATE)[:, : total.shape[1]]
    return np.clip(total, -1, 1).astype(np.float32)


def match(
    reference: Sequence[Stretch],
    found: Sequence[Stretch],
    *,
    longer_ms: int = 1000,
    lenient_ms: int = 850,
    within_ms: int = 150,
) -> tuple[int, int, int, list[int]]:
    """Hits, misses and false alarms of silences, and the errors of the matched boundaries.

    A reference of `longer_ms` is found if both boundaries match within `within_ms`, whatever the
    length of the hypothesis; a hypothesis of `longer_ms` is false if no reference of `lenient_ms`
    matches.
    """

    def same(a: Stretch, b: Stretch) -> bool:
        return abs(a[0] - b[0]) <= within_ms and abs(a[1] - b[1]) <= within_ms

    hits, errors = 0, []
    wanted = [r for r in reference if r[1] - r[0] >= longer_ms]
    for r in wanted:
        best = [f for f in found if same(r, f)]
        if best:
            hits += 1
            nearest = min(best, key=lambda f: abs(f[0] - r[0]) + abs(f[1] - r[1]))
            errors += [nearest[0] - r[0], nearest[1] - r[1]]
    lenient = [r for r in reference if r[1] - r[0] >= lenient_ms]
    false = sum(f[1] - f[0] >= longer_ms and not any(same(r, f) for r in lenient) for f in found)
    return hits, len(wanted) - hits, false, errors


def f1(hits: int, misses: int, false: int) -> float:
    """F1 of counts."""
    return 2 * hits / max(2 * hits + misses + false, 1)
