"""Parts of the rule language reference."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from doc_parts.markdown import code, codes, sentence, table
from pipeline.measures.feature import Feature
from pipeline.report.labels import MARKERS
from pipeline.rules.language import (
    column_descriptions,
    columns,
    conditions,
    json_schema,
    overrides,
    rulefile,
)

_ITEMS = ("turn", "silence", "overlap", "window_60s")
_TITLES = {
    "turn": "turn",
    "silence": "silence",
    "overlap": "overlap",
    "window_60s": "window_60s, window_180s, window_300s",
}
_TYPES: dict[Any, str] = {pl.String: "text", pl.Int64: "whole number", pl.Boolean: "true or false"}
_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}
_LINKS = {
    "Clause": "a [clause](#keys-of-a-clause)",
    "Guard": "an [exception](#keys-of-an-exception)",
    "AnyOf": "[alternatives](#keys-of-alternatives)",
    "OfLast": "a [count](#keys-of-a-count)",
    "Param": "a [parameter](#keys-of-a-parameter)",
}
_ORDER = ("if", "because", "small_baseline", "value", "source", "hits", "items")
"""Of keys in examples; pydantic sorts them by name."""
_PLAIN = re.compile(r"[A-Za-z][\w-]*")


def parts(catalogue: Sequence[Feature]) -> dict[str, str]:
    """Every part that the template asks for."""
    schema = json_schema.schema("rules")
    defined = schema["$defs"]
    return {
        "keys_rule": _keys(defined["Rule"]),
        "keys_param": _keys(defined["Param"]),
        "keys_clause": _keys(defined["Clause"]),
        "keys_guard": _keys(defined["Guard"]),
        "keys_any": _keys(defined["AnyOf"]),
        "keys_of_last": _keys(defined["OfLast"]),
        "functions": codes(f"{name}()" for name in sorted(conditions.FUNCTIONS)) + ".",
        "longest": f"A condition has at most {conditions.LONGEST:,} characters.",
        "own_keys": codes(overrides.OWN) + ".",
        "columns": "\n\n".join(_own_columns(item) for item in _ITEMS),
        "stretches": _stretches(catalogue),
        "markers": table(
            ("marker", "name"), ((code(marker), name) for marker, name in MARKERS.items())
        ),
        "builtin": "\n\n".join(_builtin()),
    }


def _keys(section: Mapping[str, Any]) -> str:
    """A heading for each key, with type, default, meaning and example."""
    required = section.get("required", ())
    return "\n\n".join(
        f"#### `{name}`\n\n*{sentence(_type(key))} {_default(key, needed=name in required)}* "
        f"{sentence(key['description'])}\n\n```yaml\n{name}: {_example(key['examples'][0])}\n```"
        for name, key in section["properties"].items()
    )


def _default(key: Mapping[str, Any], *, needed: bool) -> str:
    if needed:
        return "Required."
    default = key["default"]
    return "Default: none." if default in (None, [], {}) else f"Default: {default}."


def _type(key: Mapping[str, Any]) -> str:
    """The type of a key in words."""
    if "$ref" in key:
        return _LINKS[key["$ref"].rsplit("/", 1)[1]]
    if "enum" in key:
        return f"one of {codes(key['enum'])}"
    if "anyOf" in key:
        options = [_type(each) for each in key["anyOf"] if each.get("type") != "null"]
        return " or ".join(filter(None, (", ".join(options[:-1]), options[-1])))
    if key["type"] == "array":
        least = f" (at least {key['minItems']})" if "minItems" in key else ""
        return f"list{least}, each {_type(key['items'])}"
    if key["type"] == "object":
        return f"mapping from names, each to {_type(key['additionalProperties'])}"
    return _KINDS[key["type"]] + _limits(key)


def _limits(key: Mapping[str, Any]) -> str:
    if "exclusiveMinimum" in key and "exclusiveMaximum" in key:
        return f" between {key['exclusiveMinimum']} and {key['exclusiveMaximum']}, without them"
    if "exclusiveMinimum" in key:
        return f" above {key['exclusiveMinimum']}"
    if "minimum" in key:
        return f" from {key['minimum']} up"
    if "minLength" in key:
        return f" of at least {key['minLength']} characters"
    return f" that matches `{key['pattern']}`" if "pattern" in key else ""


def _example(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_example, value))}]"
    if isinstance(value, dict):
        keys = [key for key in _ORDER if key in value] or list(value)
        return f"{{{', '.join(f'{key}: {_example(value[key])}' for key in keys)}}}"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _own_columns(item: str) -> str:
    """Columns that an item has without any feature."""
    known = columns.known(item, ())
    rows = [
        (
            code(name),
            _TYPES[column.dtype],
            column.needs or "none",
            sentence(column_descriptions.meaning(item, name, ())),
        )
        for name, column in known.items()
        if not name.startswith(("prev_", "next_"))
    ]
    head = ("column", "type", "family", "meaning")
    return f"#### On `{_TITLES[item].replace(', ', '`, `')}`\n\n{table(head, rows)}"


def _stretches(catalogue: Sequence[Feature]) -> str:
    """What `prev_` and `next_` columns say."""
    names = [name for name in columns.known("turn", ()) if name.startswith("prev_therapist_")]
    rows = [
        (
            code(f"…_{name.removeprefix('prev_therapist_')}"),
            columns.known("turn", ())[name].needs or "none",
            sentence(column_descriptions.meaning("turn", name, catalogue).partition(": ")[2]),
        )
        for name in names
    ]
    rows.append(
        (
            "`…_` and a count of a lexicon",
            "words",
            "Matches in all its turns; null if one of them is null.",
        )
    )
    return table(("column", "family", "meaning"), rows)


def _builtin() -> Iterator[str]:
    """The rules that come with Tether, a table for each file."""
    for file in rulefile.builtin_names():
        placed, _ = rulefile.read([file])
        rows = [
            (
                code(each.rule.id),
                each.rule.marker,
                "main" if each.rule.role == "primary" else "weak",
                f"{each.rule.weight:g}",
                ", ".join(each.rule.needs),
                each.rule.says,
            )
            for each in placed
        ]
        head = ("rule", "marker", "sign", "weight", "needs", "looks for")
        yield f"### `{file}`\n\n{table(head, rows)}"
