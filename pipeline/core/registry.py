"""Factories by name, with the nearest known name for an unknown one."""

import difflib
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from pipeline.core.errors import ConfigError


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint: "did you mean ...?", or the list of known names.

    >>> nearest("clusterin", ["clustering", "channels"])
    "did you mean 'clustering'?"
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(names)}"


class Registry:
    """Factories by name; each is imported when it is first requested.

    Parameters
    ----------
    noun
        What the registry holds, for messages.
    places
        Name to ``module:attribute``.
    """

    def __init__(self, noun: str, places: dict[str, str]) -> None:
        self.noun = noun
        self._places = dict(places)

    def names(self) -> list[str]:
        """All registered names, in order of registration."""
        return list(self._places)

    def add(self, name: str, place: str) -> None:
        """Register another factory."""
        self._places[name] = place

    def get(self, name: str) -> Any:
        """The factory of that name.

        Raises
        ------
        ConfigError
            No such name.
        """
        if name not in self._places:
            raise ConfigError(f"unknown {self.noun} '{name}'", expected=nearest(name, self._places))
        module, _, attribute = self._places[name].partition(":")
        return getattr(import_module(module), attribute)
