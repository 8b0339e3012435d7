"""Excerpts of sessions that were written and coded for Tether: read, and split by author.

Every excerpt is a text file under ``excerpts/<author>/``; ``excerpts/README.md`` says what the
codes mean and how to write more. The split is by author and by hash, made before anybody read a
line: nobody reads the excerpts of sealed authors, and no choice is made by what is found there.
"""

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.core.errors import ConfigError
from pipeline.engines.protocols import Exchange

FOLDER = Path(__file__).resolve().parent / "excerpts"
BEFORE = 4
"""Turns that are read before a reply."""

Split = Literal["training", "development", "sealed"]
_READ = frozenset({"t1", "t2", "t3", "t4", "t5", "t6", "t7"})
"""Authors whose texts were read while the reader was planned."""
_TENTHS: tuple[tuple[Split, int], ...] = (("sealed", 3), ("development", 2), ("training", 5))
_CODE = re.compile(r"\s*\[([^\]]*)\]\s*$")
_MARKER = re.compile(
    r"(?P<sure>benign|uncertain)?\s*(?P<marker>[WC][1-7])(?:\s+(?P<grade>mild|clear))?(?!\w)"
)
_MOVES = re.compile(r"(?:R(?:10|[1-9])\s*)+(?!\w)|(?:none|away|against)(?!\w)")


@dataclass(frozen=True)
class Turn:
    """One line of an excerpt.

    Attributes
    ----------
    client
        The client's; else the therapist's.
    markers
        That it shows.
    resembles
        Markers that it only looks like.
    uncertain
        Markers that two good raters would not agree on.
    moves
        What the therapist does about a rupture: ``R1`` to ``R10``, ``none``, ``away``, ``against``;
        empty where nothing is coded.
    """

    client: bool
    text: str
    markers: frozenset[str] = frozenset()
    resembles: frozenset[str] = frozenset()
    uncertain: frozenset[str] = frozenset()
    moves: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Excerpt:
    """One file."""

    name: str
    author: str
    turns: tuple[Turn, ...]

    def exchange(self, number: int) -> Exchange:
        """A turn and those before it, as a reader gets them."""
        before = self.turns[max(0, number - BEFORE) : number]
        replying = self.turns[number].client
        return Exchange(
            tuple((turn.client == replying, turn.text) for turn in before), self.turns[number].text
        )


def split(author: str) -> Split:
    """The part that an author's excerpts belong to."""
    if author in _READ:
        return "training"
    parts = [part for part, tenths in _TENTHS for _ in range(tenths)]
    return parts[mixed(author) % 10]


def mixed(author: str) -> int:
    """A number that has nothing to do with what an author writes, only with the name."""
    return int(hashlib.sha256(f"tether author {author}".encode()).hexdigest(), 16)


def authors(part: Split) -> list[str]:
    """Authors of a part, by name."""
    names = (place.name for place in FOLDER.iterdir() if place.is_dir())
    return sorted(name for name in names if split(name) == part)


def of(author: str) -> Iterator[Excerpt]:
    """Excerpts of an author, by name."""
    for path in sorted((FOLDER / author).glob("*.txt")):
        yield Excerpt(path.stem, author, parse(path.read_text(encoding="utf-8"), path.name))


def parse(text: str, name: str = "excerpt") -> tuple[Turn, ...]:
    """The turns of a file.

    Raises
    ------
    ConfigError
        A line begins with neither ``T:`` nor ``C:``, or ends with an unknown code.
    """
    return tuple(
        _turn(line.strip(), f"{name}, line {number}")
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    )


def _turn(line: str, place: str) -> Turn:
    who, _, text = line.partition(":")
    if who not in ("T", "C"):
        raise ConfigError(f"{place}: no speaker", expected="a line that begins with 'T: ' or 'C: '")
    client = who == "C"
    codes: list[str] = []
    while (found := _CODE.search(text)) and (_MARKER if client else _MOVES).match(found[1]):
        codes.append(found[1])
        text = text[: found.start()]
    if not client:
        moves = [_MOVES.match(code) for code in codes]
        said = frozenset(move for each in moves if each for move in each[0].split())
        return Turn(client, text.strip(), moves=said)
    kinds: dict[str | None, set[str]] = {None: set(), "benign": set(), "uncertain": set()}
    for code in codes:
        match = _MARKER.match(code)
        assert match
        kinds[match["sure"]].add(match["marker"])
    return Turn(
        client,
        text.strip(),
        frozenset(kinds[None]),
        frozenset(kinds["benign"]),
        frozenset(kinds["uncertain"]),
    )


def main() -> None:
    """Check the excerpts in a folder, and say what they hold."""
    counts: Counter[str] = Counter()
    for place in sys.argv[1:]:
        for path in sorted(Path(place).glob("*.txt")):
            for turn in parse(path.read_text(encoding="utf-8"), path.name):
                counts.update(turn.markers)
                counts["look-alikes"] += len(turn.resembles)
                counts["uncertain"] += len(turn.uncertain)
                counts["turns of the client"] += turn.client
    for name, count in sorted(counts.items()):
        print(f"{name}  {count}")  # noqa: T201 - it is a command


if __name__ == "__main__":
    main()
