"""The two reference pages, written from what the code itself declares.

``docs/rules.md`` comes from the JSON Schema of rule files, ``docs/measures.md`` from the catalogue
of features. What is written by hand stands in ``doc_parts/NAME.md``; each line ``<!-- PART -->``
there is replaced by the part of that name. Running it twice gives the same bytes, and
``tests/test_docs_generated.py`` fails where a page is older than the code.
"""

import argparse
import re
from pathlib import Path

from doc_parts import measures, rules

from pipeline import config
from pipeline import lexicons as lexicon
from pipeline import measures as features

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).resolve().parent / "doc_parts"
_PLACE = re.compile(r"^<!-- ([a-z_]+) -->$", re.MULTILINE)
_HEAD = (
    "<!-- Written by scripts/make_docs from scripts/doc_parts/{name}. Do not edit this page. -->\n"
)


def pages() -> dict[str, str]:
    """Text of each page, by file name."""
    settings = config.load()
    lexicons = lexicon.load("en")
    catalogue = features.catalogue(settings, lexicons)
    parts = {
        "rules.md": rules.parts(catalogue),
        "measures.md": measures.parts(catalogue),
    }
    return {name: _filled(name, own) for name, own in parts.items()}


def _filled(name: str, parts: dict[str, str]) -> str:
    """A template with its parts.

    Raises
    ------
    ValueError
        A part that no line asks for, or a line that asks for a part that is not there.
    """
    template = (TEMPLATES / name).read_text(encoding="utf-8")
    asked = _PLACE.findall(template)
    if sorted(asked) != sorted(parts):
        raise ValueError(f"{name} asks for {sorted(asked)}, and there is {sorted(parts)}")
    return _HEAD.format(name=name) + _PLACE.sub(lambda place: parts[place[1]].strip(), template)


def main() -> None:
    """Write the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--output", type=Path, default=ROOT / "docs", help="folder of the pages (default: docs)"
    )
    options = parser.parse_args()
    for name, text in pages().items():
        (options.output / name).write_text(text, encoding="utf-8")
        print(options.output / name)


if __name__ == "__main__":
    main()
