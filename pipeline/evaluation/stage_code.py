"""Whether code under a stage changed without the stage's version: then old results would be reused.

Beside the stages lies `code.json`: for each stage its version, and a digest of every module whose
code it runs. A digest is taken of the syntax tree without docstrings and comments, so that an
editor's pass raises no version. ::

    python -m pipeline.evaluation.stage_code                     what changed
    python -m pipeline.evaluation.stage_code --record            after raising versions
    python -m pipeline.evaluation.stage_code --record --same-results
                                             where changed code was shown to give the same results
"""

import argparse
import ast
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from pipeline.session import stages
from pipeline.session.stage import Stage

RECORD = Path(stages.__file__).with_name("code.json")
APART = (
    "pipeline.config",  # settings stand among the parameters of a stage
    "pipeline.session",  # orders stages; a stage's own file is looked at
    "pipeline.workspace",  # keeps results
    "pipeline.core.errors",
    "pipeline.core.processes",
    "pipeline.core.registry",
    "pipeline.core.schema",
    "pipeline.core.tables",  # a table of another shape is refused when it is read
    "pipeline.core.yaml",
    "pipeline.engines.models",
    "pipeline.measures.known_errors",  # sentences for people
)
"""Modules that results do not rest on."""


def code_of(stage: Stage[Any]) -> dict[str, str]:
    """Digest of each module whose code a stage runs, by name."""
    own = f"{stages.__name__}.{stage.name}"
    found: set[str] = set()
    waiting = {own, *(module for name in stage.calls for module in _with_parts(name))}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= {each for each in _imports(name) if each not in found and not _is_apart(each)}
    return {name: _digest(name) for name in sorted(found)}


def changes() -> Iterator[str]:
    """A sentence for each stage whose code or version is not what was recorded."""
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    for stage in stages.STAGES:
        if stage.name not in recorded:
            yield f"stage '{stage.name}' is not recorded"
            continue
        version, code = recorded[stage.name]["version"], recorded[stage.name]["code"]
        changed = _changed(code, code_of(stage))
        if changed and version == stage.version:
            yield (
                f"stage '{stage.name}': {', '.join(changed)} changed, and its version is still "
                f"{version}: results of older code would be used"
            )
        elif changed or version != stage.version:
            yield f"stage '{stage.name}': version {stage.version} is not recorded yet"


def record(*, same_results: bool) -> list[str]:
    """Write what the code is now; what stands against it, where versions were not raised."""
    recorded = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    wrong = [
        stage.name
        for stage in stages.STAGES
        if stage.name in recorded
        and recorded[stage.name]["version"] == stage.version
        and _changed(recorded[stage.name]["code"], code_of(stage))
    ]
    if wrong and not same_results:
        return wrong
    now = {each.name: {"version": each.version, "code": code_of(each)} for each in stages.STAGES}
    RECORD.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    return []


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _is_apart(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in APART)


def _with_parts(name: str) -> list[str]:
    """A module, and if it is a package all modules in it."""
    spec = find_spec(name)
    assert spec is not None, name
    parts = spec.submodule_search_locations
    return [name, *(each.name for each in walk_packages(parts, f"{name}."))] if parts else [name]


@cache
def _tree(name: str) -> ast.Module:
    spec = find_spec(name)
    assert spec is not None, name
    assert spec.origin is not None, name
    return ast.parse(Path(spec.origin).read_bytes())


@cache
def _imports(name: str) -> frozenset[str]:
    """Modules of Tether that a module imports."""
    found = set()
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipeline"):
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                found.add(module if _is_module(module) else str(node.module))
    return frozenset(found)


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(repr(_shape(_tree(name))).encode()).hexdigest()[:16]


def _shape(node: object) -> object:
    """A syntax tree as plain values: no docstrings, no places, nothing that is empty."""
    if isinstance(node, list):
        return [_shape(each) for each in node if not _is_text(each)]
    if not isinstance(node, ast.AST):
        return node
    fields = [(name, _shape(value)) for name, value in ast.iter_fields(node)]
    return type(node).__name__, [(name, value) for name, value in fields if value not in (None, [])]


def _is_text(node: object) -> bool:
    """A text that stands alone: a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def main() -> None:
    """Say what changed, or record it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write what the code is now")
    parser.add_argument(
        "--same-results", action="store_true", help="changed code gives the same results"
    )
    options = parser.parse_args()
    if options.record and (wrong := record(same_results=options.same_results)):
        sys.exit(
            f"not recorded: code of {', '.join(wrong)} changed; raise `version` in the file of the "
            "stage, or say --same-results where the results were compared"
        )
    found = list(changes())
    print("\n".join(found) or "code and versions are as recorded")  # noqa: T201  # a command
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
