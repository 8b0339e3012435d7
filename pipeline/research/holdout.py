"""Hold out sessions that nobody reads while rules are written, chosen by hash.

A rule that was written after reading a session finds that session's moments; its value shows on
sessions that its author never read. So hold out a part of the sessions before you write the first
pattern. The choice depends on the names only: the same names give the same choice on any machine,
and easy sessions cannot be picked. ::

    held, rest = split(["S-01", "S-02", "S-03", "S-04"], 1)
    read and tune on `rest`; score on both; never read `held`

More sessions may change the choice: choose when the collection is complete, or keep the names in a
file, one per line (``tether evaluate --hold-out names.txt``).
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.errors import ConfigError


def split(names: Iterable[str], number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The `number` names with the smallest SHA-256, and the others; both in order of hash.

    Parameters
    ----------
    names
        Names of sessions in the codes: `code` of the session notes, otherwise the recording's id.

    Raises
    ------
    ConfigError
        There are fewer names than that.

    Examples
    --------
    >>> split(["S-01", "S-02", "S-03", "S-04"], 1)
    (('S-03',), ('S-01', 'S-02', 'S-04'))
    """
    ordered = sorted(set(names), key=lambda name: (hashlib.sha256(name.encode()).digest(), name))
    if not 0 <= number <= len(ordered):
        raise ConfigError(
            f"{number} sessions to hold out, but there are only {len(ordered)}",
            expected="a smaller number",
        )
    return tuple(ordered[:number]), tuple(ordered[number:])


def chosen(names: Iterable[str], choice: str) -> frozenset[str]:
    """The names to hold out: a number of them, or the path of a list.

    Parameters
    ----------
    choice
        ``8``, or a text file with one name per line; blank lines and text after ``#`` are ignored.
        Names in the list that are not in `names` are skipped: the list may cover a larger
        collection.

    Raises
    ------
    ConfigError
        More sessions than there are, an unreadable file, or a list without a known name.
    """
    known = frozenset(names)
    if choice.isascii() and choice.isdigit():
        return frozenset(split(known, int(choice))[0])
    try:
        lines = Path(choice).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as caught:
        reason = getattr(caught, "strerror", None) or "not UTF-8 text"
        raise ConfigError(
            f"--hold-out: the list cannot be read: {reason.lower()}",
            expected="a number, or a text file with one session name per line",
        ) from None
    listed = {line.partition("#")[0].strip() for line in lines} - {""}
    if not listed & known:
        raise ConfigError(
            "--hold-out: the list names none of these sessions",
            expected="one session per line, by its code in the session notes file or its id",
        )
    return frozenset(listed & known)
