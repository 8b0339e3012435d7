"""Sessions that nobody looks at while rules are written: chosen by hash, so by nobody.

A rule that was written after reading a session finds that session's moments; what it is worth
shows on sessions that its author never read. So before the first pattern is written, a part of the
sessions is put aside. The choice depends on the names alone: whoever has the same names puts the
same sessions aside, on any machine, and nobody can choose the easy ones. ::

    held, rest = split(["S-01", "S-02", "S-03", "S-04"], 1)
    read and tune on `rest`; score on both; never read `held`

Further sessions may change the choice: fix it when the collection is complete, or keep the names in
a file, one a line (``tether evaluate --hold-out names.txt``).
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.errors import ConfigError


def split(names: Iterable[str], number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The `number` names of smallest SHA-256, and the others; both in order of their hash.

    Parameters
    ----------
    names
        What sessions are called in the codes: the sidecar's `code`, or else the recording's id.

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
            f"{number} sessions to hold out, and there are {len(ordered)}",
            expected="fewer than there are",
        )
    return tuple(ordered[:number]), tuple(ordered[number:])


def chosen(names: Iterable[str], choice: str) -> frozenset[str]:
    """The names that `choice` puts aside: a number of them, or the path of a list.

    Parameters
    ----------
    choice
        ``8``, or a text file with a name on each line; blank lines and what follows ``#`` count
        for nothing. Names that stand in the list and not in `names` are passed over: the list may
        be of a larger collection.

    Raises
    ------
    ConfigError
        More than there are, no such file, or a list of which no name is known.
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
            expected="a number, or a text file with the name of a session on each line",
        ) from None
    listed = {line.partition("#")[0].strip() for line in lines} - {""}
    if not listed & known:
        raise ConfigError(
            "--hold-out: the list names none of these sessions",
            expected="the sidecar's code, or the id, of a session on each line",
        )
    return frozenset(listed & known)
