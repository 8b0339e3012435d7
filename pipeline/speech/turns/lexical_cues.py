"""Lexical cues to the floor: questions, acknowledgements, unfinished turns.

Transcribers differ: some write every full stop, some none. So a missing full stop suggests an
unfinished turn only if the transcript has full stops; if neither punctuation nor a lexicon decides
whether a turn was finished, the answer is None.
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
"""Number of words at the end of a turn that are checked against the lexicon of unfinished ends."""


@dataclass(frozen=True)
class Wording:
    """Lexical cues of a transcript and its language.

    Attributes
    ----------
    has_words
        There is a transcript; speech without words in it is laughter or was not recognised.
    is_punctuated
        The transcript has full stops, so that a missing one means something.
    acknowledges
        Whether a text consists of acknowledgements only; None: the language has no lexicon.
    asks
        Whether a text without a question mark ends in a question; None: as above.
    is_unfinished
        Whether a text ends in words that do not end a turn; None: as above.
    """

    has_words: bool
    is_punctuated: bool
    acknowledges: Callable[[str], bool] | None
    asks: Callable[[str], bool] | None
    is_unfinished: Callable[[str], bool] | None

    def ends_in_question(self, words: Sequence[Word]) -> bool:
        """Whether words end in a question; without punctuation, the lexicon decides."""
        if not words:
            return False
        if words[-1].text.rstrip(_CLOSING).endswith("?"):
            return True
        return not self.is_punctuated and self.asks is not None and self.asks(_text(words))

    def only_acknowledges(self, words: Sequence[Word]) -> bool:
        """Whether there are words, and all are acknowledgements."""
        return bool(words) and self.acknowledges is not None and self.acknowledges(_text(words))

    def breaks_off(self, words: Sequence[Word]) -> bool | None:
        """Whether words end unfinished; None: unknown.

        They do if they end in a dash ("I was go-") or in a word that does not end a turn ("and then
        the"), whatever mark the transcriber put after it, or without a mark in a punctuated
        transcript. A speaker who trails off ("and so on ...") gave up the floor and was not cut
        off.
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
    """Words in lower case without punctuation; a word of signs alone becomes empty."""
    return ["".join(c for c in word.text.lower() if c.isalnum()) for word in words]


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
