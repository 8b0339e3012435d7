"""Files of lexicons: read, and every mistake told at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources.abc import Traversable

from ruamel.yaml.comments import CommentedSeq

from pipeline.config import builtin
from pipeline.errors import ConfigError
from pipeline.formats import yaml
from pipeline.lexicon.entry import Entry, Grammar
from pipeline.lexicon.matching import Lexicons
from pipeline.lexicon.patterns import expanded, is_linear, repeats_a_repetition
from pipeline.registry import nearest

_LANGUAGE_FILE = "language.yaml"
_NO_GRAMMAR = Grammar()
_PART = re.compile(r"<([a-z_]+)>")


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
