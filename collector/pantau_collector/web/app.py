"""The portal as an ASGI application."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.staticfiles import StaticFiles

from pantau_collector.exports.making import MEDIA_TYPES
from pantau_collector.web import (
    accounts,
    api,
    downloads,
    enrolment,
    failures,
    login,
    machines,
    pages,
    render,
    surges,
)
from pantau_collector.web.admission import Admission
from pantau_collector.web.api import describing
from pantau_collector.web.gate import Gate
from pantau_collector.web.portal import Portal
from pantau_collector.web.security import SecurityHeaders
from pantau_collector.web.verdicts import areas, villages, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp

    from pantau_collector.config import WebConfig
    from pantau_collector.months.model import MonthReader
    from pantau_collector.months.profile_file import ProfileSource
    from pantau_collector.registry.file import RegistrySource
    from pantau_collector.storage.base import Store

_COMPRESSED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, MEDIA_TYPES["pdf"], MEDIA_TYPES["xlsx"])


def create_app(
    store: Store,
    registry: RegistrySource,
    web: WebConfig,
    *,
    health: Callable[[], dict[str, Any]],
    metrics: Callable[[], bytes] | None = None,
    clock_ns: Callable[[], int] = time.time_ns,
    desk: enrolment.Desk | None = None,
    months: MonthReader | None = None,
    letterhead: Sequence[str] = (),
    profiles: ProfileSource | None = None,
) -> ASGIApp:
    """Return the application, behind its gate. What blocks runs in threads, never on the event loop.

    `health` returns a JSON-ready dict: `/healthz` answers 200 when its `status` is "ok", else 503. `metrics`
    returns Prometheus' text format. `clock_ns` is the time in ns since 1970. `desk` enrols devices, where
    this portal does that. `months` reads the villages' months; `letterhead` stands on reports; `profiles`
    tell whether announced maintenance counts.
    """
    app = FastAPI(title="Pantau", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    portal = Portal(store, registry, health, metrics, clock_ns, months, letterhead, profiles)
    admission = Admission(web, clock_ns)
    for part in (pages, areas, villages, surges, api, machines):
        app.include_router(part.router(portal))
    for part_with_accounts in (login, accounts):
        app.include_router(part_with_accounts.router(admission))
    if months is not None:
        app.include_router(downloads.router(portal))
        app.include_router(writing.router(portal, admission))
    if desk is not None:
        app.include_router(enrolment.router(admission, desk))
    app.mount("/static", StaticFiles(directory=render.FOLDER / "static"), name="static")
    failures.install(app)
    describing.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=1024, exclude_content_types=_COMPRESSED)
    return SecurityHeaders(Gate(app, admission), encrypted=web.encrypted)
