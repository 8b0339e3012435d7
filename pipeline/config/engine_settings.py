"""Settings that choose the engines; each engine's own settings are in its file."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pipeline.config.section import Section
from pipeline.core import registry
from pipeline.core.registry import Kind, nearest


def _known(kind: Kind, words: tuple[str, ...]) -> tuple[str, ...]:
    return (*words, *registry.names(kind))


def _checked(kind: Kind, words: tuple[str, ...], name: str) -> str:
    known = _known(kind, words)
    if name not in known:
        raise ValueError(f"unknown {kind} '{name}'; {nearest(name, known)}")
    return name


def _one_of(kind: Kind, words: tuple[str, ...]) -> AfterValidator:
    """The name of an engine, or one of `words`."""
    return AfterValidator(partial(_checked, kind, words))


def _listing(kind: Kind, words: tuple[str, ...] = ()) -> Callable[[dict[str, Any]], None]:
    """Add the allowed names to a JSON Schema."""
    return lambda schema: schema.update(enum=list(_known(kind, words)))


_DIARIZER = ("auto", "imported")
_TRANSCRIBER = ("auto", "imported", "none")
_READER = ("auto", "none")


class Engines(Section):
    """The engine for each task; a name never falls back, `auto` takes the best installed.

    Engines of a user's own package may be named like built-in ones.
    """

    diarizer: Annotated[str, _one_of("diarizer", _DIARIZER)] = Field(
        description="who speaks when; imported: from a file",
        json_schema_extra=_listing("diarizer", _DIARIZER),
    )
    transcriber: Annotated[str, _one_of("transcriber", _TRANSCRIBER)] = Field(
        description="what is said; imported: from a file; none: timing alone",
        json_schema_extra=_listing("transcriber", _TRANSCRIBER),
    )
    pitch: Annotated[str, _one_of("pitch tracker", ())] = Field(
        description="fundamental frequency", json_schema_extra=_listing("pitch tracker")
    )
    reader: Annotated[str, _one_of("reader", _READER)] = Field(
        description="what replies show; none: only what is worded as in the lexicons",
        json_schema_extra=_listing("reader", _READER),
    )
    threads: int = Field(ge=1, description="processor threads that an engine may use")
