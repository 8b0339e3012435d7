"""Connections to the desk: requests must arrive in time, and idle connections make room.

uvicorn gives a request as long as it likes to arrive. Whoever opens connections and sends half a
request on each, or nothing, would use up all that this process can hold, and keep everybody else
out.
"""

from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.config import Review


def configured(app: ASGIApp, settings: Review) -> uvicorn.Config:
    """How the desk is served.

    Addresses of pages hold ids, and errors may hold words: neither goes into a log.
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
        Seconds within which a request, its body too, must have arrived: from the opening of the
        connection or from the first byte of a further request.
    most
        Connections at the same time. One more closes another: of those without a whole request
        the one that was silent longest, and only where there is none, one that is being answered.
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
        """The lowest makes room: the longest silent, and those that are being answered last."""
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
        elif self._late.cancelled():  # the begin of a further request
            self._late = self.loop.call_later(self.request_s, self.end)

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)

    def end(self) -> None:
        """Close it at once, whatever it still wanted to send or read."""
        self._late.cancel()
        self.transport.abort()
