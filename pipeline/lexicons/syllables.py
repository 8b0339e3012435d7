"""Count syllables from spelling, by rules in a language's `language.yaml`."""

import re
from functools import cached_property

from pydantic import Field, PrivateAttr

from pipeline.config import Section

_KNOWN = 20_000
"""Words that are kept with their count; a session has a few thousand."""


class Syllables(Section):
    """Rules that count the syllables of a word from its letters.

    A word is looked at in lower case, with straight apostrophes. All patterns are those of Python's
    `re`, look-around included: they see single words.

    Examples
    --------
    >>> german = Syllables(letters="[a-zäöüß]+", nuclei="[aeiouyäöü]+", more=("ie(?=n$)",))
    >>> [german.count(word) for word in ("Straße", "Familien", "27", "...")]
    [2, 4, 2, 0]
    """

    letters: str = Field(description="a word, or a part of one that is counted by itself")
    nuclei: str = Field(description="each match is a syllable, such as a group of vowels")
    more: tuple[str, ...] = Field(
        default=(),
        description="each match is one more, such as two vowels that are both spoken; it sees"
        " apostrophes, which the others do not",
    )
    fewer: tuple[str, ...] = Field(
        default=(), description="each match is one fewer, such as an e that is silent"
    )
    exceptions: dict[str, int] = Field(default={}, description="words with their syllables")
    digit: int = Field(default=1, ge=0, description="syllables of a digit")

    _known: dict[str, int] = PrivateAttr(default_factory=dict)

    def count(self, word: str) -> int:
        """Syllables of a word; at least 1 with a letter, 0 without a letter or digit."""
        found = self._known.get(word)
        if found is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            found = self._known[word] = self._counted(word)
        return found

    def _counted(self, word: str) -> int:
        plain = word.lower().replace("\u2019", "'")
        digits = sum(character.isdigit() for character in plain)
        parts = (part.strip("'") for part in self._letters.findall(plain))
        return digits * self.digit + sum(map(self._of_letters, parts))

    def _of_letters(self, part: str) -> int:
        if not part or part in self.exceptions:
            return self.exceptions.get(part, 0)
        letters = part.replace("'", "")
        count = len(self._nuclei.findall(letters))
        count += _matches(self._more, part) - _matches(self._fewer, letters)
        return max(count, 1)

    @cached_property
    def _letters(self) -> re.Pattern[str]:
        return re.compile(self.letters)

    @cached_property
    def _nuclei(self) -> re.Pattern[str]:
        return re.compile(self.nuclei)

    @cached_property
    def _more(self) -> re.Pattern[str] | None:
        return re.compile("|".join(self.more)) if self.more else None

    @cached_property
    def _fewer(self) -> re.Pattern[str] | None:
        return re.compile("|".join(self.fewer)) if self.fewer else None


def _matches(pattern: re.Pattern[str] | None, text: str) -> int:
    return 0 if pattern is None else sum(1 for _ in pattern.finditer(text))
