"""The network of reader `distilled`: MiniLM with a low-rank adapter, and a head over the reply.

::

    [CLS] therapist: … client: … therapist: … [SEP] the reply [SEP]
    |------------------- kind 0 -------------------| |-- kind 1 --|
                                                      mean -> 15 classes

MiniLM (Wang et al. 2020; Reimers & Gurevych 2019) has six layers of BERT. Its weights stay as they
are published; beside each of its products a low-rank one is learned (Hu et al. 2022, "LoRA"), so
that what ships is 2 MB. The reply is read together with what it answers: vectors of single turns
found half as much on texts whose authors had nothing to do with the training texts.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from pipeline.core.vocabulary import MARKERS
from pipeline.engines.models.known import MINILM_TOKENIZER, MINILM_WEIGHTS
from pipeline.engines.protocols import Exchange

SIZE = 384
_LAYERS, _HEADS, _INNER, _EPSILON = 6, 12, 1536, 1e-12
CLASSES = 1 + len(MARKERS)
"""None, and the markers."""
RANK = 16
FIRST_ADAPTED = 2
"""The two lowest layers stay as published: they spell words, and training is half as long."""
CONTEXT_TOKENS = 64
REPLY_TOKENS = 140
_WAIT_MS = 2000
"""A shorter wait is not said: people take a second to answer."""


class Adapted(nn.Module):
    """A published linear layer with a learned low-rank product beside it."""

    def __init__(self, weight: Tensor, bias: Tensor, rank: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.rank = rank
        if rank:
            self.down = nn.Parameter(torch.randn(rank, weight.shape[1]) / rank)
            self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))

    def forward(self, x: Tensor) -> Tensor:
        """Both products."""
        out = nn.functional.linear(x, self.weight, self.bias)
        return out + (x @ self.down.T) @ self.up.T if self.rank else out

    def fold(self) -> None:
        """Add the learned product to the published one: the same sum in one step."""
        if self.rank:
            self.weight.copy_(self.weight + self.up @ self.down)
            self.rank = 0


class _Layer(nn.Module):
    def __init__(self, base: Mapping[str, Tensor], rank: int) -> None:
        super().__init__()

        def linear(name: str) -> Adapted:
            return Adapted(base[f"{name}.weight"], base[f"{name}.bias"], rank)

        self.query = linear("attention.self.query")
        self.key = linear("attention.self.key")
        self.value = linear("attention.self.value")
        self.attended = linear("attention.output.dense")
        self.wide = linear("intermediate.dense")
        self.narrow = linear("output.dense")
        self.norm_attention = norm(base, "attention.output.LayerNorm")
        self.norm_output = norm(base, "output.LayerNorm")

    def forward(self, x: Tensor, mask: Tensor, dropout: float) -> Tensor:
        def heads(each: Tensor) -> Tensor:
            return each.view(*each.shape[:2], _HEADS, -1).transpose(1, 2)

        mixed = nn.functional.scaled_dot_product_attention(
            heads(self.query(x)), heads(self.key(x)), heads(self.value(x)), attn_mask=mask
        )
        mixed = self.attended(mixed.transpose(1, 2).flatten(2))
        x = self.norm_attention(x + nn.functional.dropout(mixed, dropout, self.training))
        out = self.narrow(nn.functional.gelu(self.wide(x)))
        made: Tensor = self.norm_output(x + nn.functional.dropout(out, dropout, self.training))
        return made


def norm(base: Mapping[str, Tensor], name: str) -> nn.LayerNorm:
    """A published normalisation; it is learned further."""
    made = nn.LayerNorm(SIZE, eps=_EPSILON)
    made.load_state_dict({"weight": base[f"{name}.weight"], "bias": base[f"{name}.bias"]})
    return made


class Network(nn.Module):
    """Encoder and head.

    Parameters
    ----------
    base
        MiniLM's published weights by name.
    classes
        Number of classes of the head.
    """

    def __init__(self, base: Mapping[str, Tensor], classes: int, rank: int = RANK) -> None:
        super().__init__()
        self.word, self.position, self.token_type = (
            nn.Parameter(base[f"embeddings.{name}_embeddings.weight"], requires_grad=False)
            for name in ("word", "position", "token_type")
        )
        self.norm = norm(base, "embeddings.LayerNorm")
        self.layers = nn.ModuleList(
            _Layer(_under(base, f"encoder.layer.{number}."), rank if number >= FIRST_ADAPTED else 0)
            for number in range(_LAYERS)
        )
        for part in (self.norm, *self.layers[:FIRST_ADAPTED]):
            part.requires_grad_(requires_grad=False)
        self.head = nn.Linear(SIZE, classes)

    def vectors(self, ids: Tensor, kinds: Tensor, there: Tensor, dropout: float = 0.0) -> Tensor:
        """Mean of the reply's last states, shape (n, 384).

        Parameters
        ----------
        ids, kinds, there
            Tokens, 0 for the context and 1 for the reply, and 1 where a token is; each (n, length).
        """
        x = self.word[ids] + self.position[: ids.shape[1]] + self.token_type[kinds]
        x = nn.functional.dropout(self.norm(x), dropout, self.training)
        mask = there[:, None, None, :].bool()
        for layer in self.layers:
            x = layer(x, mask, dropout)
        reply = (kinds * there).unsqueeze(-1).float()
        return (x * reply).sum(1) / reply.sum(1).clamp(min=1)

    def forward(self, ids: Tensor, kinds: Tensor, there: Tensor, dropout: float = 0.0) -> Tensor:
        """Scores of the classes, shape (n, classes)."""
        vectors = self.vectors(ids, kinds, there, dropout)
        scores: Tensor = self.head(nn.functional.dropout(vectors, dropout, self.training))
        return scores


def load(base: Path, kept: Mapping[str, Tensor] | None = None, classes: int = CLASSES) -> Network:
    """A network over the published one in a folder.

    Parameters
    ----------
    kept
        What was trained, as `trained` gives it; None: nothing yet.
    """
    made = Network(load_file(base / MINILM_WEIGHTS), classes)
    if kept is not None:
        made.load_state_dict(kept, strict=False)
    return made.eval()


def fold(network: Network) -> None:
    """Make a network that is only read with faster; it cannot be trained further."""
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, Adapted):
                part.fold()


def trained(network: Network) -> dict[str, Tensor]:
    """What was trained of a network, by name: what ships."""
    return {name: each.detach() for name, each in network.named_parameters() if each.requires_grad}


def _under(base: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): base[name] for name in base if name.startswith(prefix)}


Tokens = tuple[list[int], list[int]]
"""Ids and kinds of one exchange."""


def tokenizer(base: Path) -> Any:
    """The published network's tokenizer, without its own cutting and filling."""
    made = Tokenizer.from_file(str(base / MINILM_TOKENIZER))
    made.no_truncation()
    made.no_padding()
    return made


def tokens(cutter: Any, exchanges: Sequence[Exchange]) -> list[Tokens]:
    """Ids and kinds of exchanges; of the context the last tokens, of the reply the first."""
    start, end = cutter.token_to_id("[CLS]"), cutter.token_to_id("[SEP]")
    before = cutter.encode_batch([_context(each) for each in exchanges], add_special_tokens=False)
    replies = cutter.encode_batch([_reply(each) for each in exchanges], add_special_tokens=False)
    found = []
    for context, reply in zip(before, replies, strict=True):
        left = [start, *context.ids[-CONTEXT_TOKENS:], end]
        right = [*reply.ids[:REPLY_TOKENS], end]
        found.append((left + right, [0] * len(left) + [1] * len(right)))
    return found


def _context(exchange: Exchange) -> str:
    return " ".join(f"{'client' if own else 'therapist'}: {text}" for own, text in exchange.before)


def _reply(exchange: Exchange) -> str:
    if exchange.wait_ms is None or exchange.wait_ms < _WAIT_MS:
        return exchange.reply
    return f"[{round(exchange.wait_ms / 1000)} s] {exchange.reply}"


def filled(batch: Sequence[Tokens]) -> tuple[Tensor, Tensor, Tensor]:
    """A batch brought to one length: ids, kinds, and 1 where a token is; each (n, length)."""
    longest = max(len(ids) for ids, _ in batch)

    def grid(rows: Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])

    return (
        grid([ids for ids, _ in batch]),
        grid([kinds for _, kinds in batch]),
        grid([[1] * len(ids) for ids, _ in batch]),
    )
