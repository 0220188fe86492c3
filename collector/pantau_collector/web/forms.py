"""What people send: small forms, each with the token that shows that it is our own (CSRF)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from fastapi import HTTPException

from pantau_collector.access import sessions

if TYPE_CHECKING:
    from fastapi import Request

MAX_BODY_BYTES = 16_384
FORM_TYPE = "application/x-www-form-urlencoded"
_MAX_FIELDS = 20
_MAX_NEXT_CHARACTERS = 1024


async def body_of(request: Request, media_type: str, wanted: str) -> bytes:
    """Return a small body of one type, `wanted` in words. Raises `HTTPException` 413 or 415."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise HTTPException(415, wanted)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"at most {MAX_BODY_BYTES} bytes are taken")
    return bytes(body)


async def read(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises `HTTPException` 413, 415 or 422."""
    body = await body_of(request, FORM_TYPE, f"a form is wanted: {FORM_TYPE}")
    try:
        return dict(
            parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
        )
    except ValueError:
        raise HTTPException(422, "this is no form") from None


async def read_own(request: Request, cookie: str | None) -> dict[str, str]:
    """Return the fields of a form that we gave to the holder of this cookie; else raises 403."""
    form = await read(request)
    if not sessions.form_token_matches(cookie, form.get("csrf", "")):
        raise HTTPException(403, "this form is not, or no longer, one of ours")
    return form


def safe_next(asked: str | None) -> str:
    """Return where to go after the login: a page of ours, or the first one. Never another site."""
    path = asked or "/"
    parts = urlsplit(path)
    ours = (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isprintable()
        and " " not in path
        and len(path) <= _MAX_NEXT_CHARACTERS
        and not parts.scheme
        and not parts.netloc
        and parts.path not in ("/login", "/logout")
    )
    return path if ours else "/"
