"""The files that come with the package keep to the schemas; wrong ones do not."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import yaml
from pipeline.rules.language import json_schema

KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
LIMITS: dict[str, Callable[[Any, Any], bool]] = {
    "enum": lambda value, allowed: value not in allowed,
    "const": lambda value, only: value != only,
    "pattern": lambda value, pattern: re.search(pattern, value) is None,
    "minimum": lambda value, limit: value < limit,
    "maximum": lambda value, limit: value > limit,
    "exclusiveMinimum": lambda value, limit: value <= limit,
    "exclusiveMaximum": lambda value, limit: value >= limit,
    "minItems": lambda value, limit: len(value) < limit,
    "minLength": lambda value, limit: len(value) < limit,
}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """What JSON Schema 2020-12 says of a value, of the keywords that ours use."""
    if "$ref" in schema:
        return problems(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, at)
    if "anyOf" in schema:
        each = [problems(value, option, root, at) for option in schema["anyOf"]]
        return [] if [] in each else [f"{at}: none of {len(each)}"]
    kind = schema.get("type")
    is_flag = isinstance(value, bool) and kind != "boolean"
    if kind is not None and (is_flag or not isinstance(value, KINDS[kind])):
        return [f"{at}: no {kind}"]
    found = [f"{at}: {key}" for key, fails in LIMITS.items() if _fails(value, schema, key, fails)]
    if isinstance(value, dict):
        found += inside(value, schema, root, at)
    if isinstance(value, list) and "items" in schema:
        for number, own in enumerate(value):
            found += problems(own, schema["items"], root, f"{at}[{number}]")
    return found


def _fails(value: Any, schema: dict[str, Any], key: str, fails: Callable[[Any, Any], bool]) -> bool:
    return key in schema and fails(value, schema[key])


def inside(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str
) -> list[str]:
    """What it says of the keys of an object."""
    own = schema.get("properties", {})
    rest = schema.get("additionalProperties", True)
    found = [f"{at}.{key}: missing" for key in schema.get("required", ()) if key not in value]
    for key, each in value.items():
        if key in own:
            found += problems(each, own[key], root, f"{at}.{key}")
        elif rest is False:
            found.append(f"{at}.{key}: unknown")
        elif isinstance(rest, dict):
            found += problems(each, rest, root, f"{at}.{key}")
    return found


def read(path: Path) -> Any:
    return yaml.parse(path.read_text(encoding="utf-8"), path.name).data


def of(path: Path) -> json_schema.Which:
    if path.name in {"language.yaml", "words.yaml"}:
        return "words" if path.stem == "words" else "language"
    return {"rules": "rules", "configs": "settings"}.get(path.parent.name, "lexicon")  # type: ignore[return-value]


def test_every_file_of_the_package_keeps_to_its_schema(repository: Path) -> None:
    files = sorted((repository / "configs").rglob("*.yaml"))
    assert {of(path) for path in files} == set(json_schema.WHICH)
    for path in files:
        schema = json_schema.schema(of(path))
        assert problems(read(path), schema, schema) == [], path.name


@pytest.mark.parametrize(
    ("which", "value"),
    [
        ("rules", [{"id": "a"}]),
        ("rules", {}),
        ("lexicon", [{"id": "A", "means": "x", "examples": {"match": ["a"], "no_match": ["b"]}}]),
        ("lexicon", [{"id": "a", "means": "x", "patterns": [1]}]),
        ("words", {"a": 1}),
        ("language", {"filler": ["um"]}),
        ("settings", {"moments": {"min_score": 2}}),
        ("settings", {"enginse": {}}),
    ],
)
def test_a_wrong_file_does_not(which: json_schema.Which, value: object) -> None:
    schema = json_schema.schema(which)
    assert problems(value, schema, schema)


def test_a_file_of_settings_names_only_what_differs() -> None:
    schema = json_schema.schema("settings")
    assert problems({"extends": "default", "moments": {"min_score": 0.5}}, schema, schema) == []
    assert "required" not in json.dumps(schema.get("$defs", {}).get("Moments", {}))


@pytest.mark.parametrize("which", json_schema.WHICH)
def test_every_key_is_described(which: json_schema.Which) -> None:
    schema = json_schema.schema(which)
    parts = [schema, *schema.get("$defs", {}).values()]
    bare = [
        key
        for part in parts
        for key, own in part.get("properties", {}).items()
        if "description" not in own and "$ref" not in own and "enum" not in own
    ]
    assert set(bare) <= {"extends", "value"}
