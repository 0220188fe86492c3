"""Errors as people and programs read them: a page, or RFC 9457 problem JSON. Never a stack trace."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pantau_collector.errors import StoreUnavailableError
from pantau_collector.i18n import marked as _
from pantau_collector.web import render

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.responses import Response

_log = structlog.get_logger(__name__)
RETRY_AFTER_S = 5

TITLES = {
    404: _("This page does not exist"),
    422: _("This address asks for something that cannot be shown"),
    503: _("The measurements cannot be read just now"),
}
ADVICE = {
    404: _("Look the device up in the overview; it may have another name."),
    422: _("Go back to the overview and choose from there."),
    503: _("Nothing is lost: devices keep their measurements. This page tries again by itself."),
}
OTHER_TITLE = _("Something went wrong")
OTHER_ADVICE = _("It is our fault, and it has been recorded. Try again, or go back to the overview.")


def install(app: FastAPI) -> None:
    """Have every error of the app answered here."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StoreUnavailableError, _unavailable)
    app.add_exception_handler(Exception, _unexpected)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    return _answer(request, error.status_code, detail, dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [
        {"field": ".".join(str(part) for part in one["loc"][1:]), "detail": one["msg"]}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['field']}: {one['detail']}" for one in wrong)
    return _answer(request, 422, detail, errors=wrong)


async def _unavailable(request: Request, error: Exception) -> Response:
    del error  # the store's own watcher logs the transition
    return _answer(request, 503, "the store does not answer now", {"retry-after": str(RETRY_AFTER_S)})


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("web.failed", path=request.url.path, exc_info=error)
    return _answer(request, 500, "")


def _answer(
    request: Request, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    if request.url.path.startswith(("/api/", "/metrics", "/healthz")):
        return _problem(request, status, detail, headers, **more)
    response = render.page(
        request,
        "error.html",
        status=status,
        title=TITLES.get(status, OTHER_TITLE),
        advice=ADVICE.get(status, OTHER_ADVICE),
        code=status,
    )
    response.headers.update(headers or {})
    return response


def _problem(
    request: Request, status: int, detail: str, headers: dict[str, str] | None, **more: Any
) -> JSONResponse:
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "instance": request.url.path,
        **({"detail": detail} if detail else {}),
        **more,
    }
    return JSONResponse(content, status, headers, media_type="application/problem+json")
