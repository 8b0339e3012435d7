"""What a stage declares: a step from the recording to moments, in a file of its own.

A stage is a pure function over tables: no paths, no clock, no logging. What else its result depends
on, it declares, and all of that goes into the address of the result (`workspace.stage_cache`): its
version, the settings and parameters, the engine, and the stages that it needs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from pipeline.config import Settings
from pipeline.core.tables import Tables
from pipeline.engines.protocols import Identity
from pipeline.session.context import Context
from pipeline.workspace.stage_cache import Computation

Given = TypeVar("Given", bound=Context)
"""`Fresh` for a stage that needs the recording or an engine, else `Context`."""


def _nothing(_context: Context) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Stage(Generic[Given]):
    """One step of processing.

    Attributes
    ----------
    name
        A noun: what it makes. It names the folder of the result and the step in progress messages.
    version
        Raised whenever the code under the stage gives other results for equal input. A test fails
        where that code changes and the version does not.
    needs
        Names of the stages whose results it depends on. The runner computes them first.
    run
        From the context and the tables of all stages so far to the tables of this one.
    settings
        Sections of the settings on which the result depends.
    parameters
        What else it depends on, as JSON values.
    optional
        Stages that not every recording has; needed where they are there.
    engine
        Identity of the engine; None: the stage has none.
    because
        Why this engine: kept with the result, no part of its address.
    applies
        Whether a recording has this stage.
    calls
        Packages and modules whose code it runs without importing them: engines, compiled rules.
    """

    name: str
    version: int
    needs: tuple[str, ...]
    run: Callable[[Given, Tables], Tables]
    settings: tuple[str, ...] = ()
    parameters: Callable[[Given], Mapping[str, Any]] = _nothing
    optional: tuple[str, ...] = ()
    engine: Callable[[Given], Identity] | None = None
    because: Callable[[Given], str] = lambda _context: ""
    applies: Callable[[Given], bool] = lambda _context: True
    calls: tuple[str, ...] = ()

    def prepare(self, context: Given) -> Computation:
        """The stage for one recording, ready to be computed or looked up."""
        here = tuple(name for name in self.optional if name in context.slots)
        return Computation(
            self.name,
            self.version,
            (*self.needs, *here),
            partial(self.run, context),
            sections(context.settings, *self.settings) | dict(self.parameters(context)),
            dict(self.engine(context)) if self.engine else {},
            self.because(context),
        )


def sections(settings: Settings, *names: str) -> dict[str, Any]:
    """Sections of the settings, as JSON values; an engine without settings has none."""
    dumped = settings.model_dump(mode="json", include=set(names))
    return {name: dumped[name] for name in names if name in dumped}


def repeated(identity: Identity) -> dict[str, Any]:
    """What an imported or scripted engine repeats: part of the slot, not of the engine's version.

    Another file asks another question; the answer to the older one is not merely stale.
    """
    repeats = "files" in identity or identity.get("engine") == "scripted"
    return {"told": dict(identity)} if repeats else {}
