"""What a stage declares.

A stage is one step from the recording to moments, in its own file. It is a pure function over
tables: no paths, no clock, no logging. It declares everything else that its result depends on: its
version, settings and parameters, the engine, and the stages that it needs. All of that goes into
the address of the result (`workspace.stage_cache`).
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
"""`Fresh` for a stage that needs the recording or an engine, otherwise `Context`."""


def _nothing(_context: Context) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Stage(Generic[Given]):
    """One step of processing.

    Attributes
    ----------
    name
        A noun: what the stage makes. It names the folder of the result and the step in progress
        messages.
    version
        Raised whenever the code of the stage gives other results for equal input. A test fails if
        that code changes and the version does not.
    needs
        Names of the stages whose results it depends on. The runner computes them first.
    run
        Takes the context and the tables of all stages so far; returns the tables of this stage.
    settings
        Sections of the settings that the result depends on.
    parameters
        Other values that it depends on, as JSON.
    optional
        Stages that not every recording has; needed where they exist.
    engine
        Identity of the engine; None: the stage has none.
    because
        Why this engine was chosen: kept with the result, not part of its address.
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
    """Sections of the settings as JSON values; names without a section are skipped."""
    dumped = settings.model_dump(mode="json", include=set(names))
    return {name: dumped[name] for name in names if name in dumped}


def repeated(identity: Identity) -> dict[str, Any]:
    """Identity of an imported or scripted engine, as part of the slot.

    With another file the result is another one, not merely a stale one.
    """
    repeats = "files" in identity or identity.get("engine") == "scripted"
    return {"told": dict(identity)} if repeats else {}
