"""What can go wrong, and how it is reported.

::

    TetherError            1   internal error, if raised as such
    ├── ConfigError        2   settings, rules or options that cannot be used
    ├── InputError         3   a recording, notes file or transcript that cannot be used
    │   ├── ConsentError   3   no consent reference where one is required
    │   └── ChangingError  3   a recording that is still being written
    ├── EngineError        4   a diarizer or transcriber that is missing or failed
    └── StoreError         5   the workspace cannot be read or written
        └── DamagedError   5   a stored result is damaged: it is computed again

A message says what was found, what was expected, and what to type next. It never contains a file
name, the path of a recording, a person's name or a spoken word: the caller adds the name of the
recording, and only on a terminal.

Other exit codes: 0 done, 6 some recordings failed and the rest are done, 130 interrupted.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_PARTLY_FAILED = 6
EXIT_INTERRUPTED = 130

PAGE_LINES = 20
PAGE_CHARACTERS = 2000
"""A message is at most a page long: nobody reads a list of 100,000 errors."""

SHOWN = 10
"""Problems that one message lists; the rest are counted."""

_STEERS = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LIST_CHARACTERS = 1200
_EXPECTED_CHARACTERS = 600
_HINT_CHARACTERS = 300


def listed(problems: Sequence[str], *, more: int = 0) -> str:
    r"""The first `SHOWN` of `problems` that fit on a page, a line each, and how many more there
    are.

    Parameters
    ----------
    more
        Number of problems not in `problems`.

    >>> listed(["line 1: no time", "line 2: no time"])
    'line 1: no time\nline 2: no time'
    >>> listed(["no time"] * 25).splitlines()[-1]
    'and 15 more'
    """
    lines: list[str] = []
    left = _LIST_CHARACTERS
    for problem in problems[:SHOWN]:
        line = _cut(problem, _LIST_CHARACTERS)
        left -= len(line)
        if lines and left < 0:
            break
        lines.append(line)
    more += len(problems) - len(lines)
    if more:
        lines.append(f"and {more} more")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """`text` with control, direction and surrogate characters written as escapes."""
    return _STEERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _page(text: str, characters: int) -> str:
    lines = _cut(text, characters).split("\n")
    return "\n".join(lines if len(lines) <= PAGE_LINES else [*lines[: PAGE_LINES - 1], "..."])


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 4] + " ..."


class TetherError(Exception):
    """An error that the user can act on.

    Parameters
    ----------
    found
        What was found: one plain clause without a full stop, or a list from `listed`. Text beyond a
        page is cut off, and control characters are written as escapes.
    expected
        What would have been right; may be empty.
    hint
        What to type or do next; may be empty.
    """

    exit_code: ClassVar[int] = EXIT_BUG

    def __init__(self, found: str, *, expected: str = "", hint: str = "") -> None:
        self.expected = _cut(_plain(expected), _EXPECTED_CHARACTERS)
        self.hint = _cut(_plain(hint), _HINT_CHARACTERS)
        parts = [f"expected: {self.expected}"] if expected else []
        parts += [f"next: {self.hint}"] if hint else []
        rest = sum(len("; ") + len(part) for part in parts)
        self.found = _page(_plain(found), PAGE_CHARACTERS - rest)
        parts.insert(0, self.found)
        super().__init__("; ".join(parts))


class ConfigError(TetherError):
    """Settings, rules, lexicons or options that cannot be used."""

    exit_code = 2


class InputError(TetherError):
    """A recording, session notes file, transcript or diarization that cannot be used."""

    exit_code = 3


class ConsentError(InputError):
    """The settings require a consent reference, and the session notes file has none."""


class ChangingError(InputError):
    """A recording that is still being written, for example by an unfinished copy."""

    def __init__(self) -> None:
        super().__init__(
            "the recording is still being written: it changed while it was read",
            expected="a complete file",
            hint="run again when the copy is complete; nothing is kept of it until then",
        )


class EngineError(TetherError):
    """A diarizer, transcriber or model that is missing or failed."""

    exit_code = 4


class StoreError(TetherError):
    """The workspace cannot be read or written."""

    exit_code = 5


class DamagedError(StoreError):
    """A result in the workspace is damaged; it can be computed again."""
