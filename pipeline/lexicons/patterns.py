"""Normalise texts and regular expressions of lexicons, and keep matching in linear time."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import polars as pl

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2019\u2018\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2013\u2014\u2026", "-"),
        **dict.fromkeys("\t\n\r\x0b\x0c\u00a0", " "),
    }
)
_DOTS = re.compile(r"\.{2,}")
_SPACE = r'(?:[ ,:"-]+)'
_WORD_STARTS = r"(?:(?!\w)|(?<!\w)(?<!\w'))"
_WORD_ENDS = r"(?:(?<!\w)|(?!\w)(?!'\w))"
_ESCAPED_OR_CLASS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]")
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")
_PART = re.compile(r"<([a-z][a-z0-9_]*)>")


@lru_cache(maxsize=8192)
def normalise(text: str, filler: re.Pattern[str] | None = None, *, keep_case: bool = False) -> str:
    """`text` in lower case, quotes straight, fillers blank; as long as before.

    Parameters
    ----------
    keep_case
        Leave capital letters as they are.

    Examples
    --------
    >>> normalise("You, um, DON\u2019T listen", re.compile("um"))
    "you,   , don't listen"
    >>> normalise("Haben Sie\u2026", keep_case=True)
    'Haben Sie-'
    """
    plain = text.translate(_PLAIN)
    if not keep_case:
        lower = plain.lower()
        if len(lower) != len(plain):  # a letter such as the dotted capital I becomes two
            lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in plain)
        plain = lower
    plain = _DOTS.sub(lambda found: "-" * len(found[0]), plain)
    return plain if filler is None else filler.sub(lambda found: " " * len(found[0]), plain)


def joined(alternatives: Iterable[str], parts: Mapping[str, str]) -> str:
    """Any of some alternatives, as one regular expression.

    Parameters
    ----------
    parts
        What stands for ``<name>`` in an alternative; an unknown name stays.

    Examples
    --------
    >>> joined(["you <never> listen", "stop"], {"never": "never|don't"})
    "you (?:never|don't) listen|stop"
    """

    def put_in(found: re.Match[str]) -> str:
        part = parts.get(found[1])
        return found[0] if part is None else f"(?:{part})"

    return _PART.sub(put_in, "|".join(alternatives))


def resolved(parts: Mapping[str, Iterable[str]], known: Mapping[str, str]) -> dict[str, str]:
    """Each part as one regular expression, with those above it and the `known` ones put in."""
    found = dict(known)
    for name, alternatives in parts.items():
        found[name] = joined(alternatives, found)
    return found


def unknown_part(pattern: str) -> str | None:
    """The first name of a part that is left in a regular expression, or None."""
    left = _PART.search(pattern)
    return left[1] if left else None


def is_linear(pattern: str) -> bool:
    """Whether an automaton can match it, which takes time in proportion to the text."""
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:
        return False
    return True


def repeats_a_repetition(pattern: str) -> bool:
    """Whether a group that repeats without bound is itself repeated without bound.

    >>> repeats_a_repetition("(?:a+)+"), repeats_a_repetition("(?:a+){0,4}b*")
    (True, False)
    """
    plain = _ESCAPED_OR_CLASS.sub("x", pattern)
    repeats = [False]
    for at, char in enumerate(plain):
        if char == "(":
            repeats.append(False)
        elif char == ")" and len(repeats) > 1:
            inner = repeats.pop()
            outer = _UNBOUNDED.match(plain, at + 1)
            if inner and outer:
                return True
            repeats[-1] = repeats[-1] or inner
        elif _UNBOUNDED.match(plain, at):
            repeats[-1] = True
    return False


def expanded(pattern: str) -> str:
    """A pattern with its spaces spelt out; those within brackets and after a backslash stay."""
    parts, done = [], 0
    for kept in _ESCAPED_OR_CLASS.finditer(pattern):
        parts += [pattern[done : kept.start()].replace(" ", _SPACE), kept.group()]
        done = kept.end()
    return "".join([*parts, pattern[done:].replace(" ", _SPACE)])


def spelt(phrase: str, *, keep_case: bool = False) -> str:
    """A regular expression of plain words."""
    words = (phrase if keep_case else phrase.lower()).split()
    return " ".join(map(re.escape, words)).replace(" ", _SPACE)


def bounded(pattern: str, *, any_case: bool = False) -> re.Pattern[str]:
    """A pattern that begins and ends at the bounds of words."""
    flags = re.IGNORECASE if any_case else re.NOFLAG
    return re.compile(f"{_WORD_STARTS}(?:{pattern}){_WORD_ENDS}", flags)
