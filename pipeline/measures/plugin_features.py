"""Features of users' packages, found by the entry points `tether.features`."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from pipeline import config
from pipeline.core import plugins
from pipeline.core.errors import ConfigError
from pipeline.core.vocabulary import ITEMS
from pipeline.measures.feature import Feature


def plugin_features(settings: config.Settings, taken: Iterable[Feature]) -> tuple[Feature, ...]:
    """Features of all plug-ins; one that fails adds none and is among `plugins.failures`.

    Parameters
    ----------
    taken
        Features that are there already: no other of their item may have their name.
    """
    found: list[Feature] = []
    there = {(feature.item, feature.name) for feature in taken}
    for entry in plugins.entries(plugins.FEATURES):
        load = partial(_features, entry.load, settings, there)
        added = plugins.attempt(entry, load) or ()
        there |= {(feature.item, feature.name) for feature in added}
        found += added
    return tuple(found)


def _features(
    load: Any, settings: config.Settings, taken: Iterable[tuple[str, str]]
) -> tuple[Feature, ...]:
    """What an entry point names: a tuple of features, or a function of the settings that gives one.

    Raises
    ------
    ConfigError
        It is something else, or no rule could name the features.
    """
    named = load()
    made = tuple(named(settings) if callable(named) else named)
    there = set(taken)
    for feature in made:
        if not isinstance(feature, Feature):
            raise ConfigError(f"{type(feature).__name__} is no Feature")
        if feature.item not in ITEMS or not feature.name.isidentifier():
            raise ConfigError(
                f"no rule could name '{feature.name}' of '{feature.item}'",
                expected=f"letters, digits and underscores, of one of {', '.join(ITEMS)}",
            )
        key = (feature.item, feature.name)
        if key in there:
            raise ConfigError(f"there is a feature '{feature.name}' of '{feature.item}' already")
        there.add(key)
    return made
