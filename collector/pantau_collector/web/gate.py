"""The gate: every request passes it, and what may not pass gets its answer here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog
from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders

from pantau_collector import addresses
from pantau_collector.errors import AccessError
from pantau_collector.web import failures
from pantau_collector.web.admission import address_of, is_static, scope_of
from pantau_collector.web.forms import MAX_BODY_BYTES

if TYPE_CHECKING:
    from fastapi.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pantau_collector.access.model import Viewer
    from pantau_collector.web.admission import Admission

_log = structlog.get_logger()
_CHALLENGE = {"www-authenticate": 'Bearer realm="pantau"'}
_MAX_HOSTS_LOGGED = 100


class Gate:
    """ASGI middleware: the name we are called by, size, who asks, how often, and what they may see."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        self._hosts_logged: set[str] = set()
        self._book_failed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the request through with `viewer` in its scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        refusal = await self._refusal(request)
        await (refusal or self._app)(scope, receive, self._kept(request, send))

    def _kept(self, request: Request, send: Send) -> Send:
        """Return how the answer is sent: what is for one viewer only must not stay in any cache.

        But a program that shows its token on each request may keep what it is told to keep for itself.
        """
        viewer = request.scope.get("viewer")
        if is_static(request.scope["path"]) or (viewer is not None and viewer.kind == "anyone"):
            return send
        return _not_kept(send, unless_private=viewer is not None and viewer.kind == "token")

    async def _refusal(self, request: Request) -> Response | None:
        """Return why the request may not pass, or None where it may."""
        if not self._admission.knows_host(request):
            self._tell_of_host(request.headers.get("host", ""))
            return failures.answer(request, 421, "this host name is not in web.allowed_hosts")
        if _too_long(request):
            return failures.answer(request, 413, f"at most {MAX_BODY_BYTES} bytes are taken")
        viewer = None if is_static(request.scope["path"]) else await self._viewer(request)
        if isinstance(viewer, AccessError):
            return failures.accounts_unavailable(request)
        request.scope["viewer"] = viewer
        return self._too_often(request, viewer) or self._forbidden(request, viewer)

    async def _viewer(self, request: Request) -> Viewer | AccessError | None:
        """Return who asks. A file of accounts that cannot be read keeps the door shut."""
        try:
            viewer = await run_in_threadpool(self._admission.viewer, request)
        except AccessError as error:
            if not self._book_failed:
                _log.error("portal.accounts_not_readable", error=str(error))
            self._book_failed = True
            return error
        if self._book_failed:
            _log.info("portal.accounts_readable")
        self._book_failed = False
        return viewer

    def _too_often(self, request: Request, viewer: Viewer | None) -> Response | None:
        known = viewer is not None and viewer.kind != "anyone"
        key = (viewer.kind, viewer.name) if viewer and known else addresses.subscriber(address_of(request))
        wait_s = self._admission.requests.take(key)
        if not wait_s:
            return None
        return failures.answer(request, 429, "too many requests", {"retry-after": str(math.ceil(wait_s))})

    def _forbidden(self, request: Request, viewer: Viewer | None) -> Response | None:
        path = request.scope["path"]
        if self._admission.is_for_anyone(request):
            return None
        if viewer is None:
            if failures.is_for_programs(path):
                return failures.answer(request, 401, "a valid token is wanted", _CHALLENGE)
            here = path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(here, safe='/')}", 303)
        scope = scope_of(request.method, path)
        if not viewer.may(scope):
            return failures.answer(request, 403, f"the scope {scope} is wanted")
        return None

    def _tell_of_host(self, host: str) -> None:
        """Log a name once: it is how an operator learns what is missing in `web.allowed_hosts`."""
        if host not in self._hosts_logged and len(self._hosts_logged) < _MAX_HOSTS_LOGGED:
            self._hosts_logged.add(host)
            _log.warning("portal.host_refused", host=host[:100], setting="web.allowed_hosts")


def _too_long(request: Request) -> bool:
    length = request.headers.get("content-length", "0")
    return not length.isdecimal() or int(length) > MAX_BODY_BYTES


def _not_kept(send: Send, *, unless_private: bool) -> Send:
    async def with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if not (unless_private and headers.get("cache-control", "").startswith("private")):
                headers["cache-control"] = "no-store"
        await send(message)

    return with_header
