"""Compute stages, and reuse results by an address of everything that they depend on.

The address of a stage is the SHA-256 of its name, version, parameters, engine identity and the
addresses upstream; the first stage depends on the recording's bytes. Equal addresses mean equal
results, so a finished result is never computed again, and a change of one rule's threshold changes
the address of hits and moments only.

The *slot* of a stage is the same without the engine's versions. A result that an older engine left
in the slot is used and called stale; only a refresh computes it again, because an engine upgrade
must not silently rewrite sessions that have been reviewed.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from pipeline.core.errors import DamagedError
from pipeline.core.tables import Tables
from pipeline.workspace.store import Store, canonical, digest

State = Literal["kept", "stale", "damaged", "started", "done"]
"""State of a stage; `damaged`: the kept result is not what was written, and is computed again."""


@dataclass(frozen=True)
class Computation:
    """One step of processing, ready to be computed.

    Attributes
    ----------
    name
        A noun: what the stage makes.
    version
        Raised whenever the code gives other results for equal input.
    needs
        Stages upstream, by name.
    work
        Takes the tables of all stages upstream; returns the tables of this one.
    parameters
        Settings that the result depends on, as JSON values.
    engine
        Identity of the engine; empty without one.
    because
        Why this engine was chosen; kept in the manifest, not part of the address.
    """

    name: str
    version: int
    needs: tuple[str, ...]
    work: Callable[[Tables], Tables]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    engine: Mapping[str, str] = field(default_factory=dict)
    because: str = ""

    def facts(self, root: str, known: Mapping[str, str]) -> dict[str, Any]:
        """Everything that the slot is a digest of.

        Parameters
        ----------
        root
            SHA-256 of the recording.
        known
            Addresses of the stages upstream.
        """
        return {
            "stage": self.name,
            "version": self.version,
            "parameters": dict(self.parameters),
            "inputs": {name: known[name] for name in self.needs} or {"recording": root},
        }


@dataclass(frozen=True)
class Outcome:
    """Results of stages.

    Attributes
    ----------
    tables
        Tables of all stages, by table name.
    states
        "kept", "stale" or "done", by stage.
    addresses, slots
        Address and slot, by stage.
    seconds
        Wall time of each stage that was computed.
    recomputed
        Stages computed again because their kept results were damaged.
    """

    tables: Mapping[str, pl.DataFrame]
    states: Mapping[str, State]
    addresses: Mapping[str, str]
    slots: Mapping[str, str]
    seconds: Mapping[str, float]
    recomputed: tuple[str, ...] = ()


def run(
    stages: Sequence[Computation],
    root: str,
    store: Store,
    *,
    upstream: Outcome | None = None,
    refresh: bool = False,
    on_progress: Callable[[str, State], None] = lambda _stage, _state: None,
) -> Outcome:
    """Compute what is missing, in order, and keep each result at once.

    Parameters
    ----------
    stages
        Each after the stages that it needs.
    root
        SHA-256 of the recording.
    upstream
        Result of an earlier call, from which `stages` continue.
    refresh
        Compute everything again.
    on_progress
        Called with a stage's name and its state.

    Returns
    -------
    Outcome
        Results of the stages upstream and of these.
    """
    known = dict(upstream.addresses) if upstream else {}
    tables = dict(upstream.tables) if upstream else {}
    states = dict(upstream.states) if upstream else {}
    slots = dict(upstream.slots) if upstream else {}
    seconds = dict(upstream.seconds) if upstream else {}
    recomputed = list(upstream.recomputed) if upstream else []
    for stage in stages:
        facts = stage.facts(root, known)
        slot = digest(canonical(facts))
        address = digest(canonical({**facts, "engine": dict(stage.engine)}))
        kept = None
        try:
            kept = None if refresh else _kept(stage, root, slot, store)
        except DamagedError:
            on_progress(stage.name, "damaged")
            recomputed.append(stage.name)
        if kept is None:
            on_progress(stage.name, "started")
            began = time.perf_counter()
            made = stage.work(tables)
            facts |= {"address": address, "engine": dict(stage.engine), "because": stage.because}
            store.write(root, stage.name, slot, made, facts)
            seconds[stage.name] = time.perf_counter() - began
            states[stage.name] = "done"
            # Continue with the tables as kept, so that a second run sees exactly the same ones.
            tables |= store.read(root, stage.name, slot)
        else:
            states[stage.name] = "kept" if kept[0] == address else "stale"
            address = kept[0]
            tables |= kept[1]
        known[stage.name] = address
        slots[stage.name] = slot
        on_progress(stage.name, states[stage.name])
    return Outcome(tables, states, known, slots, seconds, tuple(recomputed))


def _kept(stage: Computation, root: str, slot: str, store: Store) -> tuple[str, Tables] | None:
    """Address and tables of a finished result; None if there is none."""
    manifest = store.manifest(root, stage.name, slot)
    return (manifest["address"], store.read(root, stage.name, slot)) if manifest else None
