"""Checking requests: JSON bodies that pages send, numbers in links, ranges of bytes."""

import re
from collections.abc import Awaitable, Callable
from typing import Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.core.errors import InputError
from pipeline.core.vocabulary import Role, Rupture
from pipeline.workspace.verdicts import LONGEST_MS, check_marker, check_note

_Body = TypeVar("_Body", bound=BaseModel)
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_LONGEST_BODY = 1 << 20
_DIGITS = 12


_STRICT = ConfigDict(extra="forbid", strict=True)
"""No unknown fields, and no text or boolean in place of a number."""


class _Judged(BaseModel):
    model_config = _STRICT
    kind: Rupture | None = None
    marker: str | None = Field(default=None, pattern=r"^[WC][1-7]$")
    salience: int | None = Field(default=None, ge=1, le=5)
    note: str = ""

    @field_validator("note")
    @classmethod
    def _can_be_shown(cls, note: str) -> str:
        check_note(note)
        return note

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        check_marker(self.kind, self.marker)
        return self


class Decided(_Judged):
    """The body of a decision on a moment."""

    decision: Literal["confirm", "reject", "unsure"]
    mark: str = Field(max_length=100)


class Missed(_Judged):
    """The body of a missed moment; times in ms."""

    start_ms: int = Field(ge=0, lt=LONGEST_MS)
    end_ms: int = Field(gt=0, le=LONGEST_MS)
    kind: Rupture
    replaces: int | None = Field(default=None, ge=1)


class Named(BaseModel):
    """The body of a correction of who is who: roles by speaker."""

    model_config = _STRICT
    roles: dict[str, Role] = Field(min_length=1)


class Chosen(BaseModel):
    """The body of a request to add recordings: their keys in the list."""

    model_config = _STRICT
    keys: list[str] = Field(min_length=1, max_length=10_000)


def posted(
    act: Callable[[Request, _Body], Response], model: type[_Body]
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that accepts JSON of one model and refuses any other body."""

    async def endpoint(request: Request) -> Response:
        content = bytearray()
        async for block in request.stream():
            content += block
            if len(content) > _LONGEST_BODY:
                return JSONResponse({"error": "the request is too large"}, status_code=413)
        try:
            body = model.model_validate_json(bytes(content))
        except ValidationError as caught:
            message = f"the request is not valid: {_first(caught)}; nothing was saved"
            return JSONResponse({"error": message}, status_code=422)
        except InputError as caught:
            return JSONResponse({"error": f"{caught}; nothing was saved"}, status_code=422)
        return await run_in_threadpool(act, request, body)

    return endpoint


def _first(caught: ValidationError) -> str:
    """The first mistake, with its field; never the value, which may be private."""
    first = caught.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "extra_forbidden":  # the field's name was sent, too, and may be private
        return "an unknown field"
    if first["type"] == "json_invalid":
        return "not valid JSON"
    return f"{first['loc'][0]}: {first['msg'].lower()}" if first["loc"] else first["msg"].lower()


def number(text: str | None) -> int:
    """A whole number in a link; 0 for other text."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0


def byte_range(header: str, n_bytes: int) -> tuple[int, int]:
    """First byte, and the one after the last, of a Range header; all bytes if it is not valid."""
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return 0, n_bytes
    first, last = match.groups()
    if not first:
        return max(0, n_bytes - int(last or 0)), n_bytes
    return int(first), min(n_bytes, int(last) + 1) if last else n_bytes
