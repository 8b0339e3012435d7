"""The content of a language's files: its lexicons, and facts about the language itself."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PrivateAttr,
    RootModel,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema

from pipeline.config import Section
from pipeline.lexicons.patterns import bounded, expanded, joined, resolved, spelt
from pipeline.lexicons.syllables import Syllables

_CLAUSE_END = r"[.?!]+(?= |$)|[,;:]|(?<= )-"

Scope = Literal["match", "before", "clause", "sentence", "turn"]

_NAME = "^[a-z][a-z0-9_]*$"
_ALTERNATIVES: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}

Alternatives = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
    Field(min_length=1),
    WithJsonSchema(_ALTERNATIVES),
]
"""A regular expression, or a list of them of which any may match."""

Parts = Annotated[
    dict[Annotated[str, StringConstraints(pattern=_NAME)], Alternatives],
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": _NAME},
            "additionalProperties": _ALTERNATIVES,
        }
    ),
]
"""Pieces of regular expression by name; ``<name>`` stands for one in what follows it."""


class Words(RootModel[Parts]):
    """The lists of words that the lexicons of a language share, each with those above it."""


class Refusal(Section):
    """When a match does not count, and why."""

    pattern: Alternatives | None = Field(
        default=None, description="regular expressions searched in `scope`"
    )
    parts: Parts = Field(default={}, description="pieces of this pattern alone")
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

    keep_case: bool = Field(
        default=False,
        description="lexicons see capital letters as they are written, for a language in which"
        " they tell words apart (German Sie and sie); else all text is in lower case",
    )
    fillers: tuple[str, ...] = Field(default=(), description="regular expressions of fillers")
    clause_words: tuple[str, ...] = Field(default=(), description="words at which a clause ends")
    quote_opens: tuple[str, ...] = Field(
        default=(), description="regular expressions of what opens direct speech in a sentence"
    )
    quote_goes_on: tuple[str, ...] = Field(
        default=(),
        description="regular expressions of how a sentence begins that goes on with direct speech",
    )
    syllables: Syllables | None = Field(
        default=None,
        description="how syllables are counted from spelling; null: the rate of speech is not"
        " measured from words",
    )

    @cached_property
    def filler(self) -> re.Pattern[str] | None:
        """Any filler, as a whole word; None: the language names none."""
        return self._any_of(self.fillers) if self.fillers else None

    @cached_property
    def clause_end(self) -> re.Pattern[str]:
        """What ends a clause."""
        words = "|".join(map(re.escape, self.clause_words))
        flags = re.IGNORECASE if self.keep_case else re.NOFLAG
        return re.compile(rf"{_CLAUSE_END}|\b(?:{words})\b" if words else _CLAUSE_END, flags)

    @cached_property
    def quotes(self) -> tuple[re.Pattern[str], re.Pattern[str]] | None:
        """What opens direct speech, and how a sentence goes on with it; None: not given."""
        if not self.quote_opens or not self.quote_goes_on:
            return None
        return self._any_of(self.quote_opens), self._any_of(self.quote_goes_on)

    def _any_of(self, patterns: tuple[str, ...]) -> re.Pattern[str]:
        """Any of them as whole words; capital letters never matter to them."""
        return bounded("|".join(patterns), any_case=self.keep_case)

    def of_case(self, *, keep_case: bool) -> "Grammar":
        """The same for a lexicon that says otherwise of capital letters."""
        if keep_case == self.keep_case:
            return self
        return Grammar(**{**self.model_dump(), "keep_case": keep_case})

    def with_words(self, words: Mapping[str, str]) -> "Grammar":
        """The same, with lists of words put in for their names."""
        kinds = ("fillers", "quote_opens", "quote_goes_on")
        return self.model_copy(
            update={
                kind: tuple(joined([pattern], words) for pattern in getattr(self, kind))
                for kind in kinds
            }
        )


class SomeExamples(Section):
    """Sentences of one pattern that the test suite runs."""

    match: tuple[str, ...] = Field(default=(), description="counted at least once")
    no_match: tuple[str, ...] = Field(default=(), description="not counted")


class Examples(Section):
    """Sentences that the test suite runs."""

    match: tuple[str, ...] = Field(min_length=1, description="counted at least once")
    no_match: tuple[str, ...] = Field(min_length=1, description="not counted")


class Expression(Section):
    """One pattern of a lexicon: a regular expression, or a mapping with its parts and a note."""

    pattern: Alternatives = Field(description="regular expression, or a list of them")
    parts: Parts = Field(default={}, description="pieces of this pattern alone")
    note: str = Field(default="", description="why it is written so")
    examples: SomeExamples = Field(default=SomeExamples(), description="what this pattern is for")

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return {"pattern": given} if isinstance(given, str) else given

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A string stands for a pattern without anything else."""
        return {"anyOf": [{"type": "string"}, handler(schema)]}


class Entry(Section):
    """One lexicon as its file has it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="name of the feature in rules")
    means: str = Field(description="what a match says, one clause")
    code: str | None = Field(
        default=None, pattern=r"^R\d{1,2}$", description="3RS resolution strategy it speaks for"
    )
    phrases: tuple[str, ...] = Field(default=(), description="plain words")
    parts: Parts = Field(
        default={},
        description="pieces of regular expression, each one or a list of alternatives: <name> in"
        " the parts below it and in patterns; those of words.yaml are known too",
    )
    patterns: tuple[Expression, ...] = Field(
        default=(), description="regular expressions, each alone or with parts of its own"
    )
    keep_fillers: bool = Field(
        default=False, description="patterns see um and uh; else they are blanked first"
    )
    keep_case: bool | None = Field(
        default=None, description="patterns see capital letters; null: as language.yaml says"
    )
    rate: bool = Field(
        default=False, description="matches per 100 words are measured too, see features.wording"
    )
    unless: tuple[Refusal, ...] = Field(default=(), description="when a match does not count")
    error: str = Field(default="", description="how many of its matches are wrong, on what data")
    examples: Examples
    _words: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _not_empty(self) -> "Entry":
        if not self.phrases and not self.patterns:
            msg = "neither phrases nor patterns"
            raise ValueError(msg)
        return self

    def within(self, words: Mapping[str, str], grammar: Grammar) -> "Entry":
        """The same in its language: with the lists of `words.yaml`, and what is said of case."""
        case = grammar.keep_case if self.keep_case is None else self.keep_case
        copy = self.model_copy(update={"keep_case": case})
        copy._words = words  # noqa: SLF001  # its own copy
        return copy

    @cached_property
    def known_parts(self) -> dict[str, str]:
        """Regular expressions by name: the lists of `words.yaml` and its own parts."""
        return resolved(self.parts, self._words)

    @property
    def words(self) -> Mapping[str, str]:
        """The lists of `words.yaml`."""
        return self._words

    def whole(self, written: Expression | Refusal) -> str:
        """A pattern as one regular expression, all parts put in; an unknown name stays."""
        return joined(written.pattern or (), resolved(written.parts, self.known_parts))

    @property
    def alternation(self) -> str:
        """Any of its patterns or phrases, as one regular expression."""
        patterns = [expanded(self.whole(pattern)) for pattern in self.patterns]
        spelled = [spelt(phrase, keep_case=bool(self.keep_case)) for phrase in self.phrases]
        longest_first = sorted(spelled, key=len, reverse=True)
        return "|".join(f"(?:{part})" for part in (*patterns, *longest_first))

    def refusal(self, number: int, entries: Mapping[str, "Entry"]) -> re.Pattern[str]:
        """What the refusal of a number looks for."""
        chosen = self.unless[number]
        if chosen.lexicon is None:
            return bounded(expanded(self.whole(chosen)))
        other = entries[chosen.lexicon]
        return bounded(other.alternation, any_case=bool(self.keep_case and not other.keep_case))
