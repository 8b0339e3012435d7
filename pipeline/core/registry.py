"""Engines by kind and name, and the nearest name to one that is unknown.

An engine is one class that registers itself::

    @engine("diarizer", "murmur", settings=Murmur)
    class MurmurDiarizer:
        def __init__(self, settings: Settings) -> None: ...

From then on ``engines: {diarizer: murmur}`` is accepted, and a section ``murmur:`` of the settings
holds its model `Murmur`. Whatever lies under `pipeline.engines` is found by looking there; packages
of users are found by their entry points (`pipeline.core.plugins`). Settings are a level below the
engines and have to know their names, so this registry is below both, and engines are imported by
name when they are first asked for. Importing one loads no model library.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import walk_packages
from threading import RLock
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel

from pipeline.core import plugins
from pipeline.core.errors import ConfigError

Kind = Literal[
    "speech detector",
    "diarizer",
    "transcriber",
    "pitch tracker",
    "voice encoder",
    "reader",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

BUILT_IN = "pipeline.engines"
NETWORKS = (".network", ".training")
"""Modules of these names are written in a model library: no engine is looked for in them."""
WORDS = ("auto", "imported", "none", "scripted")
"""What the settings or a report say in place of an engine's name."""

_Made = TypeVar("_Made", bound=Callable[..., Any])


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint: "did you mean ...?", or the list of known names.

    >>> nearest("clusterin", ["clustering", "channels"])
    "did you mean 'clustering'?"
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(names)}"


@dataclass(frozen=True)
class Engine:
    """An engine that settings may name.

    Attributes
    ----------
    make
        Constructs it from the settings of a run.
    settings
        Model of its section in the settings, which has the engine's name; None: it has none.
    auto
        Its place among those that ``auto`` tries, the smallest first; None: it must be named.
    """

    kind: Kind
    name: str
    make: Callable[..., Any]
    settings: type[BaseModel] | None = None
    auto: int | None = None

    @property
    def place(self) -> str:
        """Module and name of what makes it."""
        return f"{self.make.__module__}.{self.make.__qualname__}"


_ENGINES: dict[tuple[Kind, str], Engine] = {}
_RESERVED: set[str] = set()
_FOUND: list[str] = []
_LOCK = RLock()


def engine(
    kind: Kind, name: str, *, settings: type[BaseModel] | None = None, auto: int | None = None
) -> Callable[[_Made], _Made]:
    """Register the decorated class as an engine.

    Parameters
    ----------
    kind
        One of `KINDS`; the class has the methods of that protocol (`pipeline.engines.protocols`).
    name
        What settings say: letters, digits and underscores.
    settings
        Its own section of the settings, a `pipeline.config.Section`. Two engines of one name share
        one model.
    auto
        Its place among those that ``auto`` tries; None: it must be named.

    Raises
    ------
    ConfigError
        No such kind, or a name that is taken or cannot be used.
    """
    if kind not in KINDS:
        raise ConfigError(f"no kind of engine '{kind}'", expected=nearest(kind, KINDS))
    usable = name.isidentifier() and name[0] != "_" and name not in WORDS
    if not usable or (settings and name in _RESERVED):
        raise ConfigError(
            f"'{name}' cannot be the name of a {kind}",
            expected="letters, digits and underscores, and no key or word that the settings have",
        )

    def register(make: _Made) -> _Made:
        added = Engine(kind, name, make, settings, auto)
        for taken in _ENGINES.values():
            same = taken.name == name and taken.place != added.place
            clash = settings and taken.settings and taken.settings is not settings
            if same and (taken.kind == kind or clash):
                raise ConfigError(f"the name '{name}' of a {kind} is taken by {taken.place}")
        _ENGINES[kind, name] = added
        return make

    return register


def engines(kind: Kind | None = None) -> tuple[Engine, ...]:
    """All engines, or those of one kind: first those that ``auto`` tries, in its order."""
    _find()
    found = [each for each in _ENGINES.values() if kind in (None, each.kind)]
    found.sort(key=lambda each: (KINDS.index(each.kind), each.auto is None, each.auto, each.name))
    return tuple(found)


def names(kind: Kind) -> tuple[str, ...]:
    """Names of the engines of a kind."""
    return tuple(each.name for each in engines(kind))


def find(kind: Kind, name: str) -> Engine:
    """The engine of that name.

    Raises
    ------
    ConfigError
        There is none.
    """
    for each in engines(kind):
        if each.name == name:
            return each
    raise ConfigError(
        f"unknown {kind} '{name}'", expected=nearest(name, names(kind)), hint=plugins.hint()
    )


def sections() -> Mapping[str, type[BaseModel]]:
    """Models of the engines' sections in the settings, by name."""
    found = {each.name: each.settings for each in engines() if each.settings}
    return dict(sorted(found.items()))


def reserve(keys: Iterable[str]) -> None:
    """Refuse engines whose section would have one of these names."""
    _RESERVED.update(keys)


def _find() -> None:
    """Import all engines, once; a plug-in that fails registers nothing."""
    with _LOCK:
        if _FOUND:
            return
        _FOUND.append(BUILT_IN)  # an engine that reads settings while it is imported asks again
        for module in walk_packages(import_module(BUILT_IN).__path__, f"{BUILT_IN}."):
            if not module.name.endswith(NETWORKS):
                import_module(module.name)
        for entry in plugins.entries(plugins.ENGINES):
            before = dict(_ENGINES)
            if plugins.attempt(entry, entry.load) is None:
                _ENGINES.clear()
                _ENGINES.update(before)
