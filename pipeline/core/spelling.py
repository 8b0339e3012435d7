"""Names as people and disks write them: one spelling to compare, and what a terminal may show.

macOS takes an accented letter apart ("u" and two dots, NFD), other systems keep it whole (NFC). The
same name on disk, in a sidecar and on a command line may therefore differ in its bytes. Names are
compared and kept whole; a file is opened by the bytes that its folder has.
"""

import os
import unicodedata
from pathlib import Path

from pipeline.core.errors import InputError

_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

SHORT_ID = 12
"""Hexadecimal digits of an id that stand in folder names and on the terminal: 48 bits."""


def whole(name: str) -> str:
    """`name` with accented letters as one character each (NFC).

    >>> whole("Zoe\u0308") == "Zo\u00eb"
    True
    """
    return unicodedata.normalize("NFC", name)


def spellings(path: Path) -> set[str]:
    """`path` as a text, in each of the ways in which its name may be written."""
    text = str(path)
    return {text, whole(text), unicodedata.normalize("NFD", text)}


def on_disk(path: Path) -> Path:
    """`path` as its folders spell it; unchanged where nothing of that name is there.

    Raises
    ------
    InputError
        Two names differ in nothing but their spelling, and `path` is neither of them.
    """
    if str(path).isascii() or os.path.lexists(path):
        return path
    folder = on_disk(path.parent) if path.parent != path else path
    if path.name.isascii():
        return folder / path.name
    try:
        same = [each.name for each in folder.iterdir() if whole(each.name) == whole(path.name)]
    except OSError:
        same = []  # whoever opens the file says why it cannot be opened
    if len(same) > 1:
        raise InputError(
            "two files have the same name, and its accents are written in two ways",
            expected="one of them",
            hint="rename one of the two",
        )
    return folder / (same[0] if same else path.name)


def printable(text: str) -> str:
    """`text` for one line of a terminal.

    Controls could move its cursor or turn the direction of writing; bytes of a file name that are
    not UTF-8 could not be written at all.
    """
    return "".join(
        "\ufffd" if unicodedata.category(c) in ("Cc", "Cs") or c in _DIRECTIONS else c for c in text
    )
