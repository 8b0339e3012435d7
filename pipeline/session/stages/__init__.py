"""The stages of processing: one file each, found in this folder and ordered by what they need.

::

    media ─ activity ─ spans ┬ words ┬ turns ─ readings ┬ values ─ roles ─ measures ┬ moments
                             │       └ quality ─────────┼───────────────────────────┘
                             └ frames ──────────────────┘

A new stage is a new file with a `STAGE`. The order, and what must be computed again after a change,
follow from what stages need.
"""

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from pipeline.core.errors import ConfigError
from pipeline.session.stage import Stage


def in_order(stages: Iterable[Stage[Any]]) -> tuple[Stage[Any], ...]:
    """Sort stages so that each follows those it needs: by depth of its needs, then by name.

    Raises
    ------
    ConfigError
        A stage needs an unknown stage, or itself.
    """
    known = {stage.name: stage for stage in stages}
    depths: dict[str, int] = {}

    def depth(name: str, below: tuple[str, ...]) -> int:
        if name in below:
            raise ConfigError(f"the stages {', '.join((*below, name))} need each other in a circle")
        if name not in known:
            raise ConfigError(f"the stage '{below[-1]}' needs '{name}', which is not a stage")
        if name not in depths:
            needed = (*known[name].needs, *known[name].optional)
            depths[name] = 1 + max((depth(each, (*below, name)) for each in needed), default=0)
        return depths[name]

    return tuple(sorted(known.values(), key=lambda stage: (depth(stage.name, ()), stage.name)))


def downstream(name: str) -> frozenset[str]:
    """A stage and all stages that depend on it."""
    found = {name}
    for stage in STAGES:
        if found.intersection((*stage.needs, *stage.optional)):
            found.add(stage.name)
    return frozenset(found)


STAGES = in_order(
    import_module(f"{__name__}.{module.name}").STAGE for module in iter_modules(__path__)
)
"""All stages, in the order in which they are computed."""
