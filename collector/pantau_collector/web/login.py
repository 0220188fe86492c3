"""Login and logout: without JavaScript, and with one answer for a wrong name and a wrong password."""

import math
import secrets
from typing import Any

import anyio
import anyio.to_thread
import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from pantau_collector import addresses
from pantau_collector.access import people, sessions
from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _
from pantau_collector.web import forms, render
from pantau_collector.web.admission import Admission, address_of
from pantau_collector.web.cookies import FORM, SESSION

_log = structlog.get_logger()
_COOKIE_BYTES = 32
_HASHES_AT_ONCE = 1  # each takes a core: the ingest needs the others
WRONG = _("The name or the password is wrong.")
STALE = _("This page was open for too long. Please try again.")
WAIT = _("Too many attempts. Please wait {seconds} seconds.")


def router(admission: Admission) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)
    desk = _Desk(admission)
    routes.add_api_route("/login", desk.show, methods=["GET"])
    routes.add_api_route("/login", desk.log_in, methods=["POST"])
    routes.add_api_route("/logout", desk.log_out, methods=["POST"])
    return routes


class _Desk:
    """Where people say who they are."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._hashing: anyio.CapacityLimiter | None = None

    async def show(self, request: Request) -> Response:
        """Show the form, or go on where somebody is logged in or nobody needs to be."""
        target = forms.safe_next(request.query_params.get("next"))
        if request.scope["viewer"] is not None:
            return RedirectResponse(target, 303)
        return self._form(request, target)

    async def log_in(self, request: Request) -> Response:
        """Start a session under a new id, or show the form again with the reason."""
        try:
            form = await forms.read_own(request, self._admission.cookies.get(request, FORM))
        except HTTPException as error:
            if error.status_code != 403:  # noqa: PLR2004
                raise
            return self._form(request, "/", 403, Message(STALE))
        target = forms.safe_next(form.get("next"))
        name, address = form.get("name", "").strip().lower()[:64], addresses.subscriber(address_of(request))
        if wait_s := self._admission.attempts.take(address, name):
            seconds = math.ceil(wait_s)
            response = self._form(request, target, 429, Message(WAIT, {"seconds": seconds}))
            response.headers["retry-after"] = str(seconds)
            return response
        if not await self._in_thread(
            people.password_is, self._admission.book, name, form.get("password", "")
        ):
            _log.warning("portal.login_failed", address=address)  # no name: people type passwords there
            return self._form(request, target, 403, Message(WRONG))
        self._admission.attempts.succeeded(address, name)
        return await self._enter(request, name, target)

    async def log_out(self, request: Request) -> Response:
        """End the session. Raises `HTTPException` where the form is not ours."""
        cookie = self._admission.cookies.get(request, SESSION)
        await forms.read_own(request, cookie)
        await self._in_thread(self._end, cookie)
        response = RedirectResponse("/login", 303)
        self._admission.cookies.drop(response, SESSION)
        return response

    async def _enter(self, request: Request, name: str, target: str) -> Response:
        old = self._admission.cookies.get(request, SESSION)
        cookie = await self._in_thread(self._start, old, name)
        response = RedirectResponse(target, 303)
        self._admission.cookies.put(response, SESSION, cookie)
        self._admission.cookies.drop(response, FORM)
        return response

    def _end(self, cookie: str) -> None:
        sessions.end(self._admission.book, cookie, now=self._admission.now())

    def _start(self, old: str | None, name: str) -> str:
        book, now = self._admission.book, self._admission.now()
        if old:
            sessions.end(book, old, now=now)
        return sessions.start(book, name, self._admission.limits, now=now)

    def _form(
        self, request: Request, target: str, status: int = 200, problem: Message | None = None
    ) -> Response:
        """Show the form, with a cookie that its token belongs to; two tabs share the cookie."""
        cookie = self._admission.cookies.get(request, FORM) or secrets.token_urlsafe(_COOKIE_BYTES)
        csrf = sessions.form_token(cookie)
        response = render.page(request, "login.html", status=status, problem=problem, next=target, csrf=csrf)
        self._admission.cookies.put(response, FORM, cookie)
        return response

    async def _in_thread(self, function: Any, *arguments: object) -> Any:
        if self._hashing is None:
            self._hashing = anyio.CapacityLimiter(_HASHES_AT_ONCE)
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._hashing)
