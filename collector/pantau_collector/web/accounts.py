"""Accounts as an administrator sees them: a page for people, and routes for programs."""

import contextlib
from collections.abc import Iterator

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from pantau_collector.access import people, tokens
from pantau_collector.access.model import Viewer
from pantau_collector.errors import AccessError
from pantau_collector.i18n import marked as _
from pantau_collector.registry.timezones import WIB
from pantau_collector.web import forms, render
from pantau_collector.web.admission import Admission
from pantau_collector.web.api import bodies
from pantau_collector.web.api.answering import answered
from pantau_collector.web.api.describing import problem_answers, says
from pantau_collector.web.cookies import SESSION

_JOURNAL_ENTRIES = 50
ACTIONS = {
    "token_added": _("made the token"),
    "token_revoked": _("revoked the token"),
    "person_added": _("added the person"),
    "password_changed": _("changed the password of"),
    "person_removed": _("removed the person"),
    "logged_in": _("logged in"),
    "logged_out": _("logged out"),
    "sessions_ended": _("ended the sessions of"),
}


def router(admission: Admission) -> APIRouter:
    """Return the routes. The gate lets administrators in only."""
    routes = APIRouter()
    book = admission.book

    @routes.get("/access", include_in_schema=False)
    def overview(request: Request) -> Response:
        return render.page(
            request,
            "access.html",
            people=people.every(book),
            tokens=tokens.every(book)[::-1],
            entries=book.journal(_JOURNAL_ENTRIES),
            actions=ACTIONS,
            now=admission.now(),
            zone=WIB,
        )

    @routes.post("/access/tokens/{token}/revoke", include_in_schema=False)
    async def revoke_by_hand(request: Request, token: str) -> Response:
        await forms.read_own(request, admission.cookies.get(request, SESSION))
        await run_in_threadpool(_revoke, admission, token, request.scope["viewer"])
        return RedirectResponse("/access", 303)

    @routes.post("/access/people/{name}/log-out", include_in_schema=False)
    async def log_out(request: Request, name: str) -> Response:
        await forms.read_own(request, admission.cookies.get(request, SESSION))
        await run_in_threadpool(_log_out, admission, name, request.scope["viewer"])
        return RedirectResponse("/access", 303)

    @routes.get("/api/v1/access/tokens", tags=["access"], **says(bodies.Tokens, missing=False))
    def listing(request: Request) -> Response:
        """Return every token that ever was, without its secret. Scope: admin."""
        return answered(request, bodies.Tokens(tokens=tokens.every(book)))

    @routes.delete(
        "/api/v1/access/tokens/{token}",
        tags=["access"],
        status_code=204,
        responses=problem_answers((401, 403, 404, 422, 429, 503)),
    )
    def revoke(request: Request, token: str) -> Response:
        """Revoke a token by its id or name. Scope: admin, by a token: browsers are not asked."""
        viewer: Viewer = request.scope["viewer"]
        if viewer.kind != "token":
            raise HTTPException(403, "a token is wanted")
        _revoke(admission, token, viewer)
        return Response(status_code=204)

    return routes


def _revoke(admission: Admission, token: str, viewer: Viewer) -> None:
    with _not_found():
        tokens.revoke(admission.book, token, who=viewer.name, now=admission.now())


def _log_out(admission: Admission, name: str, viewer: Viewer) -> None:
    with _not_found():
        people.end_sessions(admission.book, name, who=viewer.name, now=admission.now())


@contextlib.contextmanager
def _not_found() -> Iterator[None]:
    try:
        yield
    except AccessError as error:
        raise HTTPException(404, str(error)) from None
