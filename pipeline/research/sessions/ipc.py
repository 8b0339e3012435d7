"""Pass sessions between processes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import polars as pl

from pipeline.core.errors import TetherError
from pipeline.core.schema import split
from pipeline.research.sessions.cases import FOUND, Case
from pipeline.workspace.store import without

WORTH_A_PROCESS = 128
"""Number of sessions whose rules take longer to run than a process takes to start (2 s)."""
_Failed = TypeVar("_Failed", bound=TetherError)


@dataclass(frozen=True, eq=False)
class Packed(Generic[_Failed]):
    """Sessions packed for another process.

    Frames from one batch share their text, and each would be sent with all of it.

    Attributes
    ----------
    seen
        Sessions without the tables in `found`, or the error of a session.
    found
        Tables of all sessions without an error, concatenated, with the rows of each.
    """

    seen: tuple[Case | _Failed, ...]
    found: Mapping[str, tuple[pl.DataFrame, Sequence[int]]]

    @classmethod
    def of(cls, seen: Sequence[Case | _Failed]) -> "Packed[_Failed]":
        """Pack sessions."""
        tables = [each.tables for each in seen if isinstance(each, Case)]
        found = {
            name: (pl.concat(frames).rechunk(), [frame.height for frame in frames])
            for name in FOUND
            if (frames := [own[name] for own in tables])
        }
        rest = tuple(
            replace(each, tables=without(found, each.tables)) if isinstance(each, Case) else each
            for each in seen
        )
        return cls(rest, found)

    def opened(self) -> Iterator[Case | _Failed]:
        """Unpack the sessions."""
        apart = {name: iter(split(*whole)) for name, whole in self.found.items()}
        for each in self.seen:
            if isinstance(each, Case):
                yield each.with_tables({name: next(frames) for name, frames in apart.items()})
            else:
                yield each
