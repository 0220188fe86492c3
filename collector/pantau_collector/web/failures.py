"""Errors as people and programs read them: a page, or RFC 9457 problem JSON. Never a stack trace."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from pantau_collector.errors import (
    AccessError,
    MaintenanceError,
    ObjectionError,
    StoreUnavailableError,
    TranslatedError,
)
from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _
from pantau_collector.web import problem, render
from pantau_wire.enrolment import PATH as ENROLMENT_PATH

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.responses import Response

_log = structlog.get_logger(__name__)
RETRY_AFTER_S = 5
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

TITLES = {
    403: _("This page is not for you"),
    404: _("This page does not exist"),
    405: _("This page cannot be used that way"),
    413: _("This is too much at once"),
    415: _("This page cannot be used that way"),
    421: _("The portal does not know itself by this name"),
    422: _("This address asks for something that cannot be shown"),
    429: _("Too many requests"),
    503: _("The measurements cannot be read just now"),
}
ADVICE = {
    403: _("Go back, load the page again and try once more. Or ask who looks after the portal."),
    404: _("Go back to the first page and choose from there; what you look for may have another name."),
    405: _("Go back to the overview and choose from there."),
    413: _("Go back to the overview and choose from there."),
    415: _("Go back to the overview and choose from there."),
    421: _("Use the address that you were given. Who looks after the portal can allow this one too."),
    422: _("Go back to the overview and choose from there."),
    429: _("Wait a minute. Nothing is lost: devices keep being measured."),
    503: _("Nothing is lost: devices keep their measurements. This page tries again by itself."),
}
WRONG_FIELDS = _("What stands in the address for {names} cannot be. Go back and choose from there.")
OTHER_TITLE = _("Something went wrong")
OTHER_ADVICE = _("It is our fault, and it has been recorded. Try again, or go back to the overview.")


class PageError(HTTPException):
    """An address that cannot be shown, with what to do about it in words. Programs read them in English."""

    def __init__(self, status: int, advice: Message) -> None:
        super().__init__(status, advice.to("en"))
        self.advice = advice


def install(app: FastAPI) -> None:
    """Have every error of the app answered here."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StoreUnavailableError, _unavailable)
    app.add_exception_handler(AccessError, _no_accounts)
    for refused in (MaintenanceError, ObjectionError):
        app.add_exception_handler(refused, _refused)
    app.add_exception_handler(Exception, _unexpected)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    advice = error.advice if isinstance(error, PageError) else None
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = ", ".join(_methods(request))
    return answer(request, error.status_code, detail, headers, advice=advice)


def _methods(request: Request) -> list[str]:
    """Return the methods of an address: all of them, where Starlette names those of the first route only."""
    return [method for method in _METHODS if _takes(request, method)]


def _takes(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [
        problem.FieldProblem(".".join(str(part) for part in one["loc"][1:]), one["msg"])
        for one in error.errors()
    ]
    detail = "; ".join(f"{one.field}: {one.detail}" for one in wrong)
    names = ", ".join(one.field for one in wrong)
    advice = Message(WRONG_FIELDS, {"names": names}) if names else None
    return answer(request, 422, detail, advice=advice, errors=wrong)


async def _unavailable(request: Request, error: Exception) -> Response:
    del error  # the store's own watcher logs the transition
    return answer(request, 503, "the store does not answer now", {"retry-after": str(RETRY_AFTER_S)})


async def _no_accounts(request: Request, error: Exception) -> Response:
    del error  # the gate logs the transition
    return accounts_unavailable(request)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, TranslatedError)
    return answer(request, 422, str(error), advice=Message(error.text, error.values))


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("web.failed", path=request.scope["path"], exc_info=error)
    return answer(request, 500, "")


def is_for_programs(path: str) -> bool:
    """Tell whether programs ask for this path, and get their errors as JSON."""
    return path.startswith(("/api/", "/metrics", "/healthz")) or path == ENROLMENT_PATH


def accounts_unavailable(request: Request) -> Response:
    """Return the answer while nobody can be told from anybody else."""
    return answer(request, 503, "the accounts cannot be read now", {"retry-after": str(RETRY_AFTER_S)})


def answer(
    request: Request,
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    *,
    advice: Message | None = None,
    **more: Any,
) -> Response:
    """Return an error as whoever asks can read it. `detail` is for programs, `advice` for people."""
    if is_for_programs(request.scope["path"]):
        return problem.answer(request.scope["path"], status, detail, headers, **more)
    response = render.page(
        request,
        "error.html",
        status=status,
        title=TITLES.get(status, OTHER_TITLE),
        advice=advice or Message(ADVICE.get(status, OTHER_ADVICE)),
        code=status,
    )
    response.headers.update(headers or {})
    return response
