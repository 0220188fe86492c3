"""One HTTP connection: takes octets from the transport and does what the endpoints decide."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from pantau_testpoint.errors import RequestError
from pantau_testpoint.speed.admission import Stream
from pantau_testpoint.speed.endpoints import Download, Endpoints, Upload
from pantau_testpoint.speed.garbage import RandomBlock
from pantau_testpoint.speed.limits import RECEIVE_BYTES, Limits
from pantau_testpoint.speed.request import Event, Mark, Request, RequestReader
from pantau_testpoint.speed.response import CONTINUE, Answer, fault_answer, head, whole
from pantau_testpoint.speed.watch import Phase, Watch, acked_bytes, unacked_bytes

OVERLOADED = RequestError(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_connections",
    "too many connections are open; try again in 10 s",
    (("Retry-After", "10"),),
)


@dataclass(slots=True)
class Shared:
    """What all connections of a server have in common.

    One receive buffer serves them all: the event loop fills it and hands it over in one go.
    """

    endpoints: Endpoints
    garbage: RandomBlock
    limits: Limits
    clock: Callable[[], float]
    connections: set["Connection"] = field(default_factory=set)
    buffer: memoryview = field(default_factory=lambda: memoryview(bytearray(RECEIVE_BYTES)))


class Connection(asyncio.BufferedProtocol):
    """Answers the requests of one connection in their order, one at a time."""

    _transport: asyncio.Transport
    _socket: socket.socket
    _address: str
    _tail: Stream | None

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._reader = RequestReader()
        self._watch = Watch(shared.limits)
        self._request: Request | None = None
        self._upload: Upload | None = None
        self._download: asyncio.Task[bool] | None = None
        self._tail = None
        self._write_paused = False
        self._lingering = False
        self._answered_count = 0
        self.lost = asyncio.Event()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or refuse if there are too many already."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._socket = transport.get_extra_info("socket")
        self._address = transport.get_extra_info("peername")[0].removeprefix("::ffff:")
        self._shared.connections.add(self)
        if len(self._shared.connections) > self._shared.limits.max_connections:
            self._refuse(OVERLOADED)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason changes nothing
        """Give back what the connection held."""
        self._shared.connections.discard(self)
        self._drop_upload()
        self._drop_tail()
        if self._download is not None:
            self._download.cancel()
        self.lost.set()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio always says -1
        """Lend the shared buffer, as much of it as the reader can use."""
        return self._shared.buffer[: self._reader.appetite]

    def buffer_updated(self, nbytes: int) -> None:
        """Take `nbytes` from the shared buffer."""
        if not self._lingering:
            self._reader.feed(self._shared.buffer[:nbytes])
            self._advance()

    def eof_received(self) -> None:
        """Let the transport close: half a request gets no answer."""

    def pause_writing(self) -> None:
        """Take no more requests from a client that does not read our answers."""
        self._write_paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._write_paused = False
        self._advance()

    # Requests, one after the other.

    def _advance(self) -> None:
        """Handle events until there are none, or one takes time; then read on."""
        while self._reader.events and not self._busy():
            self._take(self._reader.events.popleft())
        if not self._busy():
            self._transport.resume_reading()

    def _busy(self) -> bool:
        waiting = self._download is not None or self._write_paused
        return waiting or self._lingering or self._transport.is_closing()

    def _take(self, event: Event) -> None:
        if isinstance(event, int):
            if self._upload is not None:
                self._upload.received_bytes += event
        elif isinstance(event, Request):
            self._begin(event)
        elif event is Mark.REQUEST_END:
            self._finish_upload()
        elif isinstance(event, RequestError):
            self._refuse(event)

    def _begin(self, request: Request) -> None:
        self._request = request
        self._watch.began(self._shared.clock())
        self._drop_tail()
        plan = self._shared.endpoints.plan(request, self._address)
        if isinstance(plan, Download):
            self._start_download(plan, request)
        elif isinstance(plan, Upload):
            self._upload = plan
            if request.expects_continue and not self._reader.events:
                self._transport.write(CONTINUE)
        else:
            self._answer(plan, request, body_unread=request.has_body)

    def _finish_upload(self) -> None:
        if self._upload is not None and self._request is not None:
            upload, self._upload = self._upload, None
            upload.stream.release()
            self._answer(upload.answer(self._shared.clock()), self._request, body_unread=False)

    def _answer(self, answer: Answer, request: Request, *, body_unread: bool) -> None:
        """Send `answer`, and close after it if a body follows that nobody wants."""
        close = body_unread or not request.keep_alive
        self._transport.write(whole(answer, close=close, without_body=request.method == "HEAD"))
        self._answered_count += 1
        if close:
            self._linger()

    def _start_download(self, plan: Download, request: Request) -> None:
        self._transport.pause_reading()
        octets = head(HTTPStatus.OK, plan.headers, body_bytes=plan.size, close=not request.keep_alive)
        self._transport.write(octets)
        self._download = asyncio.get_running_loop().create_task(self._send_garbage(plan.size))
        self._download.add_done_callback(partial(self._finish_download, plan, request))

    async def _send_garbage(self, size: int) -> bool:
        """Return whether all of it could be sent."""
        try:
            await self._shared.garbage.send(self._transport, size)
        except (OSError, RuntimeError):
            return False
        return True

    def _finish_download(self, plan: Download, request: Request, task: asyncio.Task[bool]) -> None:
        """Go on with the next request. A callback of the task, as that also comes if it never began.

        The kernel may still hold megabytes for a slow line: the stream lasts until they are acknowledged.
        """
        self._tail = plan.stream
        self._download = None
        complete = False
        try:
            complete = not task.cancelled() and task.result()
        finally:
            if not complete:
                self._transport.abort()
        self._answered_count += 1
        if complete and not request.keep_alive:
            self._linger()
        self._advance()

    # Endings.

    def _refuse(self, error: RequestError) -> None:
        """Say what is wrong and close: where the next request begins is not known."""
        self._drop_upload()
        self._transport.write(whole(fault_answer(error), close=True, without_body=False))
        self._linger()

    def _linger(self) -> None:
        """End our side and discard what still comes: a reset could overtake the answer (RFC 9112, 9.6)."""
        self._lingering = True
        self._reader.events.clear()
        self._transport.write_eof()
        self._transport.resume_reading()

    def _drop_upload(self) -> None:
        if self._upload is not None:
            self._upload.stream.release()
            self._upload = None

    def _drop_tail(self) -> None:
        if self._tail is not None:
            self._tail.release()
            self._tail = None

    def abort(self) -> None:
        """End at once; `lost` is set when everything is given back."""
        if self._download is not None:
            self._download.cancel()
        else:
            self._transport.abort()

    # Time limits.

    def check(self, now: float) -> None:
        """End the connection if it makes no progress; called every `sweep_s`."""
        if not unacked_bytes(self._socket) and self._download is None:
            self._drop_tail()
        phase = self._phase()
        if not self._watch.too_long(phase, self._answered_count, self._moved_bytes(phase), now):
            return
        if phase is Phase.HEAD:
            self._refuse(_timeout("the header of the request did not arrive in time"))
        elif phase is Phase.RECEIVING:
            self._refuse(_timeout("the body of the request stopped arriving, or took too long"))
        else:
            self.abort()

    def _phase(self) -> Phase:
        if self._lingering:
            return Phase.SENDING if unacked_bytes(self._socket) else Phase.LINGERING
        if self._download is not None or self._write_paused:
            return Phase.SENDING
        if self._upload is not None:
            return Phase.RECEIVING
        return Phase.HEAD if self._reader.in_head else Phase.IDLE

    def _moved_bytes(self, phase: Phase) -> int:
        if phase is Phase.SENDING:
            return acked_bytes(self._socket)
        return self._upload.received_bytes if self._upload is not None else 0


def _timeout(message: str) -> RequestError:
    return RequestError(HTTPStatus.REQUEST_TIMEOUT, "timeout", message)
