"""Train the reader `distilled`: adapter, calibration and examples, from the repository alone.

Trained on the excerpts of training authors and on sound dialogues written for tests; calibrated on
development authors. Sealed authors are not read: ``scripts/accuracy --only reading`` looks at them.
Half an hour on two cores.
"""

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from pipeline import config
from pipeline.core.vocabulary import MARKERS
from pipeline.engines import models
from pipeline.engines.protocols import Exchange
from pipeline.engines.reading import network as net
from pipeline.engines.reading.distilled import ADAPTER, CARD, FOLDER
from pipeline.engines.reading.training import Example, Recipe, target, train
from pipeline.evaluation.accuracy.reading import GRADES
from pipeline.evaluation.material import strangers
from pipeline.research.reading import calibration, excerpts

_DOUBTFUL = 0.5
"""Weight of what two raters would read differently."""
_PRINTED = 0.05


def of_authors(authors: Iterable[str]) -> Iterator[tuple[excerpts.Turn, Example]]:
    """The client's turns in the excerpts of authors."""
    for author in authors:
        for excerpt in excerpts.of(author):
            for number, turn in enumerate(excerpt.turns):
                if turn.client and turn.text:
                    wanted = target(sorted(turn.markers), sorted(turn.uncertain))
                    weight = _DOUBTFUL if turn.uncertain and not turn.markers else 1.0
                    plain = not (turn.markers or turn.resembles or turn.uncertain)
                    yield turn, Example(excerpt.exchange(number), wanted, weight, plain)


def of_sound_dialogues() -> Iterator[Example]:
    """The open half of strangers' dialogues in which nobody ruptures anything.

    Their single lines are left out: they teach a style, not what a session is like.
    """
    for dialogue in strangers.dialogues("sound", sealed=False):
        turns = [(line.role == "client", line.text) for line in dialogue.lines]
        for number, (client, text) in enumerate(turns):
            if client and text:
                before = turns[max(0, number - excerpts.BEFORE) : number]
                yield Example(Exchange(tuple(before), text), target([]), plain=True)


def scores(network: net.Network, cutter: Any, exchanges: list[Exchange]) -> tuple[Any, Any]:
    """Scores of the classes, and vectors of the replies."""
    tokens = net.tokens(cutter, exchanges)
    order = sorted(range(len(tokens)), key=lambda number: len(tokens[number][0]))
    vectors = torch.zeros(len(tokens), net.SIZE)
    with torch.inference_mode():
        for at in range(0, len(order), 64):
            batch = order[at : at + 64]
            vectors[batch] = network.vectors(*net.filled([tokens[n] for n in batch]))
        found = network.head(vectors).double()
    return found, vectors


def odds(found: Any) -> Any:
    """Log odds of any rupture."""
    return (found[:, 1:].logsumexp(-1) - found[:, 0]).numpy()


def main() -> None:
    """Train, calibrate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="where adapter and card go")
    parser.add_argument("--authors", type=int, help="only so many training authors (for the curve)")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    recipe = Recipe(epochs=chosen.epochs, threads=chosen.threads, seed=chosen.seed)
    base = models.find("minilm", config.load())
    cutter = net.tokenizer(base.folder)
    authors = excerpts.authors("training")
    taken = sorted(authors, key=excerpts.mixed)[: chosen.authors]
    own = list(of_authors(taken))
    examples = [example for _, example in own] + list(of_sound_dialogues())
    held_out = list(of_authors(excerpts.authors("development")))
    torch.manual_seed(recipe.seed)
    network = net.load(base.folder)
    print(f"{len(taken)} authors, {len(examples)} examples, {len(held_out)} held out", flush=True)
    sure = np.array([not turn.uncertain or bool(turn.markers) for turn, _ in held_out], dtype=bool)
    shows = np.array([bool(turn.markers) for turn, _ in held_out], dtype=bool)[sure]
    started = time.monotonic()

    def after(epoch: int, loss: float) -> None:
        took = time.monotonic() - started
        line = f"epoch {epoch + 1}: loss {loss:.3f}, {took:.0f} s"
        if held_out:
            found = odds(scores(network, cutter, [each.exchange for _, each in held_out])[0])[sure]
            tally = calibration.ranked(found, shows)
            best = calibration.best_f1(tally)
            line += (
                f"; development: base {shows.mean():.2f}, average precision "
                f"{tally.average_precision:.3f}, best F1 at precision {best.precision:.2f}, "
                f"recall {best.recall:.2f}"
            )
        print(line, flush=True)

    train(examples, network, cutter, recipe, after)
    write(chosen.out, network, cutter, base.digest, taken, own, held_out, recipe)


def write(
    place: Path,
    network: net.Network,
    cutter: Any,
    base: str,
    authors: list[str],
    own: list[tuple[excerpts.Turn, Example]],
    held_out: list[tuple[excerpts.Turn, Example]],
    recipe: Recipe,
) -> None:
    """Adapter and card."""
    network.eval()
    sure = [(turn, example) for turn, example in held_out if turn.markers or not turn.uncertain]
    shows = np.array([bool(turn.markers) for turn, _ in sure], dtype=bool)
    found = odds(scores(network, cutter, [each.exchange for _, each in sure])[0])
    slope, intercept = calibration.platt(found, shows)
    probabilities = 1 / (1 + np.exp(-(slope * found + intercept)))
    tally = calibration.ranked(probabilities, shows)
    told = [(turn, example) for turn, example in own if len(turn.markers) == 1]
    _, vectors = scores(network, cutter, [example.exchange for _, example in told])
    kept = {name: each.half().contiguous() for name, each in net.trained(network).items()}
    place.mkdir(parents=True, exist_ok=True)
    save_file({**kept, "examples": vectors.half().contiguous()}, place / ADAPTER)
    card = {
        "markers": list(MARKERS),
        "base": base,
        "trained_on": authors,
        "recipe": vars(recipe) | {"threads": None},
        "calibration": {
            "slope": slope,
            "intercept": intercept,
            "authors": excerpts.authors("development"),
            "turns": len(sure),
            "ruptures": int(shows.sum()),
            "grades": [
                {"from": part.low, "turns": part.moments, "right": part.right}
                for part in tally.reliability(GRADES)
            ],
        },
        "examples": [{"marker": min(turn.markers), "text": turn.text} for turn, _ in told],
    }
    (place / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for point in tally.curve[:: max(1, len(shows) // 60)]:
        if point.score > _PRINTED:
            print(
                f"from {point.score:.2f}: {point.shown} shown, precision {point.precision:.2f}, "
                f"recall {point.recall:.2f}"
            )


if __name__ == "__main__":
    main()
