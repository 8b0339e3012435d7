"""Small pieces of Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under a head; a bar within a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def code(text: str) -> str:
    """Text as code."""
    return f"`{text}`"


def codes(names: Iterable[str]) -> str:
    """Names as code, with commas."""
    return ", ".join(map(code, names))


def sentence(text: str) -> str:
    """Text with a capital, unless it begins with the name of a column, and a full stop."""
    named = "_" in text.partition(" ")[0]
    begun = text if named else text[:1].upper() + text[1:]
    return begun + ("" if text.endswith((".", "!", "?")) else ".")
