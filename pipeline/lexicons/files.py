"""Files of lexicons: read, and every mistake told at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources.abc import Traversable
from typing import TypeVar

from pipeline.config import builtin
from pipeline.core import yaml
from pipeline.core.errors import ConfigError, listed
from pipeline.core.languages import code_of
from pipeline.core.registry import nearest
from pipeline.lexicons.entry import Entry, Grammar, Prototypes
from pipeline.lexicons.matcher import Lexicons
from pipeline.lexicons.patterns import expanded, is_linear, repeats_a_repetition

_LANGUAGE_FILE = "language.yaml"
_MEANING_FILE = "meaning.yaml"
_NO_GRAMMAR = Grammar()
_Kind = TypeVar("_Kind", Entry, Prototypes)
_PART = re.compile(r"<([a-z_]+)>")


def load(language: str | None, folder: Traversable | None = None) -> Lexicons:
    """The lexicons of `language`, as `code_of` reads it; none where it is None or has no folder.

    Parameters
    ----------
    folder
        Holds a folder for each language; by default `configs/lexicons/`, which is read and checked
        once in a process: it takes half a second.

    Raises
    ------
    ConfigError
        All mistakes of all files, each with file and line.
    """
    return _builtin(language) if folder is None else _load(language, folder)


@cache
def _builtin(language: str | None) -> Lexicons:
    return _load(language, builtin() / "lexicons")


def _load(language: str | None, root: Traversable) -> Lexicons:
    languages = {item.name: _read(item) for item in _sorted(root.iterdir()) if item.is_dir()}
    everything = [entry for each in languages.values() for entry in each.entries.values()]
    ids = tuple(sorted({entry.id for entry in everything}))
    rated = frozenset(entry.id for entry in everything if entry.rate)
    sets = tuple(sorted({name for each in languages.values() for name in each.prototypes}))
    wanted = (code_of(language) if language else None) or ""
    own = languages.get(wanted, _Language())
    known = wanted if own.entries else None
    return Lexicons(known, ids, rated, own.entries, own.grammar, own.prototypes, sets)


@dataclass
class _Language:
    """What the folder of a language holds, and what is wrong with it."""

    entries: dict[str, Entry] = field(default_factory=dict)
    places: dict[str, yaml.Document] = field(default_factory=dict)
    grammar: Grammar = _NO_GRAMMAR
    prototypes: dict[str, Prototypes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def _read(folder: Traversable) -> _Language:
    """The lexicons of a folder, which is named as its language, and what is true of that."""
    found = _Language()
    for item in _sorted(folder.iterdir()):
        if not item.name.endswith(".yaml"):
            continue
        name = f"lexicons/{folder.name}/{item.name}"
        document = yaml.parse(item.read_text(encoding="utf-8"), name)
        if item.name == _LANGUAGE_FILE:
            found.grammar = _grammar(document, found.problems)
        elif not isinstance(document.data, list):
            found.problems.append(f"{document.name}:1: not a list of lexicons")
        elif item.name == _MEANING_FILE:
            for prototypes, _ in _each(Prototypes, document, found.prototypes, found.problems):
                found.prototypes[prototypes.id] = prototypes
        else:
            for entry, place in _each(Entry, document, found.entries, found.problems):
                found.entries[entry.id], found.places[entry.id] = entry, place
    for name, entry in found.entries.items():
        found.problems += _problems(entry, found.places[name], found.entries)
    if found.problems:
        raise ConfigError(listed(found.problems))
    return found


def _each(
    kind: type[_Kind],
    document: yaml.Document,
    known: Mapping[str, object],
    problems: list[str],
) -> Iterator[tuple[_Kind, yaml.Document]]:
    """The lexicons of one file and their places; what is wrong with one is added to `problems`."""
    for number, data in enumerate(document.data):
        place = yaml.Document(data, document.name, document.line((number,)))
        try:
            read = yaml.validate(kind, place)
        except ConfigError as caught:
            problems.append(caught.found)
            continue
        if read.id in known:
            problems.append(f"{document.at((number,))}: lexicon '{read.id}' stands twice")
        yield read, place


def _grammar(document: yaml.Document, problems: list[str]) -> Grammar:
    """What a file says of its language; what is wrong with it is added to `problems`."""
    try:
        grammar = yaml.validate(Grammar, document)
    except ConfigError as caught:
        problems.append(caught.found)
        return _NO_GRAMMAR
    wrong = len(problems)
    for key in ("fillers", "quote_opens", "quote_goes_on"):
        for number, pattern in enumerate(getattr(grammar, key)):
            try:
                re.compile(pattern)
            except re.error as caught:
                place = document.at((key, number))
                problems.append(f"{place}: not a regular expression: {caught.msg}")
    return _NO_GRAMMAR if len(problems) > wrong else grammar


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
    if not wrong and not is_linear(entry.alternation):
        for path, pattern in written:
            if not is_linear(expanded(entry.whole(pattern))):
                yield (
                    f"{place.at(path)}: {entry.id}: look-around, back-references and huge "
                    "repetitions are refused: they may take forever"
                )


def _wrong(pattern: str, entry: Entry) -> str | None:
    """What is wrong with a regular expression as it was written, or None."""
    left = _PART.search(entry.whole(pattern))
    if left:
        return f"unknown part '{left[1]}', {nearest(left[1], entry.parts)}"
    if repeats_a_repetition(pattern):
        return "repeats a repetition, which may take forever; bound the outer one, as in {0,4}"
    try:
        re.compile(pattern)
    except re.error as caught:
        return f"not a regular expression: {caught.msg}"
    return None


def _sorted(items: Iterable[Traversable]) -> list[Traversable]:
    return sorted(items, key=lambda item: item.name)
