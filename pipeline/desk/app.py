"""The web application: routes, pages and JSON answers."""

import logging
import mimetypes
import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from itertools import chain
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from pipeline.core.errors import InputError, TetherError
from pipeline.core.spelling import SHORT_ID
from pipeline.core.time import ms_to_clock
from pipeline.desk import caseload, pages
from pipeline.desk.access import REPORT_POLICY, Gate, Guard, Reviewer
from pipeline.desk.desk import Desk
from pipeline.desk.queue import Filter, Moment, Session, choices, clock
from pipeline.desk.requests import Chosen, Decided, Missed, Named, byte_range, number, posted
from pipeline.report import cards, labels, number_format, sheet, timeline
from pipeline.report.speakers import people
from pipeline.session.batch import describe_bug
from pipeline.workspace.verdicts import NOTE_LENGTH, Verdict

_LOG = logging.getLogger("tether")


def application(desk: Desk, gate: Gate, hosts: frozenset[str]) -> Starlette:
    """The desk as an ASGI application.

    Parameters
    ----------
    hosts
        Accepted host names, from `access.hosts`.
    """
    site = _Site(desk, gate)
    routes = [
        Route("/enter", site.enter),
        Route("/static/{name}", site.static),
        Route("/", site.queue),
        Route("/caseload", site.caseload),
        Route("/recordings", site.recordings),
        Route("/recordings/add", posted(site.add, Chosen), methods=["POST"]),
        Route("/recordings/progress", site.progress),
        Route("/sessions/{session}", site.session),
        Route("/sessions/{session}/report", site.report),
        Route("/sessions/{session}/sheet.{form}", site.sheet),
        Route("/sessions/{session}/sound", site.sound_state),
        Route("/sessions/{session}/sound.wav", site.sound),
        Route("/sessions/{session}/roles", posted(site.roles, Named), methods=["POST"]),
        Route("/sessions/{session}/missed", posted(site.missed, Missed), methods=["POST"]),
        Route("/sessions/{session}/moments/{moment:int}", site.moment),
        Route(
            "/sessions/{session}/moments/{moment:int}/verdict",
            posted(site.verdict, Decided),
            methods=["POST"],
        ),
        Route("/verdicts/{verdict:int}/undo", site.undo, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, gate=gate, hosts=hosts)],
        exception_handlers={
            TetherError: site.refused,
            ClientDisconnect: site.gone,
            Exception: site.broken,
            404: site.unknown,
        },
    )


class _Site:
    def __init__(self, desk: Desk, gate: Gate) -> None:
        self._desk, self._gate = desk, gate

    def enter(self, request: Request) -> Response:
        """Open the printed link: set the cookie and go on to the queue.

        By a page, not a redirect: after a link from another site the browser would not send the
        cookie with the redirected request.
        """
        cookie = self._gate.admit(request.query_params.get("token", ""))
        if cookie is None:
            return HTMLResponse(self._render("refused.html"), status_code=401)
        answer = HTMLResponse(self._render("enter.html"))
        answer.set_cookie(self._gate.cookie, cookie, httponly=True, samesite="strict")
        return answer

    def static(self, request: Request) -> Response:
        """The desk's own style sheets, scripts and icon; any other name is unknown."""
        content = self._static.get(request.path_params["name"])
        if content is None:
            return self.unknown(request, None)
        kind = mimetypes.guess_type(request.path_params["name"])[0] or "text/plain"
        return Response(content, media_type=kind)

    def queue(self, request: Request) -> Response:
        """The queue: moments of all sessions."""
        wanted = Filter.of(request.query_params)
        queue = self._desk.index.queue(wanted, _reviewer(request).name)
        size = self._desk.settings.page_size
        last = max(1, -(-len(queue.shown) // size))
        page = min(max(1, number(request.query_params.get("page"))), last)
        sessions = self._desk.index.sessions()
        return self._page(
            request,
            "queue.html",
            queue=queue,
            rows=queue.shown[(page - 1) * size : page * size],
            pages=pages.links(queue, size, page),
            counts=pages.counts(queue),
            filters=choices(sessions),
            sessions=len(sessions),
            closed=self._desk.index.closed,
            first=(page - 1) * size + 1,
            narrowed=Filter(status=wanted.status) if _narrows(wanted) else None,
        )

    def caseload(self, request: Request) -> Response:
        """Every client with their sessions."""
        clients = caseload.clients(self._desk.index, _reviewer(request).name)
        return self._page(request, "caseload.html", clients=clients, states=caseload.STATES)

    def session(self, request: Request) -> Response:
        """A whole session: timeline, transcript, moments, who is who."""
        session = self._session(request)
        processed = self._desk.with_voice(session)
        who = people(processed.tables, processed.recording.metadata)
        duration_ms = processed.recording.duration_ms
        shown = timeline.whole(processed.tables, who, duration_ms, cards.numbers(processed.tables))
        roles = processed.tables["roles"].to_dicts()
        seen = self._desk.index.seen(session, _reviewer(request).name)
        return self._page(
            request,
            "session.html",
            session=session,
            people=who,
            timeline=shown,
            lines=pages.transcript(processed.tables, who, (0, duration_ms)),
            rows=seen.rows,
            channels=pages.channels(processed, who),
            roles=roles,
            offers=pages.offers(roles),
            quotes=pages.quotes(processed.tables),
            swapped=self._desk.swapped(session),
            no_filter=Filter(session=session.recording.short_id, status="all"),
            notes=processed.provenance.notes,
            loose=seen.loose,
            blind=seen.blind,
            at_ms=min(max(0, number(request.query_params.get("at"))), duration_ms),
            queue_link=pages.link("/", Filter.of(request.query_params)),
        )

    def moment(self, request: Request) -> Response:
        """One moment, to listen to and decide."""
        session = self._session(request)
        moment = self._desk.moment(session, request.path_params["moment"])
        processed = self._desk.opened(session)
        who = people(processed.tables, processed.recording.metadata)
        card = cards.one(processed.recording, processed.tables, who, moment.moment_id)
        assert card is not None  # it is in the queue, so it has a card
        reviewer = _reviewer(request)
        wanted = Filter.of(request.query_params)
        queue = self._desk.index.queue(wanted, reviewer.name)
        before, after = queue.neighbours(moment)
        seen = self._desk.index.seen(session, reviewer.name)
        row = next(r for r in seen.rows if r.moment == moment)
        settings = self._desk.settings
        span = (moment.start_ms - settings.before_ms, moment.end_ms + settings.after_ms)
        within = (moment.start_ms, moment.end_ms)
        return self._page(
            request,
            "moment.html",
            session=session,
            moment=moment,
            card=card,
            people=who,
            row=row,
            own=row.of(reviewer.name),
            history=self._history(session, row.of(reviewer.name)),
            lines=pages.transcript(processed.tables, who, span, within),
            channels=pages.channels(processed, who),
            begin_ms=max(0, moment.start_ms - settings.lead_ms),
            before=before and _moment_link(before.session, before.moment, wanted),
            after=after and _moment_link(after.session, after.moment, wanted),
            queue=queue,
            queue_link=pages.link("/", wanted),
            session_link=pages.link(
                f"/sessions/{session.recording.short_id}", wanted, at=moment.start_ms
            ),
            language=processed.language or "",
            has_words=bool(processed.tables["turns"]["text"].drop_nulls().len()),
        )

    def report(self, request: Request) -> Response:
        """The stored report of a session."""
        session = self._session(request)
        file = self._desk.bench.store.session(session.recording.recording_id) / "report.html"
        if not file.is_file():
            raise InputError("there is no report", hint="tether report SESSION")
        return FileResponse(
            file, media_type="text/html", headers={"content-security-policy": REPORT_POLICY}
        )

    def sheet(self, request: Request) -> Response:
        """What this reviewer decided on a session, as a page, Markdown or Word."""
        session = self._session(request)
        form = request.path_params["form"]
        if form not in sheet.FORMATS:
            return self.unknown(request, None)
        processed = self._desk.opened(session)
        made = sheet.build(
            processed.recording,
            processed.tables,
            self._desk.ledger.of(session.recording.recording_id),
            reviewer=_reviewer(request).name,
            for_supervisee="supervisee" in request.query_params,
        )
        headers = {"content-security-policy": REPORT_POLICY}
        if form != "html":
            name = f"{sheet.SHEET}-{session.recording.short_id}.{form}"
            headers["content-disposition"] = f'attachment; filename="{name}"'
        content = sheet.FORMATS[form]([made])
        return Response(content, media_type=sheet.MEDIA_TYPES[form], headers=headers)

    def sound_state(self, request: Request) -> Response:
        """Why a session's audio cannot be played; empty if it can, or is being decoded."""
        sound = self._desk.sound(self._session(request))
        return JSONResponse({"error": str(sound.error) if sound.error else ""})

    def sound(self, request: Request) -> Response:
        """A range of bytes of the audio, mixed from the channels that are not muted."""
        sound = self._desk.sound(self._session(request))
        muted = {number(n) - 1 for n in request.query_params.get("mute", "").split(",") if n}
        start, end = byte_range(request.headers.get("range", ""), sound.n_bytes)
        headers = {"accept-ranges": "bytes", "content-length": str(end - start)}
        if start >= end:
            headers = {"content-range": f"bytes */{sound.n_bytes}"}
            return Response(status_code=416, headers=headers)
        blocks = sound.read(start, end, set(range(sound.channels)) - muted)
        first = next(blocks)  # errors are raised here, before the answer starts
        status = 200
        if "range" in request.headers:
            status = 206
            headers["content-range"] = f"bytes {start}-{end - 1}/{sound.n_bytes}"
        return _Sound(first, blocks, status, headers)

    def verdict(self, request: Request, body: Decided) -> Response:
        """Store a decision on a moment."""
        session = self._session(request)
        moment = self._desk.moment(session, request.path_params["moment"], body.mark)
        entry = self._desk.decide(
            session,
            moment,
            _reviewer(request).name,
            body.decision,
            kind=body.kind,
            marker=body.marker,
            salience=body.salience,
            note=body.note,
        )
        return JSONResponse(_as_json(entry), status_code=201)

    def missed(self, request: Request, body: Missed) -> Response:
        """Store a missed moment."""
        session = self._session(request)
        entry = self._desk.add_missed(
            session,
            _reviewer(request).name,
            (body.start_ms, body.end_ms),
            body.kind,
            body.marker,
            body.salience,
            body.note,
            body.replaces,
        )
        return JSONResponse(_as_json(entry), status_code=201)

    def undo(self, request: Request) -> Response:
        """Undo a decision."""
        entry = self._desk.undo(request.path_params["verdict"], _reviewer(request).name)
        return JSONResponse(_as_json(entry), status_code=201)

    def roles(self, request: Request, body: Named) -> Response:
        """Correct who is who, and apply the rules again."""
        processed = self._desk.mend_roles(self._session(request), body.roles)
        roles = dict(processed.tables["roles"].select("speaker", "role").iter_rows())
        return JSONResponse({"roles": roles, "moments": processed.tables["moments"].height})

    def recordings(self, request: Request) -> Response:
        """Recordings that can be added, and those that failed."""
        listed = self._desk.recordings()
        return self._page(
            request,
            "recordings.html",
            failed=[each for each in listed if each.reason],
            files=[each for each in listed if not each.reason],
            adding=self._desk.adding,
        )

    def add(self, request: Request, body: Chosen) -> Response:
        """Start to process recordings."""
        listed = {each.key: each.path for each in self._desk.recordings() if each.takes}
        unknown = [key for key in body.keys if key not in listed]
        if unknown:
            raise InputError("this recording is not in the list", hint="reload the page")
        self._desk.adding.begin([listed[key] for key in body.keys])
        return self.progress(request)

    def progress(self, _request: Request) -> Response:
        """How far the run is."""
        moments = {s.recording.recording_id: len(s.moments) for s in self._desk.index.sessions()}
        recordings = [
            {
                "name": each.path.name,
                "state": each.state,
                "stage": each.stage,
                "note": each.note,
                "session": each.recording_id[:SHORT_ID],
                "moments": moments.get(each.recording_id, 0),
                "for_s": round(time.monotonic() - each.since),
            }
            for each in self._desk.adding.progress
        ]
        return JSONResponse({"working": self._desk.adding.working, "recordings": recordings})

    def refused(self, request: Request, caught: Exception) -> Response:
        """Answer with an error that the user can act on."""
        assert isinstance(caught, TetherError)
        status = 404 if request.method == "GET" and isinstance(caught, InputError) else 409
        if request.method != "GET" or "json" in request.headers.get("accept", ""):
            return JSONResponse({"error": str(caught)}, status_code=status)
        return self._page(request, "error.html", status=status, error=caught)

    def gone(self, _request: Request, _caught: Exception) -> Response:
        """The client disconnected before the whole request arrived; this answer is discarded."""
        return Response(status_code=400)

    def broken(self, request: Request, caught: Exception) -> Response:
        """Internal error; its message may quote a session, so only its place in code is shown."""
        message = describe_bug(caught)
        _LOG.error("%s", message)
        if request.method != "GET" or "json" in request.headers.get("accept", ""):
            return JSONResponse({"error": message}, status_code=500)
        return HTMLResponse(self._render("broken.html", message=message), status_code=500)

    def unknown(self, request: Request, _caught: Exception | None) -> Response:
        """No such page."""
        if not hasattr(request.state, "reviewer"):
            return Response("There is no such page.\n", status_code=404, media_type="text/plain")
        missing = InputError("there is no such page", hint="go back to the queue")
        return self._page(request, "error.html", status=404, error=missing)

    def _session(self, request: Request) -> Session:
        return self._desk.index.session(request.path_params["session"])

    def _history(self, session: Session, own: Verdict | None) -> list[Verdict]:
        """All decisions of a reviewer on a moment, latest first; `own` is the one that stands."""
        entries = {e.verdict_id: e for e in self._desk.ledger.of(session.recording.recording_id)}
        chain = []
        while own is not None:
            chain.append(own)
            own = entries.get(own.replaces)
        return chain

    def _page(self, request: Request, template: str, **shown: Any) -> Response:
        reviewer = _reviewer(request)
        html = self._render(
            template,
            reviewer=reviewer.name,
            several=len(self._gate.tokens) > 1,
            page_token=self._gate.page_token(reviewer),
            path=request.url.path,
            **shown,
        )
        return HTMLResponse(html, status_code=shown.get("status", 200))

    def _render(self, template: str, **shown: Any) -> str:
        return self._environment.get_template(template).render(**shown)

    @cached_property
    def _environment(self) -> Environment:
        environment = Environment(
            loader=ChoiceLoader([PackageLoader("pipeline.desk"), PackageLoader("pipeline.report")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {
            "names": labels,
            "decisions": pages.DECISIONS,
            "markers": pages.MARKERS,
            "clock": clock,
            "score": number_format.score,
            "at": ms_to_clock,
            "link": pages.link,
            "moment_link": _moment_link,
            "note_length": NOTE_LENGTH,
        }
        environment.filters["having"] = replace
        return environment

    @cached_property
    def _static(self) -> dict[str, bytes]:
        folder = files("pipeline.desk") / "static"
        contents = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
        style = files("pipeline.report") / "templates" / "report.css"
        return contents | {"report.css": style.read_bytes()}


def _reviewer(request: Request) -> Reviewer:
    reviewer: Reviewer = request.state.reviewer
    return reviewer


def _moment_link(session: Session, moment: Moment, wanted: Filter) -> str:
    path = f"/sessions/{session.recording.short_id}/moments/{moment.moment_id}"
    return pages.link(path, wanted)


def _narrows(wanted: Filter) -> bool:
    """Whether a filter leaves out moments by more than their status."""
    return bool(wanted.query.keys() - {"status"})


def _as_json(entry: Verdict) -> dict[str, Any]:
    return {
        "verdict_id": entry.verdict_id,
        "decision": entry.decision,
        "kind": entry.kind,
        "marker": entry.marker,
        "salience": entry.salience,
        "note": entry.note,
    }


class _Sound(StreamingResponse):
    """Blocks of audio, closed even if the browser drops the request, as it often does."""

    def __init__(
        self,
        first: bytes,
        blocks: Generator[bytes, None, None],
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(chain([first], blocks), status, headers, media_type="audio/wav")
        self._blocks = blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._blocks.close()
