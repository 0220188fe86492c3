"""The API's description, OpenAPI 3.1: FastAPI knows the parameters, msgspec the bodies."""

from __future__ import annotations

import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Response
from fastapi.openapi.utils import get_openapi

from pantau_collector.web import problem
from pantau_collector.web.api import bodies

if TYPE_CHECKING:
    from fastapi import FastAPI

VERSION = "1.0"
DESCRIPTION = """\
Reads what Pantau knows of the internet of Indonesia's villages: verdicts by month and what they rest on,
the present state, and the measurements themselves. Areas are named by their Kemendagri codes, the nation by
`id`. Times are nanoseconds since 1970 in UTC, rates bit/s, delays ms, ratios 0 to 1; a month is one of
local time.

**Versions.** Within `/api/v1` fields and addresses are added and never removed, renamed or given another
meaning: ignore what you do not know. Anything else would be `/api/v2`, beside this one for at least a year.

**Access.** `Authorization: Bearer TOKEN`, from `pantau-collector access token add`. On the machine itself
the portal is open until the first account is made; writing always wants a token of the scope `admin`.

**Limits.** Lists come in pages; `next` is the `after` of the next one. A token may ask 1,200 times a minute
(the operator may have set another number); 429 and 503 carry `Retry-After`. Answers carry `ETag`: send it
as `If-None-Match` and get 304 while nothing has changed.

**Errors** are RFC 9457 problems (`application/problem+json`).
"""
TAGS = [
    {"name": "areas", "description": "Provinces, regencies, districts and villages: names and codes."},
    {"name": "verdicts", "description": "Months: verdicts, and everything that they rest on."},
    {"name": "state", "description": "How areas, villages and devices are now."},
    {"name": "measurements", "description": "Devices and what they measured."},
    {"name": "access", "description": "Tokens. Scope admin."},
]
_ALWAYS = (401, 403, 422, 429, 503)
_WRITING = (409, 413, 415)
_REF = "#/components/schemas/{name}"
_JSON = "application/json"


def says(body: type[msgspec.Struct], *, status: int = 200, missing: bool = True) -> dict[str, Any]:
    """Return what a route's decorator needs to describe its answer; `missing`: whether it may be 404."""
    content = {_JSON: {"schema": {"$ref": _REF.format(name=body.__name__)}}}
    problems = (*_ALWAYS, *((404,) if missing else ()), *(_WRITING if status == HTTPStatus.CREATED else ()))
    return {
        "status_code": status,
        "response_class": Response,
        "responses": {
            status: {"description": body.__doc__, "content": content},
            **({304: {"description": "Nothing has changed."}} if status == HTTPStatus.OK else {}),
            **problem_answers(problems),
        },
    }


def problem_answers(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of errors."""
    content = {problem.MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {
        status: {"description": problem.DETAILS.get(status, HTTPStatus(status).phrase), "content": content}
        for status in sorted(statuses)
    }


def install(app: FastAPI) -> None:
    """Have the app describe itself so."""
    app.openapi = functools.partial(_described, app)  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        described = get_openapi(
            title=f"{app.title} API",
            version=VERSION,
            description=DESCRIPTION,
            routes=app.routes,
            tags=TAGS,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        components = described.setdefault("components", {})
        components["schemas"] = {**components.get("schemas", {}), **_schemas()}
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
        app.openapi_schema = described
    return app.openapi_schema


def _schemas() -> dict[str, Any]:
    """Return the schemas of all bodies and of what stands in them."""
    structs = [
        one for one in vars(bodies).values() if isinstance(one, type) and issubclass(one, msgspec.Struct)
    ]
    _, components = msgspec.json.schema_components([*structs, problem.Problem], ref_template=_REF)
    return components
