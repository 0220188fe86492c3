"""`/enroll`: where an invited device gets its certificate. For programs: no session, no form, no cookie.

What admits is a token in the body and no cookie that a browser adds by itself, so no foreign page can use
it (CSRF); and the body must say that it is JSON, which a page may not send unasked.
"""

import asyncio
import math
from typing import Protocol

import msgspec
import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from pantau_collector import addresses
from pantau_collector.errors import CertificateError, EnrolmentRefusedError
from pantau_collector.web import failures
from pantau_collector.web.admission import Admission, address_of
from pantau_collector.web.limits import Buckets
from pantau_wire.enrolment import (
    MAX_REQUEST_BYTES,
    PATH,
    PROBLEM_PREFIX,
    EnrolmentAnswer,
    EnrolmentRequest,
    Fault,
    Introduction,
)

_log = structlog.get_logger()
_JSON = "application/json"
_RETRY_S = 60
_BODY_TIMEOUT_S = 20.0
STATUSES: dict[Fault, int] = {
    "unknown": 403,
    "expired": 410,
    "used": 409,
    "enrolled": 409,
    "request": 422,
    "too_often": 429,
    "unavailable": 503,
}


class Desk(Protocol):
    """Who issues. Both block, and raise `CertificateError` while the authorities cannot be used."""

    def introduce(self) -> Introduction:
        """Return what everybody may know."""

    def enrol(self, request: EnrolmentRequest) -> EnrolmentAnswer:
        """Return the device's certificate, or raise `EnrolmentRefusedError`."""


def router(admission: Admission, desk: Desk) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)
    window = _Window(admission, desk)
    routes.add_api_route(PATH, window.introduce, methods=["GET"])
    routes.add_api_route(PATH, window.enrol, methods=["POST"])
    return routes


class _Window:
    """Speaks HTTP with devices. The tokens that they show are never logged."""

    def __init__(self, admission: Admission, desk: Desk) -> None:
        self._desk = desk
        self._attempts = Buckets(20, 1 / 10, admission.clock_s)
        self._failing = False

    async def introduce(self, request: Request) -> Response:
        """Tell which authority has issued the broker's certificate, and ours where it is no public one."""
        try:
            introduction = await run_in_threadpool(self._desk.introduce)
        except CertificateError as error:
            return self._unavailable(request, error)
        return _answered(introduction)

    async def enrol(self, request: Request) -> Response:
        """Issue a certificate, or say what to do instead."""
        address = addresses.subscriber(address_of(request))
        if wait_s := self._attempts.take(address):
            seconds = math.ceil(wait_s)
            return _refused(request, "too_often", f"wait {seconds} seconds", {"retry-after": str(seconds)})
        try:
            asked = await _read(request)
            answer = await run_in_threadpool(self._desk.enrol, asked)
        except EnrolmentRefusedError as error:
            _log.warning("enrolment.refused", fault=error.fault, address=address)
            return _refused(request, error.fault, str(error))
        except CertificateError as error:
            return self._unavailable(request, error)
        self._failing = False
        _log.info("enrolment.enrolled", device=answer.device, village=answer.village, address=address)
        return _answered(answer)

    def _unavailable(self, request: Request, error: CertificateError) -> Response:
        if not self._failing:
            _log.error("enrolment.unavailable", error=str(error))
        self._failing = True
        detail = "the authorities cannot be used just now; the invitation is still good: try again later"
        return _refused(request, "unavailable", detail, {"retry-after": str(_RETRY_S)})


async def _read(request: Request) -> EnrolmentRequest:
    """Return what the device asks for; raises `EnrolmentRefusedError`, or `HTTPException` 408, 413 or 415."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise HTTPException(415, f"the body must be {_JSON}")
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            body = await _body(request)
    except TimeoutError:
        raise HTTPException(408, "the body did not come in time: try again") from None
    try:
        return msgspec.json.decode(body, type=EnrolmentRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Whatever the decoder could say of it may hold the token.
        raise EnrolmentRefusedError("request", "device, token and request are wanted, as JSON") from None


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_REQUEST_BYTES:
            raise HTTPException(413, f"at most {MAX_REQUEST_BYTES} bytes are taken")
    return bytes(body)


def _answered(body: Introduction | EnrolmentAnswer) -> Response:
    return Response(msgspec.json.encode(body), media_type=_JSON)


def _refused(request: Request, fault: Fault, detail: str, headers: dict[str, str] | None = None) -> Response:
    return failures.answer(request, STATUSES[fault], detail, headers, type=PROBLEM_PREFIX + fault)
