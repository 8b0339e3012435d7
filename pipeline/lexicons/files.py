"""Read files of lexicons, and report all errors at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources.abc import Traversable

from pipeline.config import builtin
from pipeline.core import yaml
from pipeline.core.errors import ConfigError, listed
from pipeline.core.languages import code_of
from pipeline.core.registry import nearest
from pipeline.lexicons.entry import Entry, Expression, Grammar, Parts, Refusal, Words
from pipeline.lexicons.matcher import Lexicons
from pipeline.lexicons.patterns import (
    expanded,
    is_linear,
    joined,
    repeats_a_repetition,
    resolved,
    unknown_part,
)

_LANGUAGE_FILE = "language.yaml"
_WORDS_FILE = "words.yaml"
_NO_GRAMMAR = Grammar()
_Path = tuple[int | str, ...]
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{\d*,\})")
_TWICE_REPEATED = "repeats a repetition, which may take forever; bound the outer one, as in {0,4}"
_NOT_LINEAR = "look-around, back-references and huge repetitions are refused: they may take forever"
_WORDS = re.compile(r"[^\\()\[\]{}<>|*+?.^$]+")
"""Nothing of a regular expression: most alternatives are words, and need no check."""


def load(
    language: str | None, folder: Traversable | None = None, *, own: Iterable[Traversable] = ()
) -> Lexicons:
    """The lexicons of `language`, as `code_of` reads it; none where it is None or has no folder.

    Parameters
    ----------
    folder
        Holds a folder for each language; by default `configs/lexicons/`, which is read and checked
        once in a process: it takes half a second.
    own
        Folders of the same kind that are read after it, see `languages`.

    Raises
    ------
    ConfigError
        All mistakes of all files, each with file and line; or a folder does not exist.
    """
    own = tuple(own)
    return _load(language, folder, own) if folder or own else _built_in(language)


@cache
def _built_in(language: str | None) -> Lexicons:
    return _load(language, None, ())


def _load(language: str | None, folder: Traversable | None, own: Iterable[Traversable]) -> Lexicons:
    read = _languages(folder, own)
    everything = [entry for each in read.values() for entry in each.entries.values()]
    ids = tuple(sorted({entry.id for entry in everything}))
    rated = frozenset(entry.id for entry in everything if entry.rate)
    wanted = (code_of(language) if language else None) or ""
    chosen = read.get(wanted, _Language())
    known = wanted if chosen.entries else None
    return Lexicons(known, ids, rated, chosen.entries, chosen.grammar)


def languages(folder: Traversable | None = None, *, own: Iterable[Traversable] = ()) -> list[str]:
    """Codes of the languages that have a folder, sorted.

    Parameters
    ----------
    folder, own
        As in `load`. What a later folder says of a language adds to what is known: a lexicon or
        list of words replaces the earlier one of its name, and its ``language.yaml`` that of
        earlier folders.
    """
    return sorted(_languages(folder, own))


@dataclass
class _Language:
    """What the folders of a language hold, and what is wrong with them."""

    entries: dict[str, Entry] = field(default_factory=dict)
    places: dict[str, yaml.Document] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    grammar: Grammar = _NO_GRAMMAR
    problems: list[str] = field(default_factory=list)


def _languages(folder: Traversable | None, own: Iterable[Traversable]) -> dict[str, _Language]:
    """What is known of each language, by its code."""
    found: dict[str, _Language] = {}
    for root in (folder or builtin() / "lexicons", *own):
        if not root.is_dir():
            raise ConfigError(f"lexicons: no folder '{root}'", expected="a folder of languages")
        for item in _sorted(root.iterdir()):
            if item.is_dir():
                found[item.name] = _read(item, root.name, found.get(item.name, _Language()))
    for each in found.values():
        for name, entry in each.entries.items():
            each.problems += _problems(entry, each.places[name], each.entries)
    problems = [problem for each in found.values() for problem in each.problems]
    if problems:
        raise ConfigError(listed(problems))
    return found


def _read(folder: Traversable, root: str, under: _Language) -> _Language:
    """What is `under` it, with what a folder adds, which is named as its language."""
    found = replace(under, problems=list(under.problems))
    documents = {
        item.name: yaml.parse(item.read_text("utf-8"), f"{root}/{folder.name}/{item.name}")
        for item in _sorted(folder.iterdir())
        if item.name.endswith(".yaml")
    }
    words = documents.pop(_WORDS_FILE, None)
    if words is not None:
        found.words = _words(words, under.words, found.problems)
    language = documents.pop(_LANGUAGE_FILE, None)
    if language is not None:
        found.grammar = _grammar(language, found.words, found.problems)
    entries: dict[str, Entry] = {}
    places: dict[str, yaml.Document] = {}
    for document in documents.values():
        if not isinstance(document.data, list):
            found.problems.append(f"{document.name}:1: not a list of lexicons")
        else:
            for entry, place in _each(document, entries, found.problems):
                entries[entry.id] = entry.within(found.words, found.grammar)
                places[entry.id] = place
    found.entries = under.entries | entries
    found.places = under.places | places
    return found


def _each(
    document: yaml.Document,
    known: Mapping[str, object],
    problems: list[str],
) -> Iterator[tuple[Entry, yaml.Document]]:
    """The lexicons of one file and their places; what is wrong with one is added to `problems`."""
    for number, data in enumerate(document.data):
        place = yaml.Document(data, document.name, document.line((number,)))
        try:
            read = yaml.validate(Entry, place)
        except ConfigError as caught:
            problems.append(caught.found)
            continue
        if read.id in known:
            problems.append(f"{document.at((number,))}: lexicon '{read.id}' stands twice")
        yield read, place


def _words(
    document: yaml.Document, known: Mapping[str, str], problems: list[str]
) -> dict[str, str]:
    """The lists of a file over the `known` ones; what is wrong with it is added to `problems`."""
    try:
        parts = yaml.validate(Words, document).root
    except ConfigError as caught:
        problems.append(caught.found)
        return dict(known)
    wrong = [f"{document.at(path)}: {reason}" for path, reason in _wrong_parts(parts, (), known)]
    problems += wrong
    return dict(known) if wrong else resolved(parts, known)


def _grammar(document: yaml.Document, words: Mapping[str, str], problems: list[str]) -> Grammar:
    """What a file says of its language; what is wrong with it is added to `problems`."""
    try:
        grammar = yaml.validate(Grammar, document)
    except ConfigError as caught:
        problems.append(caught.found)
        return _NO_GRAMMAR
    patterns: list[tuple[_Path, str]] = [
        ((key, number), joined([pattern], words))
        for key in ("fillers", "quote_opens", "quote_goes_on")
        for number, pattern in enumerate(getattr(grammar, key))
    ]
    if grammar.syllables is not None:
        syllables = grammar.syllables
        patterns += [(("syllables", key), getattr(syllables, key)) for key in ("letters", "nuclei")]
        patterns += [
            (("syllables", key, number), pattern)
            for key in ("more", "fewer")
            for number, pattern in enumerate(getattr(syllables, key))
        ]
    wrong = []
    for path, pattern in patterns:
        left = None if path[0] == "syllables" else unknown_part(pattern)
        reason = f"unknown part '{left}', {nearest(left, words)}" if left else _not_one(pattern)
        if reason:
            wrong.append(f"{document.at(path)}: {reason}")
    problems += wrong
    return _NO_GRAMMAR if wrong else grammar.with_words(words)


def _problems(entry: Entry, place: yaml.Document, entries: Mapping[str, Entry]) -> Iterator[str]:
    """What is wrong with the patterns and exceptions of a lexicon."""
    wrong = list(_wrong_parts(entry.parts, ("parts",), entry.words))
    written: list[tuple[_Path, Expression | Refusal]] = [
        *((("patterns", number), pattern) for number, pattern in enumerate(entry.patterns)),
        *((("unless", number), refusal) for number, refusal in enumerate(entry.unless)),
    ]
    for path, each in written:
        wrong += _wrong_parts(each.parts, (*path, "parts"), entry.known_parts)
        known = resolved(each.parts, entry.known_parts)
        for number, alternative in enumerate(each.pattern or ()):
            if reason := _wrong(alternative, known):
                wrong.append(((*path, "pattern", number), reason))
    if not wrong:
        wrong = _unbounded(entry, dict(written))
    for number, refusal in enumerate(entry.unless):
        if reason := _wrong_lexicon(refusal, entry, entries):
            wrong.append((("unless", number), reason))
    for path, reason in wrong:
        yield f"{place.at(path)}: {entry.id}: {reason}"


def _unbounded(
    entry: Entry, written: Mapping[_Path, Expression | Refusal]
) -> list[tuple[_Path, str]]:
    """Patterns that may take forever once their parts are put in, and why."""
    whole = {path: entry.whole(each) for path, each in written.items()}
    found = [
        (path, _TWICE_REPEATED)
        for path, pattern in whole.items()
        if _REPEATED_GROUP.search(pattern) and repeats_a_repetition(pattern)
    ]
    if not is_linear(entry.alternation):
        found += [
            (path, _NOT_LINEAR)
            for path, pattern in whole.items()
            if not is_linear(expanded(pattern))
        ]
    return found


def _wrong_parts(
    parts: Parts, under: _Path, known: Mapping[str, str]
) -> Iterator[tuple[_Path, str]]:
    """Where parts are wrong and why; each knows those above it."""
    above = dict(known)
    for name, alternatives in parts.items():
        for number, alternative in enumerate(alternatives):
            if reason := _wrong(alternative, above):
                yield (*under, name, number), reason
        above[name] = joined(alternatives, above)


def _wrong(pattern: str, parts: Mapping[str, str]) -> str | None:
    """What is wrong with a regular expression as it was written, or None."""
    if _WORDS.fullmatch(pattern):
        return None
    left = unknown_part(joined([pattern], parts))
    if left:
        return f"unknown part '{left}', {nearest(left, parts)}"
    if repeats_a_repetition(pattern):
        return _TWICE_REPEATED
    return _not_one(pattern)


def _not_one(pattern: str) -> str | None:
    """Why something is no regular expression, or None."""
    try:
        re.compile(pattern)
    except re.error as caught:
        return f"not a regular expression: {caught.msg}"
    return None


def _wrong_lexicon(refusal: Refusal, entry: Entry, entries: Mapping[str, Entry]) -> str | None:
    """What is wrong with the lexicon that an exception names, or None."""
    if refusal.lexicon is None:
        return None
    other = entries.get(refusal.lexicon)
    if other is None:
        return f"unknown lexicon '{refusal.lexicon}'; {nearest(refusal.lexicon, entries)}"
    if other.keep_case and not entry.keep_case:
        return (
            f"lexicon '{refusal.lexicon}' looks for capital letters, which this one does not keep"
        )
    return None


def _sorted(items: Iterable[Traversable]) -> list[Traversable]:
    return sorted(items, key=lambda item: item.name)
