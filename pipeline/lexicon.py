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

Where a language has no lexicons, every count is null: nobody looked.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources.abc import Traversable
from typing import Literal

import polars as pl
from pydantic import Field, model_validator
from ruamel.yaml.comments import CommentedSeq

from pipeline.config import Section, builtin
from pipeline.errors import ConfigError
from pipeline.formats import yaml
from pipeline.registry import nearest

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2019\u2018\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2013\u2014\u2026", "-"),
        **dict.fromkeys("\t\n\r\x0b\x0c\u00a0", " "),
    }
)
_DOTS = re.compile(r"\.{2,}")
_SPACE = r'(?:[ ,:"-]+)'
_WORD_STARTS = r"(?:(?!\w)|(?<!\w)(?<!\w'))"
_WORD_ENDS = r"(?:(?<!\w)|(?!\w)(?!'\w))"
_SENTENCE_END = re.compile(r"[.?!]+(?= |$)")
_CLAUSE_END = r"[.?!]+(?= |$)|[,;:]|(?<= )-"
_LANGUAGE_FILE = "language.yaml"
_ESCAPED_OR_CLASS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]")
_PART = re.compile(r"<([a-z_]+)>")
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")

Scope = Literal["match", "before", "clause", "sentence", "turn"]


class Refusal(Section):
    """When a match does not count, and why."""

    pattern: str | None = Field(default=None, description="regular expression searched in `scope`")
    lexicon: str | None = Field(default=None, description="or: any pattern of that lexicon")
    scope: Scope = Field(
        default="sentence",
        description="where: the match itself, what stands before it in its sentence, or the whole"
        " clause, sentence or turn around it",
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

    @cached_property
    def filler(self) -> re.Pattern[str] | None:
        """Any filler, as a whole word; None: the language names none."""
        return _bounded("|".join(self.fillers)) if self.fillers else None

    @cached_property
    def clause_end(self) -> re.Pattern[str]:
        """What ends a clause."""
        words = "|".join(map(re.escape, self.clause_words))
        return re.compile(rf"{_CLAUSE_END}|\b(?:{words})\b" if words else _CLAUSE_END)


_NO_GRAMMAR = Grammar()


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
        self.grammar = grammar
        self.latest: tuple[pl.Series, tuple[pl.Series, pl.Series]] | None = None
        self.coarse = _alternation(entry)

    @cached_property
    def fine(self) -> re.Pattern[str]:
        """With word boundaries; made when first needed, for it takes long."""
        return _bounded(self.coarse)

    @cached_property
    def refusals(self) -> list[tuple[Scope, str, re.Pattern[str]]]:
        """Where to look, the reason, and what to look for."""
        return [
            (refusal.scope, refusal.because, _refusal_pattern(refusal, self.entry, self.entries))
            for refusal in self.entry.unless
        ]

    def normal(self, text: str) -> str:
        """`text` as the patterns expect it."""
        return normalise(text, None if self.entry.keep_fillers else self.grammar.filler)

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
        if self.latest is not None and self.latest[0].equals(texts, null_equal=True):
            return self.latest[1]
        normal = pl.Series(
            [None if text is None else self.normal(text) for text in texts], dtype=pl.String
        )
        hopeful = normal.str.contains(self.coarse)
        counted: list[int | None] = [None if hope is None else 0 for hope in hopeful]
        refused = list(counted)
        for row in hopeful.fill_null(value=False).arg_true():
            found = self.find(normal[row])
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
        return text[first:start] if scope == "before" else text[first:last]


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
    grammar: Grammar = _NO_GRAMMAR

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
        if not self.has(name):
            return None
        compiled = self._compiled[name]
        found = compiled.find(compiled.normal(text))
        return tuple(match for match in found if match.refused is None)

    def refusals(self, name: str, text: str) -> tuple[Match, ...] | None:
        """Where lexicon `name` matches and does not count; None: the language lacks it."""
        if not self.has(name):
            return None
        compiled = self._compiled[name]
        found = compiled.find(compiled.normal(text))
        return tuple(match for match in found if match.refused is not None)

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
        """Everything on which an answer depends, as JSON for an address."""
        parts = {
            name: entry.model_dump(exclude={"examples", "means", "error"})
            for name, entry in sorted(self.entries.items())
        }
        grammar = self.grammar.model_dump()
        return json.dumps(
            [self.language, self.ids, sorted(self.rated), parts, grammar], sort_keys=True
        )


@lru_cache(maxsize=8192)
def normalise(text: str, filler: re.Pattern[str] | None = None) -> str:
    """`text` in lower case, quotes straight, fillers blank; as long as before.

    >>> normalise("You, um, DON\u2019T listen", re.compile("um"))
    "you,   , don't listen"
    """
    plain = text.translate(_PLAIN)
    lower = plain.lower()
    if len(lower) != len(plain):  # a letter such as the dotted capital I becomes two
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in plain)
    lower = _DOTS.sub(lambda found: "-" * len(found[0]), lower)
    return lower if filler is None else filler.sub(lambda found: " " * len(found[0]), lower)


def load(language: str | None, folder: Traversable | None = None) -> Lexicons:
    """The lexicons of `language` ("en", "en-GB"); none where it is None or has no folder.

    Parameters
    ----------
    folder
        Holds a folder for each language; by default `configs/lexicons/`.

    Raises
    ------
    ConfigError
        All mistakes of all files, each with file and line.
    """
    root = folder or builtin() / "lexicons"
    languages = {item.name: _read(item) for item in _sorted(root.iterdir()) if item.is_dir()}
    everything = [entry for entries, _ in languages.values() for entry in entries.values()]
    ids = tuple(sorted({entry.id for entry in everything}))
    rated = frozenset(entry.id for entry in everything if entry.rate)
    wanted = (language or "").split("-")[0].lower()
    entries, grammar = languages.get(wanted, ({}, _NO_GRAMMAR))
    return Lexicons(wanted if entries else None, ids, rated, entries, grammar)


def _read(folder: Traversable) -> tuple[dict[str, Entry], Grammar]:
    """The lexicons of a folder, which is named as its language, and what is true of that."""
    problems: list[str] = []
    entries: dict[str, Entry] = {}
    places: dict[str, yaml.Document] = {}
    grammar = _NO_GRAMMAR
    for item in _sorted(folder.iterdir()):
        if not item.name.endswith(".yaml"):
            continue
        name = f"lexicons/{folder.name}/{item.name}"
        document = yaml.parse(item.read_text(encoding="utf-8"), name)
        if item.name == _LANGUAGE_FILE:
            grammar = _grammar(document, problems)
        elif isinstance(document.data, CommentedSeq):
            _read_list(document, entries, places, problems)
        else:
            problems.append(f"{document.name}:1: not a list of lexicons")
    for name, entry in entries.items():
        problems += _problems(entry, places[name], entries)
    if problems:
        raise ConfigError("\n".join(problems))
    return entries, grammar


def _read_list(
    document: yaml.Document,
    entries: dict[str, Entry],
    places: dict[str, yaml.Document],
    problems: list[str],
) -> None:
    """Add the lexicons of one file, or what is wrong with them."""
    for number, data in enumerate(document.data):
        place = yaml.Document(data, document.name, document.line((number,)))
        try:
            entry = yaml.validate(Entry, place)
        except ConfigError as caught:
            problems.append(caught.found)
            continue
        if entry.id in entries:
            problems.append(f"{document.at((number,))}: lexicon '{entry.id}' stands twice")
        entries[entry.id], places[entry.id] = entry, place


def _grammar(document: yaml.Document, problems: list[str]) -> Grammar:
    """What a file says of its language; what is wrong with it is added to `problems`."""
    try:
        grammar = yaml.validate(Grammar, document)
    except ConfigError as caught:
        problems.append(caught.found)
        return _NO_GRAMMAR
    for number, pattern in enumerate(grammar.fillers):
        try:
            re.compile(pattern)
        except re.error as wrong:
            place = document.at(("fillers", number))
            problems.append(f"{place}: not a regular expression: {wrong.msg}")
            return _NO_GRAMMAR
    return grammar


def _problems(entry: Entry, place: yaml.Document, entries: Mapping[str, Entry]) -> Iterator[str]:
    written: list[tuple[tuple[int | str, ...], str]] = [
        *((("parts", name), part) for name, part in entry.parts.items()),
        *((("patterns", number), pattern) for number, pattern in enumerate(entry.patterns)),
        *(
            (("unless", number), refusal.pattern)
            for number, refusal in enumerate(entry.unless)
            if refusal.pattern is not None
        ),
    ]
    wrong = [(path, reason) for path, pattern in written if (reason := _wrong(pattern, entry))]
    for path, reason in wrong:
        yield f"{place.at(path)}: {entry.id}: {reason}"
    for number, refusal in enumerate(entry.unless):
        if refusal.lexicon is not None and refusal.lexicon not in entries:
            hint = nearest(refusal.lexicon, entries)
            where = place.at(("unless", number))
            yield f"{where}: {entry.id}: unknown lexicon '{refusal.lexicon}'; {hint}"
    if not wrong and not _is_linear(_alternation(entry)):
        for path, pattern in written:
            if not _is_linear(_expanded(entry.whole(pattern))):
                yield (
                    f"{place.at(path)}: {entry.id}: look-around, back-references and huge "
                    "repetitions are refused: they may take forever"
                )


def _wrong(pattern: str, entry: Entry) -> str | None:
    """What is wrong with a regular expression as it was written, or None."""
    left = _PART.search(entry.whole(pattern))
    if left:
        return f"unknown part '{left[1]}', {nearest(left[1], entry.parts)}"
    if _repeats_a_repetition(pattern):
        return "repeats a repetition, which may take forever; bound the outer one, as in {0,4}"
    try:
        re.compile(pattern)
    except re.error as caught:
        return f"not a regular expression: {caught.msg}"
    return None


def _is_linear(pattern: str) -> bool:
    """Whether an automaton can match it, which takes time in proportion to the text."""
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:
        return False
    return True


def _repeats_a_repetition(pattern: str) -> bool:
    """Whether a group that repeats without bound is itself repeated without bound.

    >>> _repeats_a_repetition("(?:a+)+"), _repeats_a_repetition("(?:a+){0,4}b*")
    (True, False)
    """
    plain = _ESCAPED_OR_CLASS.sub("x", pattern)
    repeats = [False]
    for at, char in enumerate(plain):
        if char == "(":
            repeats.append(False)
        elif char == ")" and len(repeats) > 1:
            inner = repeats.pop()
            outer = _UNBOUNDED.match(plain, at + 1)
            if inner and outer:
                return True
            repeats[-1] = repeats[-1] or inner
        elif _UNBOUNDED.match(plain, at):
            repeats[-1] = True
    return False


def _expanded(pattern: str) -> str:
    """A pattern with its spaces spelt out; those within brackets and after a backslash stay."""
    parts, done = [], 0
    for kept in _ESCAPED_OR_CLASS.finditer(pattern):
        parts += [pattern[done : kept.start()].replace(" ", _SPACE), kept.group()]
        done = kept.end()
    return "".join([*parts, pattern[done:].replace(" ", _SPACE)])


def _alternation(entry: Entry) -> str:
    phrases = [" ".join(map(re.escape, phrase.lower().split())) for phrase in entry.phrases]
    longest_first = sorted(phrases, key=len, reverse=True)
    patterns = [_expanded(entry.whole(pattern)) for pattern in entry.patterns]
    plain = [part.replace(" ", _SPACE) for part in longest_first]
    return "|".join(f"(?:{part})" for part in (*patterns, *plain))


def _bounded(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{_WORD_STARTS}(?:{pattern}){_WORD_ENDS}")


def _refusal_pattern(
    refusal: Refusal, entry: Entry, entries: Mapping[str, Entry]
) -> re.Pattern[str]:
    if refusal.pattern is not None:
        return _bounded(_expanded(entry.whole(refusal.pattern)))
    assert refusal.lexicon is not None
    return _bounded(_alternation(entries[refusal.lexicon]))


def _sorted(items: Iterable[Traversable]) -> list[Traversable]:
    return sorted(items, key=lambda item: item.name)
