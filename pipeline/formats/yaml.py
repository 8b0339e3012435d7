"""YAML 1.2 with line numbers, so that every mistake of a file is told at once and where it stands.

The settings, rules, lexicons and sidecars are read through here. YAML 1.2 matters: in 1.1 the key
``on`` of a rule would be read as *true*. libyaml parses, some thirty times as fast as a parser in
Python; what its scalars mean is said here, by the core schema of YAML 1.2. Of YAML 1.1 there is
``<<`` alone, which takes in another mapping.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.errors import ConfigError, TetherError
from pipeline.registry import nearest

Model = TypeVar("Model", bound=BaseModel)


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
        The text is no YAML or holds a key twice.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        data = _Built(loader, as_typed=as_typed).of(root) if root else None
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
_MEANS: Mapping[str, tuple[str, Callable[[str], object]]] = {
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

    def __init__(self, loader: _Loader, *, as_typed: bool) -> None:
        self._loader = loader
        self._as_typed = as_typed
        self._known: dict[yaml.Node, _Keys | _Items] = {}

    def of(self, node: yaml.Node) -> Any:
        """Data of a node and of all below it."""
        if node in self._known:
            return self._known[node]
        if isinstance(node, yaml.MappingNode):
            return self._keys(node)
        if isinstance(node, yaml.SequenceNode):
            items = self._known[node] = _Items()
            for item in node.value:
                items.append(self.of(item))
                items.lines.append(_line(item))
            return items
        known = _MEANS.get(node.tag.removeprefix(_TAG))
        if known is None:
            raise _RefusedError("unknown tag", node)
        if self._as_typed and node.tag != f"{_TAG}null":
            return node.value
        return known[1](node.value)

    def _keys(self, node: yaml.MappingNode) -> _Keys:
        made = self._known[node] = _Keys()
        own = [key for key, _ in node.value if key.tag != f"{_TAG}merge"]
        self._loader.flatten_mapping(node)  # what `<<` takes in comes first: own keys replace it
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError("a key that is no scalar", key)
            name = self._key(key)
            made[name], made.lines[name] = self.of(value), _line(key)
        names = [self._key(key) for key in own]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise _RefusedError("a key stands twice", own[number])
        return made

    def _key(self, node: yaml.Node) -> Any:
        return node.value if self._as_typed else self.of(node)


class _RefusedError(Exception):
    """YAML that nothing here can mean."""

    def __init__(self, problem: str, node: yaml.Node) -> None:
        super().__init__(problem)
        self.node = node


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def problems_of(
    caught: ValidationError, document: Document, model: type[BaseModel], *, private: bool = False
) -> list[str]:
    """Each problem that pydantic found, with file, line, key and the nearest known name.

    Parameters
    ----------
    private
        Name top-level keys only: further in, keys are what a person chose, such as speakers.
    """
    found = []
    for item in caught.errors(include_input=False, include_url=False):
        path = tuple(item["loc"])
        shown = path[:1] if private else path
        key = ".".join(str(part) for part in shown) or "the file"
        if item["type"] == "extra_forbidden":
            known = _fields_at(model, path[:-1])
            message = f"unknown key; {nearest(str(path[-1]), known)}" if known else "unknown key"
        else:
            message = re.sub(r"^Value error, ", "", item["msg"])
        found.append(f"{document.at(path)}: {key}: {message}")
    return found


def validate(
    model: type[Model],
    document: Document,
    error: type[TetherError] = ConfigError,
    *,
    private: bool = False,
) -> Model:
    """`document` as a model.

    Raises
    ------
    error
        All problems of the file at once.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as caught:
        problems = problems_of(caught, document, model, private=private)
        raise error("\n".join(problems)) from None


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
