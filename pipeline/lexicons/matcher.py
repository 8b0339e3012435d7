"""Find where lexicons match in texts, and which matches count."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from pipeline.core.errors import ConfigError
from pipeline.core.registry import nearest
from pipeline.lexicons.entry import Entry, Grammar, Scope
from pipeline.lexicons.patterns import bounded, normalise

_SENTENCE_END = re.compile(r"[.?!]+(?= |$)")


@dataclass(frozen=True)
class Match:
    """Where a lexicon matched.

    Attributes
    ----------
    start, end
        Offsets in the original text, half-open.
    refused
        Why it does not count; None: it counts.
    """

    start: int
    end: int
    refused: str | None = None


class _Compiled:
    """A lexicon ready to search."""

    def __init__(self, entry: Entry, entries: Mapping[str, Entry], grammar: Grammar) -> None:
        self.entry = entry
        self.entries = entries
        self.keep_case = bool(entry.keep_case)
        self.grammar = grammar.of_case(keep_case=self.keep_case)
        self.latest: tuple[pl.Series, tuple[pl.Series, pl.Series]] | None = None
        self.coarse = entry.alternation

    @cached_property
    def fine(self) -> re.Pattern[str]:
        """With word boundaries; made when first needed, for it takes long."""
        return bounded(self.coarse)

    @cached_property
    def refusals(self) -> list[tuple[Scope, str, re.Pattern[str]]]:
        """Where to look, the reason, and what to look for."""
        return [
            (refusal.scope, refusal.because, self.entry.refusal(number, self.entries))
            for number, refusal in enumerate(self.entry.unless)
        ]

    def normal(self, text: str) -> str:
        """`text` as the patterns expect it."""
        filler = None if self.entry.keep_fillers else self.grammar.filler
        return normalise(text, filler, keep_case=self.keep_case)

    def find(self, text: str) -> list[Match]:
        """All matches in normalised text, refused ones too."""
        found = []
        for match in self.fine.finditer(text):
            start, end = match.span()
            if start < end:
                found.append(Match(start, end, self._refused(text, start, end)))
        return found

    def counts(self, texts: pl.Series) -> tuple[pl.Series, pl.Series]:
        """As `Lexicons.counts`; several features ask for the same texts, so the last are kept."""
        latest = self.latest
        if latest is not None and latest[0].equals(texts, null_equal=True):
            return latest[1]
        normal = [None if text is None else self.normal(text) for text in texts.to_list()]
        hopeful = pl.Series(normal, dtype=pl.String)
        if "fine" in vars(self):
            hopeful = hopeful.is_not_null()
        else:  # polars makes its pattern anew each time, which takes long, but not as long
            hopeful = hopeful.str.contains(self.coarse)
        counted: list[int | None] = [None if text is None else 0 for text in normal]
        refused = list(counted)
        for row in hopeful.arg_true():
            found = self.find(normal[row] or "")
            refused[row] = sum(match.refused is not None for match in found)
            counted[row] = len(found) - (refused[row] or 0)
        name = self.entry.id
        made = pl.Series(name, counted, pl.Int64), pl.Series(name, refused, pl.Int64)
        self.latest = texts, made
        return made

    def _refused(self, text: str, start: int, end: int) -> str | None:
        for scope, because, pattern in self.refusals:
            if pattern.search(self._within(text, start, end, scope)):
                return because
        return None

    def _within(self, text: str, start: int, end: int, scope: Scope) -> str:
        """The part of `text` around a match that a refusal looks at."""
        if scope == "turn":
            return text
        if scope == "match":
            return text[start:end]
        ends = self.grammar.clause_end if scope == "clause" else _SENTENCE_END
        first, last = 0, len(text)
        for mark in ends.finditer(text):
            if mark.end() <= start:
                first = mark.end()
            elif mark.start() >= end:
                last = mark.end()
                break
        if scope == "before":
            return text[self._quoted_from(text, first) : start]
        return text[first:last]

    def _quoted_from(self, text: str, first: int) -> int:
        """Where the sentence begins that opened direct speech which goes on at `first`; or that."""
        if self.grammar.quotes is None:
            return first
        opens, goes_on = self.grammar.quotes
        begin = first
        while begin and goes_on.match(text, begin + 1):
            end = begin
            earlier = [mark.end() for mark in _SENTENCE_END.finditer(text) if mark.end() < end]
            begin = earlier[-1] if earlier else 0
            if opens.search(text, begin, end):
                return begin
        return first


@dataclass(frozen=True)
class Lexicons:
    """The lexicons of one language.

    Attributes
    ----------
    language
        ISO 639-1; None where there are none: then every answer is None.
    ids
        All names that are known in any language, sorted.
    rated
        Those of which a share of words is measured.
    entries
        By name, as their files have them.
    grammar
        What is true of the language itself.
    """

    language: str | None
    ids: tuple[str, ...]
    rated: frozenset[str]
    entries: Mapping[str, Entry]
    grammar: Grammar

    @cached_property
    def _compiled(self) -> dict[str, _Compiled]:
        return {
            name: _Compiled(entry, self.entries, self.grammar)
            for name, entry in self.entries.items()
        }

    def has(self, name: str) -> bool:
        """Whether the language has that lexicon.

        Raises
        ------
        ConfigError
            No language has it.
        """
        if name not in self.ids:
            raise ConfigError(f"unknown lexicon '{name}'", expected=nearest(name, self.ids))
        return name in self.entries

    def matches(self, name: str, text: str) -> tuple[Match, ...] | None:
        """Where lexicon `name` matches and counts; None: the language lacks it."""
        found = self._found(name, text)
        return None if found is None else tuple(m for m in found if m.refused is None)

    def refusals(self, name: str, text: str) -> tuple[Match, ...] | None:
        """Where lexicon `name` matches and does not count; None: the language lacks it."""
        found = self._found(name, text)
        return None if found is None else tuple(m for m in found if m.refused is not None)

    def _found(self, name: str, text: str) -> list[Match] | None:
        if not self.has(name):
            return None
        compiled = self._compiled[name]
        return compiled.find(compiled.normal(text))

    def count(self, name: str, text: str) -> int | None:
        """Number of matches that count; None: the language lacks the lexicon."""
        found = self.matches(name, text)
        return None if found is None else len(found)

    def only(self, name: str, text: str) -> bool | None:
        """Whether all words of `text` belong to matches of lexicon `name`; False without words."""
        found = self.matches(name, text)
        if found is None:
            return None
        rest = list(text)
        for match in found:
            rest[match.start : match.end] = " " * (match.end - match.start)
        return bool(found) and not re.search(r"\w", "".join(rest))

    def counts(self, name: str, texts: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Matches that count, and matches that do not, for a whole column of texts.

        Returns
        -------
        counted, refused
            Int64; null where the text is null or the language lacks the lexicon.
        """
        if not self.has(name):
            nothing = pl.Series(name, [None] * len(texts), dtype=pl.Int64)
            return nothing, nothing.clone()
        return self._compiled[name].counts(texts)

    def response_codes(self) -> dict[str, str]:
        """Names of the lexicons that speak for a resolution strategy, with its 3RS code."""
        return {name: entry.code for name, entry in self.entries.items() if entry.code}

    def canonical(self) -> str:
        """Everything on which an answer of words depends, as JSON for an address."""
        return self._canonical

    @cached_property
    def _canonical(self) -> str:
        parts = {name: self._of_entry(entry) for name, entry in sorted(self.entries.items())}
        grammar = self.grammar.model_dump()
        return json.dumps(
            [self.language, self.ids, sorted(self.rated), parts, grammar], sort_keys=True
        )

    def _of_entry(self, entry: Entry) -> list[object]:
        """What an entry answers by, however its file is laid out."""
        refusals = [
            [refusal.scope, refusal.because, refusal.lexicon or entry.whole(refusal)]
            for refusal in entry.unless
        ]
        case = [entry.keep_fillers, entry.keep_case]
        return [entry.alternation, refusals, case, entry.code, entry.rate]
