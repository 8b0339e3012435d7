"""YAML 1.2 with line numbers, so that every mistake of a file is told at once and where it stands.

The settings, rules, lexicons and sidecars are read through here. YAML 1.2 matters: in 1.1 the key
``on`` of a rule would be read as *true*. libyaml parses, some thirty times as fast as a parser in
Python; what its scalars mean is said here, by the core schema of YAML 1.2. Of YAML 1.1 there is
``<<`` alone, which takes in another mapping.

A file is read in a time that grows with its length, and what it says is bounded: numbers have at
most `DIGITS` digits, and aliases and ``<<`` add at most `ADDED` values, so that no file of a few
lines stands for a billion ("billion laughs").
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
"""Of a whole number: all that 64 bits hold, as tables do."""

_INT_CHARACTERS = 100
"""A longer number is not even looked at: Python refuses 4,300 digits, and takes long over hex."""

ADDED = 100_000
"""Values beyond those of the text that aliases and ``<<`` may add to a file."""

_DIRECTIVES = 10
"""libyaml compares each with all before it."""


class _Keys(dict[Any, Any]):
    """A mapping, and the 1-based line of each key."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[object, int] = {}


class _Items(list[Any]):
    """A sequence, and the 1-based line of each item."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


@dataclass(frozen=True)
class Document:
    """A parsed file, or an entry of one: data, the file's name, the line where the data begin."""

    data: Any
    name: str
    first_line: int = 1

    def line(self, path: Iterable[int | str]) -> int:
        """1-based line at which the value at `path` stands, or that of the nearest parent."""
        node, line = self.data, self.first_line
        for key in path:
            try:
                line = node.lines[key]
                node = node[key]
            except (KeyError, IndexError, TypeError, AttributeError):
                break
        return line

    def at(self, path: Iterable[int | str]) -> str:
        """``name:line`` of the value at `path`; the name alone where the data have no lines."""
        if not isinstance(self.data, _Keys | _Items):
            return self.name
        return f"{self.name}:{self.line(path)}"


def parse(
    text: str, name: str, error: type[TetherError] = ConfigError, *, as_typed: bool = False
) -> Document:
    """Parse one YAML document; an empty one is an empty mapping.

    Parameters
    ----------
    as_typed
        Give every key and every scalar but null as the text that stands in the file: ``0014`` stays
        "0014". What is a number is for the model to say.

    Raises
    ------
    error
        The text is no YAML, holds a key twice, or stands for more than a file may say.
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
    except (yaml.YAMLError, ValueError, RecursionError):  # no text, no number, or far too deep
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
"""How a plain scalar of a tag looks, the first that fits, and what a scalar of that tag means."""


def _base(text: str) -> int:
    return {"0o": 8, "0x": 16}.get(text[:2], 10)


class _Loader(yaml.CSafeLoader):
    """Gives nodes, and plain scalars their tags."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  # declared so by its base


for _name, (_looks, _) in _MEANS.items():
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"({_looks})\Z", re.DOTALL), None)


class _Built:
    """What nodes stand for. An alias gives what its anchor gives: nothing is built twice."""

    def __init__(self, *, as_typed: bool) -> None:
        self._as_typed = as_typed
        self._known: dict[yaml.Node, _Keys | _Items] = {}
        self._sizes: dict[yaml.Node, int] = {}  # values within a node that is built
        self._left = ADDED

    def of(self, node: yaml.Node) -> Any:
        """Data of a node and of all below it."""
        if node in self._known:
            self._add(self._sizes.get(node, ADDED + 1), node)  # no size yet: it holds itself
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
            raise _RefusedError("no such number", node) from None
        if whole and (value is None or abs(value) >= 10**DIGITS):
            raise _RefusedError(f"a number of more than {DIGITS} digits", node)
        return value

    def _keys(self, node: yaml.MappingNode) -> _Keys:
        made = self._known[node] = _Keys()
        own: dict[Any, Any] = {}
        lines: dict[object, int] = {}
        size = 1
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                size += self._take_in(made, value)
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError("a key that is no scalar", key)
            name = self._key(key)
            if name in own:
                raise _RefusedError("a key stands twice", key)
            own[name], lines[name] = self.of(value), _line(key)
            size += 1 + self._size(value)
        made.update(own)  # what `<<` takes in comes first: own keys replace it
        made.lines.update(lines)
        self._sizes[node] = size
        return made

    def _key(self, node: yaml.ScalarNode) -> Any:
        return node.value if self._as_typed else self.of(node)

    def _take_in(self, made: _Keys, taken: yaml.Node) -> int:
        """Add what one mapping has, or several of which the first wins; how many values."""
        several = taken.value if isinstance(taken, yaml.SequenceNode) else [taken]
        size = 0
        for each in reversed(several):
            if not isinstance(each, yaml.MappingNode):
                raise _RefusedError("'<<' takes in a mapping, or a list of them", each)
            other = self.of(each)
            made.update(other)
            made.lines.update(other.lines)
            size += self._size(each)
        return size

    def _size(self, node: yaml.Node) -> int:
        return self._sizes.get(node, 1)

    def _add(self, values: int, node: yaml.Node) -> None:
        self._left -= values
        if self._left < 0:
            raise _RefusedError("aliases that stand for too many values", node)


class _RefusedError(Exception):
    """YAML that nothing here can mean."""

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
        Name top-level keys that exist only: others, and those further in, are what a person chose,
        such as speakers.
    """
    found = []
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
        found.append(f"{document.at(path)}: {key}{message}")
    return found


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
        Name top-level keys only: further in, keys are what a person chose, such as speakers.

    Raises
    ------
    error
        All problems of the file at once: the first few in words, the rest as a count.
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
    chosen = False  # the next key is one that a person chose, not a field
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
