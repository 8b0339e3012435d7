"""Who may come in, and what a browser may do with what it gets.

The desk is for people at this machine. Each reviewer has a link with a token that is made anew at
every start; whoever opens it gets a cookie, and nobody else sees a page. A page of another origin
can neither read nor write here: the host that a request names must be ours (a name that somebody
points at this machine is not), what changes something must come from our own origin and carry the
page's own token, and the cookie is not sent along from elsewhere.

`Gate` is the door where accounts of a clinic would come in: it alone knows who somebody is.
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
"""In which a page of ours brings its token with whatever changes something."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; media-src data:; sandbox allow-popups; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For a report, which brings its one style sheet with it, allows it by its digest, and runs no
script."""

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
    """Somebody who decides, by the name under which verdicts are kept."""

    name: str


class Gate:
    """Tokens of one run: who opens which link is who.

    Parameters
    ----------
    reviewers
        Names; each gets a link.
    port
        Cookies of one host are shared by all its ports, so that its name carries the port.
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
        """Value of the cookie for whoever brings a token; None: it is none of this run's."""
        for name, known in self._tokens.items():
            if hmac.compare_digest(token.encode(), known.encode()):
                return f"{name.encode().hex()}.{self._sign('cookie', name)}"
        return None

    def who(self, connection: HTTPConnection) -> Reviewer | None:
        """Whose cookie a request brings; None: nobody's of this run."""
        coded, _, signature = connection.cookies.get(self.cookie, "").partition(".")
        try:
            name = bytes.fromhex(coded).decode()
        except ValueError:
            return None
        right = hmac.compare_digest(signature.encode(), self._sign("cookie", name).encode())
        return Reviewer(name) if right and name in self._tokens else None

    def page_token(self, reviewer: Reviewer) -> str:
        """What a page of ours sends along with whatever changes something."""
        return self._sign("page", reviewer.name)

    def _sign(self, purpose: str, name: str) -> str:
        return hmac.new(self._secret, f"{purpose}:{name}".encode(), hashlib.sha256).hexdigest()


class Guard:
    """Middleware: turns away foreign hosts, foreign origins and strangers; adds the headers.

    Parameters
    ----------
    hosts
        Values of the Host header that are ours, with the port.
    """

    def __init__(self, app: ASGIApp, gate: Gate, hosts: frozenset[str]) -> None:
        self._app, self._gate, self._hosts = app, gate, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
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
        """Refuse other names of this machine, and pages of other origins."""
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self._hosts:
            return 421, "This desk does not answer to that name.\n"
        origin = headers.get("origin")
        ours = origin in {f"http://{host}" for host in self._hosts}
        site = headers.get("sec-fetch-site", "none")
        followed = not _changes(scope) and scope["path"] == "/enter"  # a link, from anywhere
        if (origin is not None or _changes(scope)) and not ours:
            return 403, "Only pages of this desk may ask that.\n"
        if site not in ("none", "same-origin") and not followed:
            return 403, "Only pages of this desk may ask that.\n"
        return None

    def _strange(self, scope: Scope) -> tuple[int, str] | None:
        """Refuse who was not let in, and what no page of this run sends."""
        if scope["path"] == "/enter" or scope["path"].startswith("/static/"):
            return None
        reviewer = self._gate.who(HTTPConnection(scope))
        if reviewer is None:
            return 401, (
                "This desk is open to whoever started it. Open the link that `tether review` "
                "printed; it is a new one at every start.\n"
            )
        brought = Headers(scope=scope).get(PAGE_HEADER, "")
        expected = self._gate.page_token(reviewer)
        if _changes(scope) and not hmac.compare_digest(brought.encode(), expected.encode()):
            return 403, "The page is of an earlier start of the desk. Load it again.\n"
        scope.setdefault("state", {})["reviewer"] = reviewer
        return None


def _changes(scope: Scope) -> bool:
    return scope["method"] not in ("GET", "HEAD")


def hosts(host: str, port: int) -> frozenset[str]:
    """What a browser on this machine may call the desk."""
    names = {host} | ({"127.0.0.1", "localhost", "[::1]"} if host in _LOOPBACK else set())
    return frozenset(f"{name}:{port}" for name in names)


_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
