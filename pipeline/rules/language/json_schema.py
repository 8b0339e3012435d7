"""JSON Schemas of the files that people write, so that an editor completes and checks them.

The line ``# yaml-language-server: $schema=rules.schema.json`` on top of a file is all that most
editors need.
"""

from typing import Any, Literal

from pydantic import TypeAdapter

from pipeline.config import settings_model
from pipeline.lexicons import Entry, Grammar, Words
from pipeline.rules.language.rulefile import Rule

Which = Literal["rules", "lexicon", "words", "language", "settings"]
WHICH: tuple[Which, ...] = ("rules", "lexicon", "words", "language", "settings")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TITLES: dict[Which, str] = {
    "rules": "Tether: a file of rules",
    "lexicon": "Tether: a file of lexicons",
    "words": "Tether: lists of words that the lexicons of a language share",
    "language": "Tether: what is true of a language",
    "settings": "Tether: settings",
}


def schema(which: Which) -> dict[str, Any]:
    """The JSON Schema of one kind of file."""
    kinds: dict[Which, Any] = {
        "rules": list[Rule],
        "lexicon": list[Entry],
        "words": Words,
        "language": Grammar,
        "settings": settings_model(),
    }
    adapter: TypeAdapter[Any] = TypeAdapter(kinds[which])
    made = adapter.json_schema(by_alias=True)
    if which == "settings":
        # A file names only what differs from what it extends.
        made = _without_required(made)
    return {"$schema": _DIALECT, **made, "title": _TITLES[which]}


def _without_required(node: Any) -> Any:
    """A schema of which nothing must be there; a key that is called so is not meant."""
    if isinstance(node, list):
        return [_without_required(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_required(value)
        for key, value in node.items()
        if not (key == "required" and isinstance(value, list))
    }
