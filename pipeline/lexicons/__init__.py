r"""Lexicons: what words to look for, by language, in YAML that a clinician can read.

A lexicon is a named list of phrases and regular expressions with the cases in which a match does
not count (``unless``: reported speech, a generic *you*, another person) and with examples that must
and must not match, which the test suite runs::

    - id: apology
      means: the speaker apologises
      phrases: [i'm sorry, my apologies]
      unless:
        - {pattern: "(?:he|she) said(?: [a-z']+){0,4} $", scope: before, because: reported speech}
      examples: {match: ["I'm, um, sorry about that."], no_match: ["She said I'm sorry."]}

Of a lexicon with ``rate: true`` the share of words is measured too, for turns differ in length.
``language.yaml`` beside the lists says what is true of the language itself: its fillers, and the
words that begin a clause.

Text is compared in lower case, with straight quotes and without fillers ("um"); **offsets stay
those of the original**. In a phrase or pattern a space stands for white space, commas, colons,
quotes and dashes, because people hesitate and recognisers punctuate; matches begin and end at word
boundaries. Patterns are kept to what an automaton can match in linear time: no look-around, no
back-reference, no repetition of a repetition.

``meaning.yaml`` holds sets of prototype sentences (`Prototypes`), with which a sentence encoder
compares turns; see `features.meaning`.

Where a language has no lexicons, every count is null: nobody looked.
"""

from pipeline.lexicons.entry import Entry, Grammar, Prototypes
from pipeline.lexicons.files import load
from pipeline.lexicons.matcher import Lexicons, Match
from pipeline.lexicons.patterns import normalise

__all__ = ["Entry", "Grammar", "Lexicons", "Match", "Prototypes", "load", "normalise"]
