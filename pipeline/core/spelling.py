"""Names as people and disks spell them: one spelling to compare, and text safe for a terminal.

macOS decomposes an accented letter ("u" and two dots, NFD), other systems compose it (NFC). The
same name on disk, in a session notes file and on a command line may therefore differ in its bytes.
Names are compared and stored composed; a file is opened by the bytes in its folder.
"""

import os
import unicodedata
from pathlib import Path

from pipeline.core.errors import InputError

_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

SHORT_ID = 12
"""Hexadecimal digits of an id in folder names and on the terminal: 48 bits."""


def whole(name: str) -> str:
    """`name` with accented letters as one character each (NFC).

    >>> whole("Zoe\u0308") == "Zo\u00eb"
    True
    """
    return unicodedata.normalize("NFC", name)


def spellings(path: Path) -> set[str]:
    """`path` as text, in each spelling that its name may have."""
    text = str(path)
    return {text, whole(text), unicodedata.normalize("NFD", text)}


def on_disk(path: Path) -> Path:
    """`path` as its folders spell it; unchanged if there is no such file.

    Raises
    ------
    InputError
        Two names differ only in their spelling, and `path` matches neither exactly.
    """
    if str(path).isascii() or os.path.lexists(path):
        return path
    folder = on_disk(path.parent) if path.parent != path else path
    if path.name.isascii():
        return folder / path.name
    try:
        same = [each.name for each in folder.iterdir() if whole(each.name) == whole(path.name)]
    except OSError:
        same = []  # opening the file will say why it cannot be opened
    if len(same) > 1:
        raise InputError(
            "two files have the same name with its accents encoded differently",
            expected="one of them",
            hint="rename one of the two",
        )
    return folder / (same[0] if same else path.name)


def printable(text: str) -> str:
    """`text` for one line of a terminal.

    Control characters could move the cursor or reverse the direction of writing; bytes of a file
    name that are not UTF-8 could not be written at all.
    """
    return "".join(
        "\ufffd" if unicodedata.category(c) in ("Cc", "Cs") or c in _DIRECTIONS else c for c in text
    )
