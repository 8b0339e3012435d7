"""What a browser asks: bodies that pages of the desk send, numbers in links, ranges of bytes."""

import re
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.verdicts import NOTE_LENGTH

_Body = TypeVar("_Body", bound=BaseModel)
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_LONGEST_BODY = 1 << 20
_DIGITS = 12


class Decided(BaseModel):
    """What a page sends with a verdict."""

    model_config = ConfigDict(extra="forbid")
    decision: Literal["confirm", "reject", "unsure"]
    mark: str = Field(max_length=100)
    kind: Literal["withdrawal", "confrontation"] | None = None
    marker: str | None = Field(default=None, pattern=r"^[WC][1-7]$")
    salience: int | None = Field(default=None, ge=1, le=5)
    note: str = Field(default="", max_length=NOTE_LENGTH)


class Missed(BaseModel):
    """What a page sends with a moment that was missed."""

    model_config = ConfigDict(extra="forbid")
    start_ms: int = Field(ge=0)
    end_ms: int = Field(gt=0)
    kind: Literal["withdrawal", "confrontation"]
    marker: str | None = Field(default=None, pattern=r"^[WC][1-7]$")
    salience: int | None = Field(default=None, ge=1, le=5)
    note: str = Field(default="", max_length=NOTE_LENGTH)
    replaces: int | None = Field(default=None, ge=1)


class Named(BaseModel):
    """What a page sends with who is who."""

    model_config = ConfigDict(extra="forbid")
    roles: dict[str, Literal["therapist", "client", "other", "unknown"]] = Field(min_length=1)


class Chosen(BaseModel):
    """Recordings of the list that are to be added, by their place in it and their name."""

    model_config = ConfigDict(extra="forbid")
    keys: list[str] = Field(min_length=1, max_length=10_000)


def posted(
    act: Callable[[Request, _Body], Response], model: type[_Body]
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that takes JSON of one form, and refuses any other."""

    async def endpoint(request: Request) -> Response:
        content = bytearray()
        async for block in request.stream():
            content += block
            if len(content) > _LONGEST_BODY:
                return JSONResponse({"error": "more than any page sends"}, status_code=413)
        try:
            body = model.model_validate_json(bytes(content))
        except ValidationError:  # its message would repeat what was sent
            return JSONResponse({"error": "not what a page of the desk sends"}, status_code=422)
        return await run_in_threadpool(act, request, body)

    return endpoint


def number(text: str | None) -> int:
    """A whole number of a link; 0 where it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0


def byte_range(header: str, n_bytes: int) -> tuple[int, int]:
    """First byte and the byte after the last of a Range header; all where there is none."""
    asked = _RANGE.fullmatch(header.strip())
    if asked is None:
        return 0, n_bytes
    first, last = asked.groups()
    if not first:
        return max(0, n_bytes - int(last or 0)), n_bytes
    return int(first), min(n_bytes, int(last) + 1) if last else n_bytes
