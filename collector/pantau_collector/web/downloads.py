"""A month as a file: `/areas/{code}/{month}.csv|.xlsx|.pdf`, and `/villages/{code}/{month}/evidence.zip`.

A file is made whole before its first byte is sent: a store that fails halfway is an error, never a file that
looks complete and is not. It is made on disk, by two threads at most.
"""

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Annotated, Literal

import anyio
import anyio.to_thread
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from pantau_collector.exports import making
from pantau_collector.exports.making import FileFormat
from pantau_collector.exports.order import Order
from pantau_collector.web import asked, render
from pantau_collector.web.portal import Portal

_AT_ONCE, _MOST_WAITING = 2, 20
_RETRY_S = 30
_IN_MEMORY_BYTES = 1_000_000
_CHUNK_BYTES = 262_144


def router(portal: Portal) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)
    workshop = Workshop()

    @routes.get("/areas/{code}/{month}.{file_format}")
    async def month_file(
        request: Request,
        code: asked.AreaCode,
        month: asked.MonthText,
        file_format: FileFormat,
        dialect: Annotated[Literal["plain", "excel"], Query()] = "plain",
    ) -> Response:
        def work(out: IO[bytes]) -> str:
            assert portal.months is not None
            order = Order(
                reader=portal.months,
                area=asked.area_month(portal, portal.months, month, code),
                language=render.language_of(request),
                letterhead=portal.letterhead,
            )
            making.make(file_format, order, out, excel=dialect == "excel")
            return making.file_name(order, file_format)

        return await workshop.answer(request, making.MEDIA_TYPES[file_format], work)

    @routes.get("/villages/{code}/{month}/evidence.zip")
    async def evidence(request: Request, code: asked.VillageCode, month: asked.MonthText) -> Response:
        def work(out: IO[bytes]) -> str:
            assert portal.months is not None
            content = portal.months.bundle(month, asked.begun(portal, month, code))
            if content is None:
                raise asked.unknown(month, code)
            out.write(content)
            return f"pantau-{code}-{month}-evidence.zip"

        return await workshop.answer(request, "application/zip", work)

    return routes


class _Made:
    """A file that was made: where it is, what it is called, how long it is, and its hash."""

    def __init__(self, work: Callable[[IO[bytes]], str]) -> None:
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by chunks
        try:
            self.name = work(self.file)
            self.file.seek(0, io.SEEK_END)
            self.size = self.file.tell()
            self.tag = f'"{self._digest()}"'
        except BaseException:
            self.file.close()
            raise

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for chunk in self._read():
            digest.update(chunk)
        return digest.hexdigest()[:32]

    def chunks(self) -> Iterator[bytes]:
        """Yield the file, and throw it away."""
        with self.file:
            yield from self._read()

    def _read(self) -> Iterator[bytes]:
        self.file.seek(0)
        while chunk := self.file.read(_CHUNK_BYTES):
            yield chunk


class Workshop:
    """Makes files in threads, few at a time, so that the rest of the portal has room."""

    def __init__(self) -> None:
        self._limiter: anyio.CapacityLimiter | None = None
        self._asked = 0

    async def answer(self, request: Request, media_type: str, work: Callable[[IO[bytes]], str]) -> Response:
        """Return the file that `work` writes, under the name that it returns; 503 where too many wait."""
        made = await self._make(work)
        headers = {
            "etag": made.tag,
            "cache-control": "private, no-cache",
            "content-disposition": f'attachment; filename="{made.name}"',
            "content-length": str(made.size),
        }
        if request.headers.get("if-none-match") == made.tag:
            made.file.close()
            return Response(status_code=304, headers={"etag": made.tag})
        return StreamingResponse(made.chunks(), headers=headers, media_type=media_type)

    async def _make(self, work: Callable[[IO[bytes]], str]) -> _Made:
        if self._asked >= _AT_ONCE + _MOST_WAITING:
            headers = {"retry-after": str(_RETRY_S)}
            raise HTTPException(503, "too many files are being made now: try again soon", headers)
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        self._asked += 1  # the limiter counts only those who have got as far as its queue
        try:
            return await anyio.to_thread.run_sync(_Made, work, limiter=self._limiter)
        finally:
            self._asked -= 1
