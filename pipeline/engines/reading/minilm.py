"""Sentence encoder `minilm`: all-MiniLM-L6-v2, from its weights and its tokenizer alone.

Reimers & Gurevych, "Sentence-BERT" (EMNLP 2019); Wang et al., "MiniLM" (NeurIPS 2020): six layers
of BERT, the mean of whose last states is brought to length 1. The network is torch's own
transformer encoder, into which the published weights fit name by name, so that neither
`transformers` nor `sentence-transformers` is needed: each takes seconds to import. Its vectors
were compared with theirs (`tests/engines/test_minilm.py`).

A vector can be inverted to much of its words: it lives in memory while turns are compared, and
nowhere else.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.config import Settings
from pipeline.core.errors import EngineError
from pipeline.core.registry import engine
from pipeline.engines import models
from pipeline.engines.models.known import MINILM_TOKENIZER, MINILM_WEIGHTS
from pipeline.engines.protocols import Identity

# The network's own shape (its config.json and sentence_bert_config.json).
SIZE = 384
_LAYERS = 6
_HEADS = 12
_INNER = 1536
_EPSILON = 1e-12
_LONGEST = 256  # tokens; it was trained on no more, and what follows is not read
_BATCH = 32
_LIBRARIES = ("torch", "tokenizers", "safetensors")

Vectors = NDArray[np.float32]


@engine("sentence encoder", "minilm", auto=1)
class MiniLmEncoder:
    """Sentence vectors of English text.

    Parameters
    ----------
    settings
        Uses `engines.threads` and `models_folder`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def identity(self) -> Identity:
        """Versions of the libraries and digest of the model.

        Raises
        ------
        EngineError
            A library or the model is missing.
        """
        try:
            versions = {name: version(name) for name in _LIBRARIES}
        except PackageNotFoundError as caught:
            raise EngineError(
                f"{caught.name} is missing", hint=f"pip install {caught.name}"
            ) from None
        return {
            "engine": "minilm",
            **versions,
            "model": models.find("minilm", self._settings).digest,
        }

    def languages(self) -> frozenset[str]:
        """English."""
        return frozenset({"en"})

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One vector of length 1 for each text, shape (n, 384); the first 256 tokens are read.

        Each thread takes a batch of its own: on a busy machine a thread that waits for another
        within each small product costs more than it gains (126 sentences a second of processor
        time, 35 with two threads on each product).

        Raises
        ------
        EngineError
            The model is missing or failed.
        """
        found = np.zeros((len(texts), SIZE), dtype=np.float32)
        network = self._network
        torch = network.torch
        before = torch.get_num_threads()
        try:
            tokens = [piece.ids for piece in network.tokenizer.encode_batch(list(texts))]
            # Texts of like length go together, for each batch is filled up to its longest.
            order = sorted(range(len(texts)), key=lambda number: len(tokens[number]))
            batches = [order[at : at + _BATCH] for at in range(0, len(order), _BATCH)]
            threads = self._settings.engines.threads
            with ThreadPoolExecutor(threads, "meaning", torch.set_num_threads, (1,)) as pool:
                made = pool.map(
                    lambda chosen: network.vectors([tokens[number] for number in chosen]), batches
                )
                for chosen, vectors in zip(batches, made, strict=True):
                    found[chosen] = vectors
        except Exception as caught:
            raise EngineError("the sentence encoder 'minilm' failed") from caught
        finally:
            torch.set_num_threads(before)
        return found

    @cached_property
    def _network(self) -> "_Network":
        model = models.find("minilm", self._settings)
        try:
            return _Network(model)
        except Exception as caught:
            raise EngineError(
                "the sentence encoder 'minilm' does not load",
                hint="tether models verify; then delete its folder and fetch it again",
            ) from caught


class _Network:
    """The network and its tokenizer, loaded."""

    def __init__(self, model: models.Model) -> None:
        import torch
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        self.torch = torch
        self.tokenizer = Tokenizer.from_file(str(model.folder / MINILM_TOKENIZER))
        self.tokenizer.enable_truncation(_LONGEST)
        self.tokenizer.no_padding()
        kept = load_file(model.folder / MINILM_WEIGHTS)
        self._words = kept["embeddings.word_embeddings.weight"]
        # Every text is a first sentence: the embedding of its kind is the same for all tokens.
        kind = kept["embeddings.token_type_embeddings.weight"][0]
        self._places = kept["embeddings.position_embeddings.weight"] + kind
        self._norm = torch.nn.LayerNorm(SIZE, eps=_EPSILON)
        self._norm.load_state_dict(_named(kept, "embeddings.LayerNorm", ""))
        layer = torch.nn.TransformerEncoderLayer(
            SIZE,
            _HEADS,
            _INNER,
            activation="gelu",
            layer_norm_eps=_EPSILON,
            batch_first=True,
        )
        self._encoder = torch.nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)
        state: dict[str, Any] = {}
        for number in range(_LAYERS):
            state |= _layer(torch, kept, number)
        self._encoder.load_state_dict(state)
        self._norm.eval()
        self._encoder.eval()

    def vectors(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        """One vector of length 1 for each text of token numbers."""
        torch = self.torch
        lengths = torch.tensor([len(text) for text in tokens])
        longest = int(lengths.max())
        filled = torch.tensor([[*text, *[0] * (longest - len(text))] for text in tokens])
        empty = torch.arange(longest)[None, :] >= lengths[:, None]
        with torch.inference_mode():
            states = self._norm(self._words[filled] + self._places[:longest])
            states = self._encoder(states, src_key_padding_mask=empty)
            states = states.masked_fill(empty[:, :, None], 0)
            means = states.sum(1) / lengths[:, None]
            unit: Vectors = torch.nn.functional.normalize(means, dim=1).numpy()
        return unit


def _layer(torch: Any, kept: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Weights of one layer under torch's names, which keeps query, key and value in one matrix."""
    theirs, ours = f"encoder.layer.{number}", f"layers.{number}."
    own = f"{theirs}.attention.self"
    together = {
        f"{ours}self_attn.in_proj_{what}": torch.cat(
            [kept[f"{own}.{part}.{what}"] for part in ("query", "key", "value")]
        )
        for what in ("weight", "bias")
    }
    return (
        together
        | _named(kept, f"{theirs}.attention.output.dense", f"{ours}self_attn.out_proj.")
        | _named(kept, f"{theirs}.attention.output.LayerNorm", f"{ours}norm1.")
        | _named(kept, f"{theirs}.intermediate.dense", f"{ours}linear1.")
        | _named(kept, f"{theirs}.output.dense", f"{ours}linear2.")
        | _named(kept, f"{theirs}.output.LayerNorm", f"{ours}norm2.")
    )


def _named(kept: Mapping[str, Any], theirs: str, ours: str) -> dict[str, Any]:
    return {f"{ours}{what}": kept[f"{theirs}.{what}"] for what in ("weight", "bias")}
