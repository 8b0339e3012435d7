"""YAML 1.2 with line numbers: all errors of a file are reported at once, each with its line.

Settings, rules, lexicons and session notes files are read by this module. YAML 1.2 matters: in 1.1,
the key ``on`` of a rule would be read as *true*. libyaml parses, some thirty times faster than a
parser in Python; scalars are interpreted here, by the core schema of YAML 1.2. From YAML 1.1 only
``<<`` is kept, which merges another mapping.

Reading time is linear in the length of a file, and its contents are bounded: numbers have at most
`DIGITS` digits, and aliases and ``<<`` add at most `ADDED` values, so that a few lines cannot
expand to a billion values ("billion laughs").
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.core.errors import SHOWN, ConfigError, TetherError, listed
from pipeline.core.registry import nearest

Model = TypeVar("Model", bound=BaseModel)

DIGITS = 18
"""Most digits of a whole number: what fits in 64 bits, as in tables."""

_INT_CHARACTERS = 100
"""Longer numbers are not parsed: Python refuses 4,300 digits, and long hexadecimals are slow."""

ADDED = 100_000
"""Most values that aliases and ``<<`` may add to those written in a file."""

_DIRECTIVES = 10
"""Most directives: libyaml compares each with all earlier ones."""


class _Keys(dict[Any, Any]):
    """A mapping with the 1-based line of each key."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[object, int] = {}


class _Items(list[Any]):
    """A sequence with the 1-based line of each item."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


@dataclass(frozen=True)
class Document:
    """A parsed file, or an entry of one: data, file name, and line where the data begin."""

    data: Any
    name: str
    first_line: int = 1

    def line(self, path: Iterable[int | str]) -> int:
        """1-based line of the value at `path`, or of its nearest parent."""
        node, line = self.data, self.first_line
        for key in path:
            try:
                line = node.lines[key]
                node = node[key]
            except (KeyError, IndexError, TypeError, AttributeError):
                break
        return line

    def at(self, path: Iterable[int | str]) -> str:
        """``name:line`` of the value at `path`; only the name if the data have no lines."""
        if not isinstance(self.data, _Keys | _Items):
            return self.name
        return f"{self.name}:{self.line(path)}"


def parse(
    text: str, name: str, error: type[TetherError] = ConfigError, *, as_typed: bool = False
) -> Document:
    """Parse one YAML document; an empty document is an empty mapping.

    Parameters
    ----------
    as_typed
        Return every key and every scalar except null as the text in the file: ``0014`` stays
        "0014". The model decides what is a number.

    Raises
    ------
    error
        The text is not YAML, has a duplicate key, or exceeds a limit.
    """
    if text.count("\n%") > _DIRECTIVES:
        raise error(f"{name}: not YAML: more than {_DIRECTIVES} directives")
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        data = _Built(as_typed=as_typed).of(root) if root else None
    except _RefusedError as caught:
        raise error(f"{name}:{_line(caught.node)}: {caught}") from None
    except yaml.MarkedYAMLError as caught:
        mark = caught.problem_mark or caught.context_mark
        line = mark.line + 1 if mark else 1
        raise error(f"{name}:{line}: not YAML: {caught.problem or caught.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError):  # no text, no number, or nested too deep
        raise error(f"{name}: not YAML") from None
    return Document(_Keys() if data is None else data, name)


_TAG = "tag:yaml.org,2002:"
_MEANS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "null": (r"(~|null|Null|NULL)?", lambda _text: None),
    "bool": (r"true|True|TRUE|false|False|FALSE", lambda text: text.lower() == "true"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", lambda text: int(text, _base(text))),
    "float": (
        r"[-+]?((\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))|\.(nan|NaN|NAN)",
        lambda text: float(re.sub(r"\.(?=[inIN])", "", text)),
    ),
    "merge": (r"<<", str),
    "str": (r".*", str),
}
"""By tag: the pattern of a plain scalar (the first that fits), and how to read its value."""


def _base(text: str) -> int:
    return {"0o": 8, "0x": 16}.get(text[:2], 10)


class _Loader(yaml.CSafeLoader):
    """Parses nodes and gives plain scalars their tags."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  # declared so by its base


for _name, (_looks, _) in _MEANS.items():
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"({_looks})\Z", re.DOTALL), None)


class _Built:
    """Builds data from nodes. An alias returns its anchor's data: nothing is built twice."""

    def __init__(self, *, as_typed: bool) -> None:
        self._as_typed = as_typed
        self._known: dict[yaml.Node, _Keys | _Items] = {}
        self._sizes: dict[yaml.Node, int] = {}  # values within a node that is built
        self._left = ADDED

    def of(self, node: yaml.Node) -> Any:
        """Data of a node and everything below it."""
        if node in self._known:
            self._add(self._sizes.get(node, ADDED + 1), node)  # no size yet: it contains itself
            return self._known[node]
        if isinstance(node, yaml.MappingNode):
            return self._keys(node)
        if isinstance(node, yaml.SequenceNode):
            items = self._known[node] = _Items()
            for item in node.value:
                items.append(self.of(item))
                items.lines.append(_line(item))
            self._sizes[node] = 1 + sum(self._size(item) for item in node.value)
            return items
        known = _MEANS.get(node.tag.removeprefix(_TAG))
        if known is None:
            raise _RefusedError("unknown tag", node)
        if "\0" in node.value:
            raise _RefusedError("a zero byte", node)
        if self._as_typed and node.tag != f"{_TAG}null":
            return node.value
        whole = node.tag == f"{_TAG}int"
        try:
            value = None if whole and len(node.value) > _INT_CHARACTERS else known[1](node.value)
        except ValueError:
            raise _RefusedError("not a number", node) from None
        if whole and (value is None or abs(value) >= 10**DIGITS):
            raise _RefusedError(f"a number of more than {DIGITS} digits", node)
        return value

    def _keys(self, node: yaml.MappingNode) -> _Keys:
        result = self._known[node] = _Keys()
        written: dict[Any, Any] = {}
        lines: dict[object, int] = {}
        size = 1
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                size += self._merge(result, value)
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError("a key that is not a scalar", key)
            name = self._key(key)
            if name in written:
                raise _RefusedError("duplicate key", key)
            written[name], lines[name] = self.of(value), _line(key)
            size += 1 + self._size(value)
        result.update(written)  # after what `<<` merged, so that written keys replace it
        result.lines.update(lines)
        self._sizes[node] = size
        return result

    def _key(self, node: yaml.ScalarNode) -> Any:
        return node.value if self._as_typed else self.of(node)

    def _merge(self, target: _Keys, source: yaml.Node) -> int:
        """Merge one mapping, or several of which the first wins; return the number of values."""
        several = source.value if isinstance(source, yaml.SequenceNode) else [source]
        size = 0
        for each in reversed(several):
            if not isinstance(each, yaml.MappingNode):
                raise _RefusedError("'<<' merges a mapping, or a list of mappings", each)
            other = self.of(each)
            target.update(other)
            target.lines.update(other.lines)
            size += self._size(each)
        return size

    def _size(self, node: yaml.Node) -> int:
        return self._sizes.get(node, 1)

    def _add(self, values: int, node: yaml.Node) -> None:
        self._left -= values
        if self._left < 0:
            raise _RefusedError("aliases expand to too many values", node)


class _RefusedError(Exception):
    """YAML that is not accepted here."""

    def __init__(self, problem: str, node: yaml.Node) -> None:
        super().__init__(problem)
        self.node = node


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _problems(
    caught: ValidationError, document: Document, model: type[BaseModel], *, private: bool
) -> list[str]:
    """The first problems that pydantic found, with file, line, key and the nearest known name.

    Parameters
    ----------
    private
        Name only known top-level keys: other keys, and nested ones, may be chosen by a person, such
        as names of speakers.
    """
    problems = []
    for item in caught.errors(include_input=False, include_url=False)[:SHOWN]:
        path = tuple(item["loc"])
        shown = path[:1] if private else path
        key = (".".join(str(part) for part in shown) or "the file") + ": "
        if item["type"] == "extra_forbidden":
            known = _fields_at(model, path[:-1])
            message = f"unknown key; {nearest(str(path[-1]), known)}" if known else "unknown key"
            key = "" if private else key
        else:
            message = re.sub(r"^Value error, ", "", item["msg"])
        problems.append(f"{document.at(path)}: {key}{message}")
    return problems


def validate(
    model: type[Model],
    document: Document,
    error: type[TetherError] = ConfigError,
    *,
    private: bool = False,
) -> Model:
    """`document` as a model.

    Parameters
    ----------
    private
        Name only top-level keys: nested keys may be chosen by a person, such as names of speakers.

    Raises
    ------
    error
        All problems of the file at once: the first few in words, then the number of the rest.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as caught:
        problems = _problems(caught, document, model, private=private)
        more = caught.error_count() - len(problems)
        raise error(listed(problems, more=more)) from None


def _fields_at(model: type[BaseModel], path: Iterable[int | str]) -> list[str]:
    """Names of the fields of the model nested at `path`."""
    here: Any = model
    chosen = False  # whether the next key was chosen by a person and is not a field
    for key in path:
        if isinstance(key, int) or chosen:
            chosen = False
            continue
        info = here.model_fields.get(key) if hasattr(here, "model_fields") else None
        annotation = info.annotation if info else None
        chosen = getattr(annotation, "__origin__", None) in (dict, Mapping)
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        here = next((c for c in candidates if hasattr(c, "model_fields")), None)
        if here is None:
            return []
    return list(here.model_fields)
