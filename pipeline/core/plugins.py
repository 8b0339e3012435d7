"""Packages of users that add engines or features to Tether, found by their entry points.

Such a package says in its ``pyproject.toml`` what it adds::

    [project.entry-points."tether.engines"]
    acme = "acme.engines"               # a module: importing it registers its engines

    [project.entry-points."tether.features"]
    acme = "acme.features:features"     # a function of the settings, or a tuple of features

Nothing is imported until engines or features are first asked for. A plug-in that fails is left
out and costs nothing else: `failures` names it, and so do ``tether doctor`` and every error that
may have come of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

ENGINES = "tether.engines"
FEATURES = "tether.features"

_Made = TypeVar("_Made")
_FAILURES: dict[tuple[str, str], "Failure"] = {}


@dataclass(frozen=True)
class Failure:
    """A plug-in that could not be used.

    Attributes
    ----------
    name, adds
        Of its entry point, and what that adds: ``engines`` or ``features``.
    package
        Name of the installed package; empty if unknown.
    reason
        Type and message of the error.
    """

    name: str
    adds: str
    package: str
    reason: str

    def __str__(self) -> str:
        """One clause for a person."""
        package = f" of the package '{self.package}'" if self.package else ""
        return f"plug-in {self.adds} '{self.name}'{package} cannot be used ({self.reason})"


def entries(group: str) -> tuple[EntryPoint, ...]:
    """Entry points of all installed packages in `group`, by name; nothing is imported."""
    return tuple(sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)))


def attempt(entry: EntryPoint, use: Callable[[], _Made]) -> _Made | None:
    """What `use` gives; None if it raises, and then the plug-in is among the `failures`."""
    key = entry.group, entry.name
    try:
        made = use()
    except Exception as caught:  # noqa: BLE001  # whatever a plug-in does, it costs itself alone
        package = entry.dist.name if entry.dist else ""
        adds, reason = entry.group.rpartition(".")[2], f"{type(caught).__name__}: {caught}"
        _FAILURES[key] = Failure(entry.name, adds, package, reason)
        return None
    _FAILURES.pop(key, None)
    return made


def failures() -> tuple[Failure, ...]:
    """Plug-ins that could not be used so far."""
    return tuple(_FAILURES.values())


def hint() -> str:
    """What to add to an error about an unknown name; empty if every plug-in is well."""
    return "; ".join(str(failure) for failure in failures())
