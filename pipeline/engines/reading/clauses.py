"""Clauses of a reply, and stretches of a long one."""

import re
from collections.abc import Sequence
from itertools import accumulate

LONGEST_WORDS = 90
"""A longer reply is read in pieces: a rupture is often one clause of a long answer."""
_CLAUSE_WORDS = 4
_CLAUSE = re.compile(r"(?<=[.?!…;:,])\s+|\s+(?=(?:but|and then|so|because)\s)", re.IGNORECASE)


def clauses(text: str) -> list[str]:
    """A text cut behind its stops and before its conjunctions, none shorter than four words.

    Joined by spaces they are the text again, but for its white space.
    """
    found: list[str] = []
    for part in _CLAUSE.split(text.strip()):
        if found and min(len(part.split()), len(found[-1].split())) < _CLAUSE_WORDS:
            found[-1] = f"{found[-1]} {part}"
        elif part:
            found.append(part)
    return found


def stretches(reply: str) -> list[str]:
    """A reply in stretches of at most `LONGEST_WORDS` words, cut between clauses where it can be.

    Consecutive stretches share about a third, so that what lies at a border is read whole.
    """
    parts = [piece for clause in clauses(reply) for piece in _short(clause)]
    lengths = [0, *accumulate(len(part.split()) for part in parts)]
    found: list[str] = []
    first = last = 0
    while last < len(parts):
        last = first + 1
        while last < len(parts) and lengths[last + 1] - lengths[first] <= LONGEST_WORDS:
            last += 1
        found.append(" ".join(parts[first:last]))
        shared = (lengths[last] - lengths[first]) // 3
        first = max(first + 1, _first_from(lengths, lengths[last] - shared))
    return found


def _short(clause: str) -> list[str]:
    words = clause.split()
    return [" ".join(words[at : at + LONGEST_WORDS]) for at in range(0, len(words), LONGEST_WORDS)]


def _first_from(lengths: Sequence[int], words: int) -> int:
    return next(number for number, length in enumerate(lengths) if length >= words)
