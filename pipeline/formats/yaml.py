"""YAML 1.2 with line numbers, so that every mistake of a file is told at once and where it stands.

The settings, rules, lexicons and sidecars are read through here. YAML 1.2 matters: in 1.1 the key
``on`` of a rule would be read as *true*.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.errors import ConfigError, TetherError
from pipeline.registry import nearest

Model = TypeVar("Model", bound=BaseModel)


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
                if isinstance(node, CommentedMap):
                    line = node.lc.key(key)[0] + 1
                elif isinstance(node, CommentedSeq):
                    line = node.lc.item(key)[0] + 1
                else:
                    break
                node = node[key]
            except (KeyError, IndexError, TypeError, AttributeError):
                break
        return line

    def at(self, path: Iterable[int | str]) -> str:
        """``name:line`` of the value at `path`; the name alone where the data have no lines."""
        if not isinstance(self.data, CommentedMap | CommentedSeq):
            return self.name
        return f"{self.name}:{self.line(path)}"


def parse(text: str, name: str, error: type[TetherError] = ConfigError) -> Document:
    """Parse one YAML document; an empty one is an empty mapping.

    Raises
    ------
    error
        The text is no YAML or holds a key twice.
    """
    try:
        data = YAML(typ="rt").load(text)
    except DuplicateKeyError as caught:
        line = caught.problem_mark.line + 1 if caught.problem_mark else 1
        raise error(f"{name}:{line}: a key stands twice") from None
    except MarkedYAMLError as caught:
        mark = caught.problem_mark or caught.context_mark
        line = mark.line + 1 if mark else 1
        raise error(f"{name}:{line}: not YAML: {caught.problem or caught.context}") from None
    except YAMLError:
        raise error(f"{name}: not YAML") from None
    return Document(CommentedMap() if data is None else data, name)


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
