"""Answers of the API: JSON with a tag, so that who has the answer already gets 304; and how long it keeps."""

from __future__ import annotations

import hashlib

import msgspec
from fastapi import HTTPException, Request, Response

CHANGING = 0
CLOSED_S = 3600
"""A closed month changes by a revision or an objection only: an hour late is early enough."""
FIXED_S = 86_400
"""What comes with the package, such as names of areas."""


def answered(request: Request, body: msgspec.Struct, keep_s: int = CHANGING) -> Response:
    """Return a body, or 304 where the client has just that. `keep_s`: how long it need not ask again."""
    content = msgspec.json.encode(body)
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        "etag": tag,
        "cache-control": f"private, max-age={keep_s}" if keep_s else "private, no-cache",
        "vary": "authorization, cookie",
    }
    if tag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def created(body: msgspec.Struct, location: str) -> Response:
    """Return 201 with what was made, and where it can be read."""
    headers = {"location": location, "cache-control": "no-store"}
    return Response(msgspec.json.encode(body), 201, headers, media_type="application/json")


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def known_parameters(request: Request) -> None:
    """Refuse parameters that the route does not know: a misspelt filter must not answer for everything."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise HTTPException(422, f"unknown parameter {unknown[0]!r}: this address knows {names}")
