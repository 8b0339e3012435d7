"""Limits on connections: requests must arrive in time, and idle connections make room.

uvicorn puts no limit on how long a request may take to arrive. A client that opens many connections
and sends half a request on each, or nothing, would lock out everyone else.
"""

from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.config import Review


def configured(app: ASGIApp, settings: Review) -> uvicorn.Config:
    """Settings of uvicorn for the desk.

    Nothing is logged: addresses of pages contain ids, and errors may quote a session.
    """

    class Bounded(_Bounded):
        request_s = settings.request_s
        most = settings.connections

    return uvicorn.Config(
        app,
        http=Bounded,
        timeout_keep_alive=settings.request_s,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )


class _Bounded(H11Protocol):
    """One connection.

    Attributes
    ----------
    request_s
        Seconds within which a request must arrive with its body, from the opening of the
        connection or from the first byte of a further request.
    most
        Connections at the same time. One more closes another: the one silent longest of those
        without a complete request, or, if all are complete, of those being answered.
    """

    request_s: float
    most: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._since = self.loop.time()
        self._late = self.loop.call_later(self.request_s, self.end)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most:
            others = (each for each in self.connections if isinstance(each, _Bounded))
            min(others, key=lambda each: each.rank).end()

    @property
    def rank(self) -> tuple[bool, float]:
        """The lowest rank is closed first: the longest silent; those being answered come last."""
        answers = self.cycle is not None and not self.cycle.response_complete
        return answers and not self._incomplete, self._since

    @property
    def _incomplete(self) -> bool:
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def data_received(self, data: bytes) -> None:
        self._since = self.loop.time()
        super().data_received(data)
        if not self._incomplete:
            self._late.cancel()
        elif self._late.cancelled():  # a further request begins
            self._late = self.loop.call_later(self.request_s, self.end)

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)

    def end(self) -> None:
        """Close the connection at once, even with data under way."""
        self._late.cancel()
        self.transport.abort()
