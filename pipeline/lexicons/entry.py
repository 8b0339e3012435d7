"""What the files of a language hold: its lexicons, and what is true of the language itself."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from pipeline.config import Section
from pipeline.lexicons.patterns import bounded, expanded, spelt

_CLAUSE_END = r"[.?!]+(?= |$)|[,;:]|(?<= )-"

Scope = Literal["match", "before", "clause", "sentence", "turn"]


class Refusal(Section):
    """When a match does not count, and why."""

    pattern: str | None = Field(default=None, description="regular expression searched in `scope`")
    lexicon: str | None = Field(default=None, description="or: any pattern of that lexicon")
    scope: Scope = Field(
        default="sentence",
        description="where: the match itself, what stands before it in its sentence (and in those"
        " before, if direct speech goes on from there), or the whole clause, sentence or turn"
        " around it",
    )
    because: str = Field(description="the reason, for a supervisor")

    @model_validator(mode="after")
    def _one_of_both(self) -> "Refusal":
        if (self.pattern is None) == (self.lexicon is None):
            msg = "either 'pattern' or 'lexicon'"
            raise ValueError(msg)
        return self


class Grammar(Section):
    """What is true of a language, for all its lexicons."""

    fillers: tuple[str, ...] = Field(default=(), description="regular expressions of fillers")
    clause_words: tuple[str, ...] = Field(default=(), description="words at which a clause ends")
    quote_opens: tuple[str, ...] = Field(
        default=(), description="regular expressions of what opens direct speech in a sentence"
    )
    quote_goes_on: tuple[str, ...] = Field(
        default=(),
        description="regular expressions of how a sentence begins that goes on with direct speech",
    )

    @cached_property
    def filler(self) -> re.Pattern[str] | None:
        """Any filler, as a whole word; None: the language names none."""
        return bounded("|".join(self.fillers)) if self.fillers else None

    @cached_property
    def clause_end(self) -> re.Pattern[str]:
        """What ends a clause."""
        words = "|".join(map(re.escape, self.clause_words))
        return re.compile(rf"{_CLAUSE_END}|\b(?:{words})\b" if words else _CLAUSE_END)

    @cached_property
    def quotes(self) -> tuple[re.Pattern[str], re.Pattern[str]] | None:
        """What opens direct speech, and how a sentence goes on with it; None: nobody says."""
        if not self.quote_opens or not self.quote_goes_on:
            return None
        return bounded("|".join(self.quote_opens)), bounded("|".join(self.quote_goes_on))


class Examples(Section):
    """Sentences that the test suite runs."""

    match: tuple[str, ...] = Field(min_length=1, description="counted at least once")
    no_match: tuple[str, ...] = Field(min_length=1, description="not counted")


class Entry(Section):
    """One lexicon as its file has it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="name of the feature in rules")
    means: str = Field(description="what a match says, one clause")
    code: str | None = Field(
        default=None, pattern=r"^R\d{1,2}$", description="3RS resolution strategy it speaks for"
    )
    phrases: tuple[str, ...] = Field(default=(), description="plain words")
    parts: dict[str, str] = Field(
        default={}, description="pieces of regular expression: <name> in patterns and parts below"
    )
    patterns: tuple[str, ...] = Field(default=(), description="regular expressions")
    keep_fillers: bool = Field(
        default=False, description="patterns see um and uh; else they are blanked first"
    )
    rate: bool = Field(
        default=False, description="matches per 100 words are measured too, see features.wording"
    )
    unless: tuple[Refusal, ...] = Field(default=(), description="when a match does not count")
    error: str = Field(default="", description="how many of its matches are wrong, on what data")
    examples: Examples

    @model_validator(mode="after")
    def _not_empty(self) -> "Entry":
        if not self.phrases and not self.patterns:
            msg = "neither phrases nor patterns"
            raise ValueError(msg)
        return self

    def whole(self, pattern: str) -> str:
        """`pattern` with its parts put in, a part with those above it; an unknown name stays."""
        for name, part in reversed(self.parts.items()):
            pattern = pattern.replace(f"<{name}>", f"(?:{part})")
        return pattern

    @property
    def alternation(self) -> str:
        """Any of its patterns or phrases, as one regular expression."""
        patterns = [expanded(self.whole(pattern)) for pattern in self.patterns]
        longest_first = sorted(map(spelt, self.phrases), key=len, reverse=True)
        return "|".join(f"(?:{part})" for part in (*patterns, *longest_first))

    def refusal(self, number: int, entries: Mapping[str, "Entry"]) -> re.Pattern[str]:
        """What the refusal of a number looks for."""
        chosen = self.unless[number]
        if chosen.pattern is not None:
            return bounded(expanded(self.whole(chosen.pattern)))
        assert chosen.lexicon is not None
        return bounded(entries[chosen.lexicon].alternation)


class Likeness(Section):
    """Sentences that the test suite compares, where a sentence encoder is at hand."""

    near: tuple[str, ...] = Field(min_length=1, description="nearer to the set than `far` ones")
    far: tuple[str, ...] = Field(min_length=1, description="less near, though words may be shared")


class Prototypes(Section):
    """A set of sentences that say the same in other words; a turn is compared with the nearest."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="the feature in rules is like_<id>")
    means: str = Field(description="what a sentence like these says, one clause")
    like: tuple[str, ...] = Field(
        min_length=2, description="the prototypes, each of 3 words at least"
    )
    unlike: tuple[str, ...] = Field(
        min_length=1,
        description="counter-sentences: alike in words, other in meaning (the opposite, another"
        " person, another time); a sentence that is nearer to one of these does not count",
    )
    error: str = Field(default="", description="how often it is wrong, on what data")
    examples: Likeness
