"""Word error rate: edits that turn what was heard into what was said, per word said."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "`": "'"})


@dataclass(frozen=True)
class WordError:
    """Edits against a reference; results of several recordings add up."""

    said: int
    substituted: int
    inserted: int
    deleted: int

    @property
    def rate(self) -> float:
        """Edits per word said; above 1 where more was made up than said."""
        return (self.substituted + self.inserted + self.deleted) / self.said

    def __add__(self, other: "WordError") -> "WordError":
        return WordError(
            self.said + other.said,
            self.substituted + other.substituted,
            self.inserted + other.inserted,
            self.deleted + other.deleted,
        )


def normalised(text: str) -> list[str]:
    """Lower case, no punctuation, hyphens open compounds; apostrophes stay within words.

    >>> normalised("Well, I\u2019m right-handed. 'Kay...")
    ['well', "i'm", 'right', 'handed', 'kay']
    """
    words = re.findall(r"[\w']+", text.lower().translate(_APOSTROPHES).replace("_", ""))
    return [word.strip("'") for word in words if word.strip("'")]


def word_error(said: Sequence[str], heard: Sequence[str]) -> WordError:
    """Fewest edits (Levenshtein over words); among equals, substitutions are preferred.

    >>> word_error("a b c d".split(), "a x c".split())
    WordError(said=4, substituted=1, inserted=0, deleted=1)
    """
    # Each cell: (edits, substituted, inserted, deleted) for a prefix of both.
    row = [(j, 0, j, 0) for j in range(len(heard) + 1)]
    for i, word in enumerate(said, start=1):
        above, row = row, [(i, 0, 0, i)]
        for j, other in enumerate(heard, start=1):
            edits, substituted, inserted, deleted = above[j - 1]
            wrong = int(word != other)
            diagonal = (edits + wrong, substituted + wrong, inserted, deleted)
            edits, substituted, inserted, deleted = row[j - 1]
            left = (edits + 1, substituted, inserted + 1, deleted)
            edits, substituted, inserted, deleted = above[j]
            up = (edits + 1, substituted, inserted, deleted + 1)
            row.append(min(diagonal, left, up, key=lambda cell: cell[0]))
    _, substituted, inserted, deleted = row[-1]
    return WordError(len(said), substituted, inserted, deleted)
