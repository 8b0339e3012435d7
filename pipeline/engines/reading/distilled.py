"""Reader `distilled`: a small encoder, tuned on dialogues that were written for Tether.

What ships is an adapter over MiniLM (`network`), the calibration of its probabilities, and the
ruptures among the training texts, of which the nearest two are shown beside a finding. All of it
is made by ``scripts/train_reader`` from the repository alone, and rests on invented words: nothing
that anybody said can be read back from it.

Probabilities are those on authors whose texts the network was not trained on, who wrote of
sessions denser in ruptures than most are (`reader.json` has the counts). In ordinary talk they are
too high: docs/accuracy.md.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.config import Section, Settings
from pipeline.core.errors import EngineError
from pipeline.core.registry import engine
from pipeline.core.vocabulary import MARKERS
from pipeline.engines import models
from pipeline.engines.protocols import Exchange, Identity, Reading
from pipeline.engines.reading.clauses import clauses, stretches

ADAPTER = "adapter.safetensors"
CARD = "reader.json"
FOLDER = Path(__file__).resolve().parent / "trained"
_BASE = "minilm"
_LIBRARIES = ("torch", "tokenizers", "safetensors")
_BATCH = 32
_SHOWN = 2

Matrix = NDArray[np.float32]


class Distilled(Section):
    """Reader `distilled`: built in, English."""

    explain_from: float = Field(
        ge=0, le=1, description="probability of a rupture from which clause and examples are found"
    )


@engine("reader", "distilled", settings=Distilled, auto=1)
class DistilledReader:
    """Markers of English replies, by an encoder that reads what they answer, too.

    Parameters
    ----------
    settings
        Uses `distilled`, `engines.threads` and `models_folder`.
    folder
        With adapter and card; another than the shipped one was fitted here.
    """

    def __init__(self, settings: Settings, folder: Path = FOLDER) -> None:
        self._settings = settings
        self._own = settings.section(Distilled)
        self._folder = folder

    def identity(self) -> Identity:
        """Versions of the libraries, digests of the base and of what was trained.

        Raises
        ------
        EngineError
            A library, the base or what was trained is missing.
        """
        try:
            versions = {name: version(name) for name in _LIBRARIES}
        except PackageNotFoundError as caught:
            raise EngineError(
                f"{caught.name} is not installed", hint=f"pip install {caught.name}"
            ) from None
        trained = hashlib.sha256()
        try:
            for name in (ADAPTER, CARD):
                trained.update((self._folder / name).read_bytes())
        except OSError as caught:
            raise EngineError(
                "the reader was not trained", hint="scripts/train_reader makes its adapter"
            ) from caught
        return {
            "engine": "distilled",
            **versions,
            "model": models.find(_BASE, self._settings).digest,
            "trained": trained.hexdigest(),
        }

    def languages(self) -> frozenset[str]:
        """English only."""
        return frozenset({"en"})

    def read(self, exchanges: Sequence[Exchange]) -> list[Reading]:
        """What each reply shows.

        A long reply is read in stretches, each after what the whole reply answers; the one that
        most likely shows a rupture counts.

        Raises
        ------
        EngineError
            The base is missing, or the library failed.
        """
        places = [
            (number, Exchange(each.before, part, each.wait_ms))
            for number, each in enumerate(exchanges)
            for part in stretches(each.reply) or [each.reply]
        ]
        try:
            vectors = self._vectors([part for _, part in places])
            found = self._loaded.probabilities(vectors)
            ruptured = found.sum(axis=1)
            best: dict[int, int] = {}
            for place, (number, _) in enumerate(places):
                if number not in best or ruptured[place] > ruptured[best[number]]:
                    best[number] = place
            explained = [p for p in best.values() if ruptured[p] >= self._own.explain_from]
            where = self._clauses([places[p][1] for p in explained])
        except EngineError:
            raise
        except Exception as caught:
            raise EngineError(f"the reader 'distilled' failed: {type(caught).__name__}") from caught
        clause = dict(zip(explained, where, strict=True))
        return [
            Reading(
                dict(zip(MARKERS, found[place].tolist(), strict=True)),
                clause.get(place),
                self._loaded.nearest(vectors[place], found[place]) if place in clause else (),
            )
            for place in (best[number] for number in range(len(exchanges)))
        ]

    def _clauses(self, exchanges: Sequence[Exchange]) -> list[str]:
        """Of each reply the clause without which the probability of a rupture is lowest."""
        parts = [clauses(each.reply) for each in exchanges]
        without = [
            Exchange(each.before, " ".join(own[:n] + own[n + 1 :]), each.wait_ms)
            for each, own in zip(exchanges, parts, strict=True)
            if len(own) > 1
            for n in range(len(own))
        ]
        left = iter(self._loaded.probabilities(self._vectors(without)).sum(axis=1).tolist())
        chosen = []
        for each, own in zip(exchanges, parts, strict=True):
            rests = [next(left) for _ in own] if len(own) > 1 else [0.0]
            chosen.append(own[rests.index(min(rests))] if own else each.reply)
        return chosen

    def _vectors(self, exchanges: Sequence[Exchange]) -> Matrix:
        """Vector of each reply; each thread takes batches of its own, of replies of like length."""
        loaded = self._loaded
        torch, network = loaded.torch, loaded.network
        tokens = loaded.tokens(exchanges)
        vectors = np.zeros((len(tokens), network.SIZE), dtype=np.float32)
        order = sorted(range(len(tokens)), key=lambda number: len(tokens[number][0]))
        batches = [order[at : at + _BATCH] for at in range(0, len(order), _BATCH)]
        before = torch.get_num_threads()

        def read(batch: Sequence[int]) -> Matrix:
            with torch.inference_mode():
                found: Matrix = loaded.encoder.vectors(
                    *network.filled([tokens[number] for number in batch])
                ).numpy()
            return found

        try:
            threads = self._settings.engines.threads
            with ThreadPoolExecutor(threads, "reading", torch.set_num_threads, (1,)) as pool:
                for batch, made in zip(batches, pool.map(read, batches), strict=True):
                    vectors[batch] = made
        finally:
            torch.set_num_threads(before)
        return vectors

    @cached_property
    def _loaded(self) -> "_Loaded":
        """The network; loaded once for all recordings."""
        base = models.find(_BASE, self._settings).folder
        try:
            return _Loaded(base, self._folder)
        except Exception as caught:
            raise EngineError(
                f"the reader 'distilled' does not load: {type(caught).__name__}",
                hint=f"tether models verify; then delete '{_BASE}' and fetch it again",
            ) from caught


class _Loaded:
    """Network, head, calibration and examples."""

    def __init__(self, base: Path, trained: Path) -> None:
        import torch
        from safetensors.torch import load_file

        from pipeline.engines.reading import network

        self.torch, self.network = torch, network
        card: dict[str, Any] = json.loads((trained / CARD).read_text(encoding="utf-8"))
        if card["markers"] != list(MARKERS):
            raise ValueError("the adapter was trained for other markers")
        kept = {name: each.float() for name, each in load_file(trained / ADAPTER).items()}
        examples = kept.pop("examples").numpy()
        self.encoder = network.load(base, kept)
        network.fold(self.encoder)
        self._cutter = network.tokenizer(base)
        self._slope, self._intercept = (
            card["calibration"]["slope"],
            card["calibration"]["intercept"],
        )
        self._examples = examples / np.linalg.norm(examples, axis=1, keepdims=True)
        self._told = [(each["marker"], each["text"]) for each in card["examples"]]

    def tokens(self, exchanges: Sequence[Exchange]) -> list[Any]:
        """Tokens of exchanges."""
        found: list[Any] = self.network.tokens(self._cutter, exchanges)
        return found

    def probabilities(self, vectors: Matrix) -> Matrix:
        """Calibrated probability of each marker, shape (n, 14)."""
        with self.torch.inference_mode():
            scores = self.encoder.head(self.torch.from_numpy(vectors)).double()
            shares = scores[:, 1:].softmax(-1)
            odds = scores[:, 1:].logsumexp(-1) - scores[:, 0]
            rupture = (odds * self._slope + self._intercept).sigmoid()
            found: Matrix = (rupture[:, None] * shares).numpy()
        return found

    def nearest(self, vector: Matrix, probabilities: Matrix) -> tuple[str, ...]:
        """The examples of the likeliest marker that are nearest, nearest first."""
        likeliest = list(MARKERS)[int(probabilities.argmax())]
        own = [n for n, (marker, _) in enumerate(self._told) if marker == likeliest]
        near = self._examples[own] @ vector
        return tuple(self._told[own[n]][1] for n in np.argsort(-near)[:_SHOWN])
