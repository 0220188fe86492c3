"""What programs send: JSON of a given shape, small, from a token of the scope admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from fastapi import HTTPException
from starlette.concurrency import run_in_threadpool

from pantau_collector.errors import TranslatedError
from pantau_collector.web import forms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import Request

JSON = "application/json"
_Done = TypeVar("_Done")
_Body = TypeVar("_Body", bound=msgspec.Struct)


def takes(body: type[msgspec.Struct], example: dict[str, Any]) -> dict[str, Any]:
    """Return how a route describes what it takes, for its `openapi_extra`."""
    schema = {"$ref": f"#/components/schemas/{body.__name__}"}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema, "example": example}}}}


async def read(request: Request, kind: type[_Body]) -> _Body:
    """Return what was sent. Raises `HTTPException`: 403 but for a token, 413, 415, 422.

    A browser adds its cookie by itself, a token nobody adds unasked: so no foreign page can write (CSRF).
    """
    if request.scope["viewer"].kind != "token":
        raise HTTPException(403, "a token of the scope admin is wanted")
    body = await forms.body_of(request, JSON, f"JSON is wanted: content-type {JSON}")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise HTTPException(422, str(error)) from None
    except UnicodeDecodeError:
        raise HTTPException(422, "JSON is UTF-8, and this is not") from None


async def done(work: Callable[[], _Done], statuses: Mapping[str, int]) -> _Done:
    """Do what was asked, in a thread; a refusal is the status of its text, 422 where that has none."""
    try:
        return await run_in_threadpool(work)
    except TranslatedError as error:
        raise HTTPException(statuses.get(error.text, 422), str(error)) from None
