"""The reference pages are what the code declares now, and their examples can be used."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from strategies import catalogue, english, settings

from pipeline.core import yaml
from pipeline.rules import RuleBook
from pipeline.rules.language import json_schema
from pipeline.rules.language.rulefile import Rule

PAGES = ("rules.md", "measures.md")


def blocks(page: str) -> list[str]:
    """Fenced YAML of a page."""
    return re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def rules_page(repository: Path) -> str:
    return (repository / "docs" / "rules.md").read_text(encoding="utf-8")


def test_regenerating_changes_nothing(repository: Path, tmp_path: Path) -> None:
    script = repository / "scripts" / "make_docs.py"
    subprocess.run([sys.executable, str(script), "--output", str(tmp_path)], check=True)
    old = [
        name
        for name in PAGES
        if (repository / "docs" / name).read_bytes() != (tmp_path / name).read_bytes()
    ]
    assert old == [], (
        f"older than the code: {old}; next: scripts/make_docs, and commit what it says"
    )


def test_every_rule_on_the_page_compiles(rules_page: str, tmp_path: Path) -> None:
    written = [block for block in blocks(rules_page) if block.startswith("- id: ")]
    assert len(written) >= 3
    own = tmp_path / "own.yaml"
    own.write_text("\n".join(written), encoding="utf-8")
    chosen = settings().model_copy(update={"rules": (str(own),)})
    assert len(RuleBook.read(chosen, catalogue(), english()).rules) == len(written)


def test_every_key_has_a_section_whose_example_is_yaml(rules_page: str) -> None:
    keys = [
        key
        for part in json_schema.schema("rules")["$defs"].values()
        for key in part.get("properties", ())
    ]
    shown = re.findall(r"^#### `(\w+)`\n\n.*\n\n```yaml\n(.*)\n```$", rules_page, re.MULTILINE)
    assert sorted(key for key, _ in shown) == sorted(keys)
    for key, example in shown:
        assert list(yaml.parse(example, key).data) == [key]


@pytest.mark.parametrize("way", ["at_least", "in_a_row", "of_last"])
def test_the_examples_of_all_keys_make_a_rule(way: str) -> None:
    properties: dict[str, Any] = json_schema.schema("rules")["$defs"]["Rule"]["properties"]
    others = {"at_least", "in_a_row", "of_last"} - {way}
    given = {key: own["examples"][0] for key, own in properties.items() if key not in others}
    assert Rule.model_validate(given).id == given["id"]
