"""Training of reader `distilled`: from coded exchanges to an adapter and a head.

Reproducible: one seed decides the order, the copies "as it will be heard" and the dropout; on one
machine and one number of threads the same bytes come out.
"""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from pipeline.core.vocabulary import MARKERS
from pipeline.engines.protocols import Exchange
from pipeline.engines.reading import network as net

CLASSES = ("none", *MARKERS)
_FILLERS = re.compile(
    r"\b(?:um+|uh+|er+|erm|mm+|hmm+|like|you know)\b[,.]?\s*|\.\.\.\s*", re.IGNORECASE
)
_MARKS = re.compile(r"[^\w\s'\u2019]+")
# Of the copies as they will be heard, how many lack stops, fillers, and all but the last turn; of
# their words, how many are lost, and how many are lost or wrong.
_NO_STOPS, _NO_FILLERS, _LAST_ALONE = 0.5, 0.5, 0.3
_LOST, _LOST_OR_WRONG = 0.03, 0.05


@dataclass(frozen=True)
class Example:
    """A reply and what it shows.

    Attributes
    ----------
    target
        A share for each of `CLASSES`; the sum is 1.
    weight
        Of its loss.
    plain
        It shows nothing and looks like nothing: most of what is said.
    """

    exchange: Exchange
    target: tuple[float, ...]
    weight: float = 1.0
    plain: bool = False


def target(markers: Sequence[str], uncertain: Sequence[str] = ()) -> tuple[float, ...]:
    """Shares of the classes: markers share all, or half where raters would not agree."""
    sure = dict.fromkeys(markers, 1.0) or dict.fromkeys(uncertain, 0.5)
    left = 1.0 if markers else 0.5 if uncertain else 0.0
    shares = {name: left / len(sure) for name in sure}
    return tuple((1 - left) if name == "none" else shares.get(name, 0.0) for name in CLASSES)


@dataclass(frozen=True)
class Recipe:
    """How training goes.

    Attributes
    ----------
    plain_share
        Of the plain replies, how many are taken each epoch.
    heard_share
        Of all replies, how many are taken as a recogniser would write them.
    smoothing
        Of the target, how much is spread over all classes.
    """

    epochs: int = 3
    batch: int = 32
    rate: float = 1e-3
    head_rate: float = 2e-3
    warmup: float = 0.1
    decay: float = 0.01
    dropout: float = 0.1
    smoothing: float = 0.05
    plain_share: float = 0.5
    heard_share: float = 0.3
    threads: int = 2
    seed: int = 0


def train(
    examples: Sequence[Example],
    network: net.Network,
    cutter: Any,
    recipe: Recipe,
    after_epoch: Callable[[int, float], None] = lambda _number, _loss: None,
) -> None:
    """Fit the adapter and the head of `network` in place."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    draw = random.Random(recipe.seed)  # noqa: S311 - no secret
    head = {id(each) for each in network.head.parameters()}
    groups = [
        {
            "params": [p for p in network.parameters() if p.requires_grad and id(p) not in head],
            "lr": recipe.rate,
        },
        {"params": list(network.head.parameters()), "lr": recipe.head_rate},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=recipe.decay)
    per_epoch = len(list(_drawn(examples, recipe, random.Random(0)))) // recipe.batch + 1  # noqa: S311
    steps = recipe.epochs * per_epoch
    warm = max(1, int(recipe.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(0.02, (steps - step) / (steps - warm)))
    )
    for epoch in range(recipe.epochs):
        network.train()
        total = count = 0.0
        for batch in _batches(list(_drawn(examples, recipe, draw)), cutter, recipe, draw):
            ids, kinds, there = net.filled([tokens for tokens, _ in batch])
            wanted = torch.tensor([example.target for _, example in batch])
            wanted = wanted * (1 - recipe.smoothing) + recipe.smoothing / len(CLASSES)
            weights = torch.tensor([example.weight for _, example in batch])
            scores = network(ids, kinds, there, recipe.dropout)
            losses = -(wanted * scores.log_softmax(-1)).sum(-1)
            loss = (losses * weights).sum() / weights.sum()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
            count += len(batch)
        network.eval()
        after_epoch(epoch, total / count)


def _drawn(examples: Sequence[Example], recipe: Recipe, draw: random.Random) -> Iterator[Example]:
    """All examples but some plain ones, several as they will be heard."""
    for example in examples:
        if example.plain and draw.random() >= recipe.plain_share:
            continue
        heard = draw.random() < recipe.heard_share
        yield replace(example, exchange=as_heard(example.exchange, draw)) if heard else example


def _batches(
    drawn: list[Example], cutter: Any, recipe: Recipe, draw: random.Random
) -> list[list[tuple[net.Tokens, Example]]]:
    """Batches of like length, in a random order."""
    tokens = net.tokens(cutter, [example.exchange for example in drawn])
    order = sorted(
        range(len(drawn)), key=lambda number: len(tokens[number][0]) + draw.uniform(0, 12)
    )
    cut = [order[at : at + recipe.batch] for at in range(0, len(order), recipe.batch)]
    draw.shuffle(cut)
    return [[(tokens[number], drawn[number]) for number in batch] for batch in cut]


def as_heard(exchange: Exchange, draw: random.Random) -> Exchange:
    """An exchange as a recogniser may write it: no stops, no fillers, words lost or wrong."""
    no_stops, no_fillers = draw.random() < _NO_STOPS, draw.random() < _NO_FILLERS
    turns = exchange.before[-1:] if draw.random() < _LAST_ALONE else exchange.before
    pool = exchange.reply.split()

    def heard(text: str) -> str:
        if no_fillers:
            text = _FILLERS.sub("", text)
        if no_stops:
            text = _MARKS.sub("", text)
        words = []
        for word in text.split():
            chance = draw.random()
            if chance < _LOST:
                continue
            words.append(draw.choice(pool) if chance < _LOST_OR_WRONG and pool else word)
        return " ".join(words) or text

    return Exchange(
        tuple((own, heard(text)) for own, text in turns), heard(exchange.reply), exchange.wait_ms
    )
