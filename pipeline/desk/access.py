"""Access control: who may open the desk, and what a browser may do with its pages.

The desk serves people at this machine. Each reviewer has a link with a token that is new at every
start; opening it sets a cookie, and no page is served without one. Pages of other origins can
neither read nor write: the Host header must name the desk (DNS rebinding is refused), requests that
change something must come from the desk's own origin and carry the page's token, and the cookie is
not sent along with requests from other sites.

Only `Gate` knows who a reviewer is; user accounts would be added there.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_HEADER = "x-tether-page"
"""Header with the page's token, required in every request that changes something."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; media-src data:; sandbox allow-popups; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy for a report: it contains its style sheet, and runs no script."""

HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Reviewer:
    """A person who decides, by the name under which decisions are stored."""

    name: str


class Gate:
    """The links and cookies of one run of the desk.

    Parameters
    ----------
    reviewers
        Names; each gets a link.
    port
        Part of the cookie's name, since all ports of a host share their cookies.
    """

    def __init__(self, reviewers: Iterable[str], port: int) -> None:
        self._secret = secrets.token_bytes(32)
        self._tokens = {name: secrets.token_urlsafe(32) for name in reviewers}
        self.cookie = f"tether-{port}"

    @property
    def tokens(self) -> Mapping[str, str]:
        """The token of each reviewer's link."""
        return self._tokens

    def admit(self, token: str) -> str | None:
        """The cookie's value for a token; None if the token is not one of this run."""
        for name, known in self._tokens.items():
            if hmac.compare_digest(token.encode(), known.encode()):
                return f"{name.encode().hex()}.{self._sign('cookie', name)}"
        return None

    def who(self, connection: HTTPConnection) -> Reviewer | None:
        """The reviewer whose cookie a request carries; None if it has no valid one."""
        coded, _, signature = connection.cookies.get(self.cookie, "").partition(".")
        try:
            name = bytes.fromhex(coded).decode()
        except ValueError:
            return None
        valid = hmac.compare_digest(signature.encode(), self._sign("cookie", name).encode())
        return Reviewer(name) if valid and name in self._tokens else None

    def page_token(self, reviewer: Reviewer) -> str:
        """The token that a page sends with requests that change something."""
        return self._sign("page", reviewer.name)

    def _sign(self, purpose: str, name: str) -> str:
        return hmac.new(self._secret, f"{purpose}:{name}".encode(), hashlib.sha256).hexdigest()


class Guard:
    """Middleware: refuses foreign hosts and origins and unknown visitors; adds the headers.

    Parameters
    ----------
    hosts
        Accepted values of the Host header, with the port.
    """

    def __init__(self, app: ASGIApp, gate: Gate, hosts: frozenset[str]) -> None:
        self._app, self._gate, self._hosts = app, gate, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._foreign(scope) or self._strange(scope)
        if refusal:
            status, text = refusal
            answer = PlainTextResponse(text, status_code=status)
            await answer(scope, receive, with_headers)
        else:
            await self._app(scope, receive, with_headers)

    def _foreign(self, scope: Scope) -> tuple[int, str] | None:
        """Refuse other names of this machine and pages of other origins."""
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self._hosts:
            return 421, "The desk is not available under this host name.\n"
        origin = headers.get("origin")
        same = origin in {f"http://{host}" for host in self._hosts}
        site = headers.get("sec-fetch-site", "none")
        followed = (
            not _changes(scope) and scope["path"] == "/enter"
        )  # a link may be followed from anywhere
        if (origin is not None or _changes(scope)) and not same:
            return 403, "Only pages of this desk may send this request.\n"
        if site not in ("none", "same-origin") and not followed:
            return 403, "Only pages of this desk may send this request.\n"
        return None

    def _strange(self, scope: Scope) -> tuple[int, str] | None:
        """Refuse visitors without a cookie, and changes without the page's token."""
        if scope["path"] == "/enter" or scope["path"].startswith("/static/"):
            return None
        reviewer = self._gate.who(HTTPConnection(scope))
        if reviewer is None:
            return 401, (
                "Open the link that `tether review` printed. It prints a new one at every start.\n"
            )
        token = Headers(scope=scope).get(PAGE_HEADER, "")
        expected = self._gate.page_token(reviewer)
        if _changes(scope) and not hmac.compare_digest(token.encode(), expected.encode()):
            return 403, "This page comes from an earlier start of the desk. Reload it.\n"
        scope.setdefault("state", {})["reviewer"] = reviewer
        return None


def _changes(scope: Scope) -> bool:
    return scope["method"] not in ("GET", "HEAD")


def hosts(host: str, port: int) -> frozenset[str]:
    """Host names, with the port, under which a browser on this machine may open the desk."""
    names = {host} | ({"127.0.0.1", "localhost", "[::1]"} if host in _LOOPBACK else set())
    return frozenset(f"{name}:{port}" for name in names)


_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
