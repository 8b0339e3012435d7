"""Who is whom: speakers of all windows joined into those of the recording.

The recording is cut into *blocks* of 50 ms in which one person speaks. Three witnesses say whose
each block is, and the best path through all blocks (Viterbi) weighs them as log likelihoods:

- a voice vector of the *piece* around it, at most 2 s that segmentation thinks of one speaker: its
  squared distance from the mean vector of each speaker;
- the adapted Gaussian mixture of each speaker (`mixtures`);
- segmentation: the odds that the blocks before and after a border are of one speaker, as the
  windows that hold both have them. They make a change of speaker cheap or dear, and where
  segmentation heard two people, staying is what costs.

Means and mixtures are learnt from the path, and the path laid again, up to a fixed point. It starts
from k-means over the vectors, from average linkage, and from k-means along the directions in which
vectors differ of people whom one window told apart; the last two find a speaker who says little. Of
the results one is kept by vectors and segmentation alone. (Not the one that the mixtures explain
better: see `partition.tightest`.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from pipeline.core.frame_runs import edges
from pipeline.core.time import FRAME_MS
from pipeline.engines.diarization.clustering import mixtures, partition
from pipeline.engines.diarization.segmentation.settings import Segmentation
from pipeline.engines.diarization.segmentation.windows import WINDOW_FRAMES, Windows, window_weight

Matrix = NDArray[np.float32]
Scores = NDArray[np.float64]
Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]
Stretch = tuple[int, int]
"""First frame, and first frame after it; 10 ms each."""

_SAME = 0.6  # of a piece, spoken by one local speaker of a window: it is this speaker's


@dataclass(frozen=True)
class Blocks:
    """Speech of one person at a time, on the grid on which speakers may change.

    Attributes
    ----------
    starts, ends
        Frames; shape (n,).
    same, other
        That the block before was spoken by the same, by another local speaker; 0-1, and 0 where no
        window holds both.
    """

    starts: Labels
    ends: Labels
    same: Scores
    other: Scores

    @property
    def lengths(self) -> Labels:
        """Frames of each."""
        return self.ends - self.starts

    @property
    def first(self) -> Labels:
        """Index of the first frame of each among the frames of all."""
        return np.asarray(np.cumsum(self.lengths) - self.lengths, np.int64)

    @property
    def frames(self) -> Labels:
        """The frames of all."""
        shift = np.repeat(self.starts - self.first, self.lengths)
        return np.asarray(shift + np.arange(len(shift)), np.int64)

    def gaps(self) -> Labels:
        """Frames between each and the one before."""
        return np.asarray(self.starts - np.r_[0, self.ends[:-1]], np.int64)


def blocks(alone: Mask, heard: Windows, block_ms: int) -> Blocks:
    """Blocks of the frames in which one person speaks, and how segmentation links them."""
    size = block_ms // FRAME_MS
    runs = [(a, b) for start, b in zip(*edges(alone), strict=True) for a in range(start, b, size)]
    starts = np.array([a for a, _ in runs], np.int64)
    ends = np.minimum(starts + size, np.array([b for _, b in runs], np.int64))
    same, other, total = (np.zeros(len(runs)) for _ in range(3))
    weight = window_weight()
    for number, window in enumerate(heard.alone):
        begin = number * heard.step
        first = int(np.searchsorted(starts, begin))
        last = int(np.searchsorted(ends, begin + WINDOW_FRAMES, side="right"))
        if last - first < 2:  # noqa: PLR2004 - a link is between two
            continue
        at, until = starts[first:last] - begin, ends[first:last] - begin
        sums = np.r_[np.zeros((1, window.shape[1])), np.cumsum(window, axis=0, dtype=np.float64)]
        local = (sums[until] - sums[at]) / (until - at)[:, None]
        middle = weight[(at + until) // 2]
        trust = np.minimum(middle[1:], middle[:-1])
        both = (local[1:] * local[:-1]).sum(axis=1)
        link = slice(first + 1, last)
        same[link] += trust * both
        other[link] += trust * (local[1:].sum(axis=1) * local[:-1].sum(axis=1) - both)
        total[link] += trust
    total = np.maximum(total, 1e-9)
    return Blocks(starts, ends, same / total, other / total)


def pieces(cut: Blocks, settings: Segmentation) -> list[Stretch]:
    """Stretches for a voice vector each: no pause and no change of speaker is known within."""
    if not len(cut.starts):
        return []
    new = (cut.gaps()[1:] > 0) | (cut.other[1:] > cut.same[1:])
    at = np.flatnonzero(np.r_[True, new, True])
    longest, shortest = settings.piece_ms // FRAME_MS, settings.piece_min_ms // FRAME_MS
    found: list[Stretch] = []
    for start, end in zip(cut.starts[at[:-1]], cut.ends[at[1:] - 1], strict=True):
        if end - start >= shortest:
            count = -(-(end - start) // longest)
            inner = np.linspace(start, end, count + 1).astype(int).tolist()
            found += pairwise(inner)
    return found


@dataclass(frozen=True)
class Voices:
    """Pieces of speech with their vectors.

    Attributes
    ----------
    pieces
        By time; they share no frame.
    vectors
        The mean of the recording is removed: shape (n, 192).
    seconds
        Length of each piece.
    mean
        What was removed.
    """

    pieces: Sequence[Stretch]
    vectors: Matrix
    seconds: Matrix
    mean: Matrix

    @classmethod
    def of(cls, pieces: Sequence[Stretch], vectors: Matrix) -> "Voices":
        """From vectors as the network gives them."""
        seconds = np.array([(b - a) * FRAME_MS / 1000 for a, b in pieces], np.float32)
        mean = np.average(vectors, axis=0, weights=seconds)
        return cls(pieces, vectors - mean, seconds, mean)


class Joining:
    """The speakers of a recording.

    Parameters
    ----------
    cut
        Blocks with one speaker.
    cepstra
        Features of each frame of these blocks, shape (frames, 40).
    """

    def __init__(
        self, cut: Blocks, cepstra: Matrix, voices: Voices, k: int, settings: Segmentation
    ) -> None:
        self._cut = cut
        self._voices = voices
        self._k = k
        self._settings = settings
        odds = np.log((cut.same + settings.link_floor) / (cut.other + settings.link_floor))
        forgotten = np.exp(-cut.gaps() * FRAME_MS / settings.forget_ms)
        cost = settings.link_weight * odds + settings.switch_cost * forgotten
        self._switch, self._stay = np.maximum(cost, 0), np.maximum(-cost, 0)
        self._frames = cepstra
        chosen = cepstra[:: -(-len(cepstra) // settings.training_frames)]
        components = max(1, min(settings.components, len(chosen) // settings.component_frames))
        self._common = mixtures.train(chosen, components, settings.training_rounds, settings.seed)
        owner = np.full(int(cut.ends[-1]), -1, np.int64)
        for number, (start, end) in enumerate(voices.pieces):
            owner[start:end] = number
        self._piece = owner[cut.frames]

    def solve(self, heard: Windows) -> Labels | None:
        """Speaker of each block, 0 to k - 1 in order of first block; None: only one is found."""
        pairs = _told_apart(self._voices, heard)
        starts = [self._by_spread(), self._by_linkage()]
        if len(pairs.one):
            starts.append(self._by_difference(pairs))
        settled = [self._settle(start) for start in starts if start is not None]
        found = [path for path in settled if path is not None and self._is_everybody(path)]
        return partition.in_order(max(found, key=self._liked)) if found else None

    def _is_everybody(self, path: Labels) -> bool:
        """Whether each speaker speaks for long enough to be one."""
        frames = np.bincount(path, weights=self._cut.lengths, minlength=self._k)
        return bool(frames.min() * FRAME_MS >= self._settings.speaker_min_ms)

    def _by_spread(self) -> Labels:
        """Speaker of each block to begin with: k-means over all pieces."""
        vectors, seconds, settings = self._voices.vectors, self._voices.seconds, self._settings
        return self._laid(
            partition.tightest(vectors, seconds, self._k, settings.starts, settings.seed)
        )

    def _by_linkage(self) -> Labels | None:
        """Likewise by average linkage, which finds who says little in a voice far from the rest.

        The tree is cut into as few clusters as leave k of them with enough speech; the pieces of
        the others go to the nearest. None: no cut does.
        """
        voices, settings = self._voices, self._settings
        some = slice(None, None, -(-len(voices.pieces) // settings.linkage_pieces))
        vectors, seconds = voices.vectors[some], voices.seconds[some]
        tree = hierarchy.linkage(vectors, "average", metric="cosine")
        for count in range(self._k, min(settings.linkage_cuts, len(vectors)) + 1):
            labels = hierarchy.fcluster(tree, count, "maxclust") - 1
            spoken = np.bincount(labels, weights=seconds)
            large = np.argsort(-spoken, kind="stable")[: self._k]
            if len(large) == self._k and spoken[large].min() * 1000 >= settings.speaker_min_ms:
                means = [
                    np.average(vectors[labels == one], axis=0, weights=seconds[labels == one])
                    for one in large
                ]
                return self._laid(_nearest(voices.vectors, np.stack(means)))
        return None

    def _by_difference(self, pairs: "_Pairs") -> Labels:
        """Likewise, along the directions in which the vectors of pairs differ.

        The means are those of the pairs' members, of whom each speaker has as many as the others,
        however little they say.
        """
        vectors, settings = self._voices.vectors, self._settings
        apart = (vectors[pairs.one] - vectors[pairs.two]) * np.sqrt(pairs.seconds)[:, None]
        _, _, directions = np.linalg.svd(apart, full_matrices=False)
        along = vectors @ directions[: self._k - 1].T
        members, weights = np.r_[pairs.one, pairs.two], np.r_[pairs.seconds, pairs.seconds]
        labels = partition.tightest(
            along[members], weights, self._k, settings.starts, settings.seed
        )
        means = np.stack(
            [
                np.average(along[members[labels == one]], axis=0, weights=weights[labels == one])
                for one in np.unique(labels)
            ]
        )
        return self._laid(_nearest(along, means))

    def _laid(self, labels: Labels) -> Labels:
        """Of each block the label of the piece around or before it."""
        begins = [start for start, _ in self._voices.pieces]
        middle = (self._cut.starts + self._cut.ends) // 2
        return labels[np.clip(np.searchsorted(begins, middle, "right") - 1, 0, None)]

    def _settle(self, path: Labels) -> Labels | None:
        """The path from `path` on until nothing changes; None if a speaker has no speech."""
        if len(np.unique(path)) < self._k:
            return None
        for _ in range(self._settings.rounds):
            scores = self._by_voice(path) + self._by_mixture(path)
            _, following = best_path(scores, self._switch, self._stay)
            if (following == path).all() or len(np.unique(following)) < self._k:
                break  # settled; or a speaker vanished, and the path before stands
            path = following
        return path

    def _liked(self, path: Labels) -> float:
        """Log likelihood of a path: that pieces lie near their own speaker, and nearer than others.

        The first half alone would cut a talkative speaker in two before it found a terse one, the
        second alone would take a cough for a speaker.
        """
        spoken = self._spoken(path)
        spread = (self._distances(spoken) * spoken).sum()
        doubt = best_path(self._by_voice(path), self._switch, self._stay)[0]
        return doubt - self._settings.spread_weight * self._settings.voice_weight * float(spread)

    def wrong_share(self, path: Labels) -> float:
        """Expected share of speech that is given to the wrong speaker, 0 to 0.5.

        Of each piece by how much more similar (cosine) it is to the rest of its own speaker's than
        to the nearest other's, through a logistic function: one voice that was cut in two is as
        similar to either half.
        """
        spoken = self._spoken(path)
        raw = self._voices.vectors + self._voices.mean
        own = spoken.argmax(axis=1)
        every = np.arange(len(own))
        total = np.repeat((spoken.T @ raw)[None], len(own), axis=0)
        total[every, own] -= raw * spoken[every, own][:, None]
        length = np.maximum(np.linalg.norm(total, axis=2), 1e-6)
        alike = (total * raw[:, None]).sum(axis=2) / length
        mine = alike[every, own].copy()
        alike[every, own] = -np.inf
        odds = self._settings.margin_slope * (mine - alike.max(axis=1))
        return float(np.average(1 / (1 + np.exp(odds)), weights=self._voices.seconds))

    def _by_voice(self, path: Labels) -> Scores:
        """Log likelihood of each block under each speaker, by the vectors; 0 where there is none.

        What all speakers lack in common is left out, so that pieces of one mixed voice cost nobody.
        """
        apart = self._distances(self._spoken(path))
        apart = np.r_[apart - apart.min(axis=1, keepdims=True), np.zeros((1, self._k))]
        per_frame = self._settings.voice_weight * FRAME_MS / 1000
        return -per_frame * np.add.reduceat(apart[self._piece], self._cut.first)

    def _distances(self, spoken: Matrix) -> Scores:
        """Squared distance of each vector from the mean of each speaker, shape (pieces, k)."""
        mass = np.maximum(spoken.sum(axis=0), 1e-6)
        means = (spoken.T @ self._voices.vectors) / mass[:, None]
        found: Scores = ((self._voices.vectors[:, None] - means[None]) ** 2).sum(axis=2)
        return found

    def _by_mixture(self, path: Labels) -> Scores:
        """Likewise by the mixtures."""
        speaker = np.repeat(path, self._cut.lengths)
        each = [
            mixtures.adapted(self._common, self._frames[speaker == one], self._settings.relevance)
            for one in range(self._k)
        ]
        frames = np.stack([one.likelihood(self._frames) for one in each], axis=1)
        return np.add.reduceat(frames.astype(np.float64), self._cut.first)

    def _spoken(self, path: Labels) -> Matrix:
        """Seconds of each piece that each speaker speaks, shape (pieces, k)."""
        spoken = np.zeros((len(self._voices.pieces) + 1, self._k), np.float32)
        np.add.at(
            spoken, (self._piece, np.repeat(path, self._cut.lengths)), np.float32(FRAME_MS / 1000)
        )
        return spoken[:-1]  # frames without a piece went to the last row


@dataclass(frozen=True)
class _Pairs:
    """Pieces of two speakers.

    Attributes
    ----------
    one, two
        Numbers of the pieces of each pair, once each.
    seconds
        Length of the shorter.
    """

    one: Labels
    two: Labels
    seconds: Matrix


def _nearest(vectors: Matrix, means: Matrix) -> Labels:
    """Number of the nearest mean of each vector."""
    found: Labels = ((vectors[:, None] - means[None]) ** 2).sum(axis=2).argmin(axis=1)
    return found


def _told_apart(voices: Voices, heard: Windows) -> _Pairs:
    """Pairs of pieces that some window gives two local speakers."""
    starts, ends = (np.array(each) for each in zip(*voices.pieces, strict=True))
    found: set[tuple[int, int]] = set()
    for number, window in enumerate(heard.alone):
        begin = number * heard.step
        inside = np.flatnonzero((starts < begin + WINDOW_FRAMES) & (ends > begin))
        local = {}
        for piece in inside.tolist():
            at = slice(max(starts[piece] - begin, 0), ends[piece] - begin)
            spoken = window[at].sum(axis=0, dtype=np.float64)
            if spoken.max() > _SAME * (ends[piece] - starts[piece]):
                local[piece] = int(spoken.argmax())
        found |= {(a, b) for a in local for b in local if a < b and local[a] != local[b]}
    one, two = np.array(sorted(found), np.int64).reshape(-1, 2).T
    return _Pairs(one, two, np.minimum(voices.seconds[one], voices.seconds[two]))


def best_path(scores: Scores, switch: Scores, stay: Scores) -> tuple[float, Labels]:
    """Score and states of the best path (Viterbi).

    Parameters
    ----------
    scores
        Log likelihood of each block under each speaker, shape (n, k).
    switch, stay
        Cost of another, and of the same speaker in this block as in the block before, 0 or more;
        shape (n,).
    """
    n, k = scores.shape
    came = np.zeros((n, k), dtype=np.int64)
    best = scores[0].tolist()
    rows, switches, stays = scores.tolist(), switch.tolist(), stay.tolist()
    for at in range(1, n):
        leader, second = sorted(range(k), key=best.__getitem__)[:-3:-1]
        row, following = rows[at], came[at]
        for state in range(k):
            other = second if state == leader else leader
            kept, hop = best[state] - stays[at], best[other] - switches[at]
            following[state] = state if kept >= hop else other
            row[state] += max(kept, hop)
        best = row
    state = max(range(k), key=best.__getitem__)
    score = float(best[state])
    path = np.empty(n, dtype=np.int64)
    for at in range(n - 1, -1, -1):
        path[at] = state
        state = int(came[at, state])
    return score, path
