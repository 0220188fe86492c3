"""RFC 9457: what programs get instead of an answer. One shape for every error."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from fastapi import Response

MEDIA_TYPE = "application/problem+json"
DETAILS = {
    401: "a valid token is wanted: Authorization: Bearer TOKEN",
    403: "this token, or this browser, may not do that",
    404: "there is nothing at this address: /api/v1/openapi.json lists what there is",
    405: "this address does not know that method",
    413: "this is too much at once",
    429: "too many requests",
    500: "the fault is ours, and has been recorded",
    503: "this cannot be answered now: try again later",
}
"""What is said where nobody has said anything better."""


class FieldProblem(msgspec.Struct, frozen=True):
    """What is wrong with one part of a request: its name, and what is wanted."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why there is no answer. `type` is `about:blank` where the status says all that a program can act on.

    `instance` is the path that was asked for; `errors` names each wrong parameter of a 422.
    """

    type: str = msgspec.field(default_factory=lambda: "about:blank")
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblem] | None = None


def answer(
    path: str,
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    *,
    type: str = "about:blank",  # noqa: A002 - RFC 9457's name
    errors: list[FieldProblem] | None = None,
) -> Response:
    """Return a problem as a program reads it."""
    title = HTTPStatus(status).phrase
    problem = Problem(
        type=type,
        title=title,
        status=status,
        detail=detail or DETAILS.get(status, title),
        instance=path,
        errors=errors,
    )
    return Response(msgspec.json.encode(problem), status, headers, MEDIA_TYPE)
