"""What the words of a turn tell of the floor, as far as they tell it.

Recognisers differ: some write every full stop, some none. So a missing one speaks for an unfinished
turn only where the transcript has any, and where neither punctuation nor a lexicon tells whether a
turn was finished, the answer is None.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline import config
from pipeline.speech.turns.units import Word

_CLOSING = "\"')]\u201d\u2019"
_BREAKS_OFF = ("-", "\u2013", "\u2014")
_TRAILS_OFF = ("..", "\u2026")
_ENDS = (".", "?", "!")
_TAIL = 4
"""Words at the end of a turn that the lexicon of unfinished ends is asked about."""


@dataclass(frozen=True)
class Wording:
    """What words of a language tell.

    Attributes
    ----------
    has_words
        There is a transcript; where it has no words for some speech, somebody laughed or the
        recogniser failed.
    is_punctuated
        It has full stops, so that their lack tells something.
    acknowledges
        Whether a text is made of acknowledgements only; None: no lexicon of the language.
    asks
        Whether a text without a question mark ends in a question; likewise.
    is_unfinished
        Whether a text ends with words with which nobody ends; likewise.
    """

    has_words: bool
    is_punctuated: bool
    acknowledges: Callable[[str], bool] | None
    asks: Callable[[str], bool] | None
    is_unfinished: Callable[[str], bool] | None

    def ends_in_question(self, words: Sequence[Word]) -> bool:
        """Whether words end in a question; an unpunctuated one is told by its other words."""
        if not words:
            return False
        if words[-1].text.rstrip(_CLOSING).endswith("?"):
            return True
        return not self.is_punctuated and self.asks is not None and self.asks(_text(words))

    def only_acknowledges(self, words: Sequence[Word]) -> bool:
        """Whether there are words, and acknowledgements only."""
        return bool(words) and self.acknowledges is not None and self.acknowledges(_text(words))

    def breaks_off(self, words: Sequence[Word]) -> bool | None:
        """Whether words end unfinished; None where nothing tells.

        They do if they end in a dash ("I was go-") or in a word with which nobody ends ("and then
        the"), whatever mark a recogniser put behind it, or without any mark in a transcript that
        has them. Who trails off ("and so on ...") gave the floor away and was not cut off.
        """
        if not words:
            return None
        last = words[-1].text.rstrip(_CLOSING)
        if last.endswith(_BREAKS_OFF):
            return True
        if self.is_unfinished is not None and self.is_unfinished(_text(words[-_TAIL:])):
            return True
        if last.endswith((*_TRAILS_OFF, *_ENDS)):
            return False
        return True if self.is_punctuated else None


def is_punctuated(words: pl.DataFrame, settings: config.Turns) -> bool:
    """Whether a transcript has full stops."""
    marks = words["text"].str.strip_chars_end(_CLOSING).str.contains(r"[.?!]$").mean()
    return isinstance(marks, float) and marks >= settings.punctuated_share


def tokens(words: Sequence[Word]) -> list[str]:
    """Words in lower case without punctuation; those made of signs alone are empty."""
    return ["".join(c for c in word.text.lower() if c.isalnum()) for word in words]


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
