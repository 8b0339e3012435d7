r"""Lexicons: words to look for, by language, in YAML that a clinician can read.

A lexicon is a named list of phrases and regular expressions with the cases in which a match does
not count (``unless``: reported speech, a generic *you*, another person) and with examples that must
and must not match, which the test suite runs::

    - id: apology
      means: the speaker apologises
      parts:
        sorry: [sorry, so sorry, terribly sorry]
      phrases: [my apologies]
      patterns:
        - i'm <sorry>
        - pattern: i <regret> (?:that|it)
          parts:
            regret: [regret, deeply regret]
          note: not "I regret nothing"
      unless:
        - {pattern: "(?:he|she) said(?: [a-z']+){0,4} $", scope: before, because: reported speech}
      examples: {match: ["I'm, um, sorry about that."], no_match: ["She said I'm sorry."]}

One more expression is one more line: a part or pattern is a regular expression or a list of them,
and ``<name>`` stands for a part above it, or for a list of ``words.yaml``, which several lexicons
share. (YAML wants quotes around a text that holds a colon with a space after it, as in
``"you(?: just)?"``, or that begins with a bracket.) With ``rate: true`` the share of words is
measured too, since turns differ in length.

A folder is a language, named by its ISO 639-1 code, and adding one takes YAML only.
``language.yaml`` says what is true of the language itself: its fillers, the words that begin a
clause, whether capital letters tell words apart (German *Sie* and *sie*), and how syllables are
counted. Folders of your own (``lexicons:`` in the settings) are read after the built-in ones; what
they say of a language adds to it, and a lexicon of the same name replaces the older one.

Text is compared in lower case (unless capital letters are kept), with straight quotes and without
fillers ("um"); **offsets stay those of the original**. In a phrase or pattern a space stands for
white space, commas, colons, quotes and dashes, because people hesitate and recognisers punctuate;
matches begin and end at word boundaries. Patterns are kept to what an automaton can match in linear
time: no look-around, no back-reference, no repetition of a repetition.

Where a language has no lexicons, every count is null: not measured.
"""

from pipeline.lexicons.entry import Entry, Grammar, Words
from pipeline.lexicons.files import languages, load
from pipeline.lexicons.matcher import Lexicons, Match
from pipeline.lexicons.patterns import normalise
from pipeline.lexicons.syllables import Syllables

__all__ = [
    "Entry",
    "Grammar",
    "Lexicons",
    "Match",
    "Syllables",
    "Words",
    "languages",
    "load",
    "normalise",
]
