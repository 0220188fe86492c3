"""How long a page takes, phase by phase: name, connection, TLS, first byte, all of it.

One GET without cookies, compression or cache. Redirects are not followed: a 301 is an answer, and its phases
are what they are. From 400 on the peer said no, which is the failure `refused`, with all phases. A body
longer than `max_bytes` is cut there, and `body_bytes` says how much was read. Where a phase failed, those
before it are in the result. `dns_ms` is absent where the page names an address, `tls_ms` without TLS.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import socket
import ssl
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import SplitResult, urlsplit

from pantau_agent.i18n import _
from pantau_agent.probes import interfaces
from pantau_agent.probes.failures import ProbeError, error_of
from pantau_agent.probes.http_reply import MAX_HEAD_BYTES, body_bytes, read_head
from pantau_wire import __version__
from pantau_wire.fields import Http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pantau_agent.probes.base import Context
    from pantau_agent.probes.http_reply import Head
    from pantau_wire.fields import Failure

Phase = Literal["dns", "connect", "tls", "first_byte", "body"]
_PAGE_CHARACTERS = 200  # of the wire's Name
_PORTS = {"http": 80, "https": 443}
_REFUSED_FROM = 400
_TOO_LATE: dict[Phase, tuple[Failure, str]] = {
    "dns": ("name_resolution", "the name's address did not come"),
    "connect": ("unreachable", "nobody answered"),
    "tls": ("timeout", "the TLS handshake did not end"),
    "first_byte": ("timeout", "no first byte came"),
    "body": ("timeout", "the page did not end"),
}
_SEGMENT_BYTES, _HEADERS_BYTES = 1448, 66
_CONNECTION_BYTES, _TLS_BYTES = 4 * _HEADERS_BYTES, 3_000  # about what the beginning weighs each way


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget:
    """Which page to fetch; the whole fetch may take `timeout_s`. `ca_file` replaces the system's CAs."""

    url: str
    timeout_s: float = 10.0
    max_bytes: int = 1_000_000
    ca_file: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be fetched."""
        if not (self.url.isascii() and self.url.isprintable()) or " " in self.url:
            raise ValueError(_("url must be ASCII without white space"))
        if len(self.url) > _PAGE_CHARACTERS:
            text = _("url must not be longer than {count} characters")
            raise ValueError(text.format(count=_PAGE_CHARACTERS))
        parts = self.parts
        if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
            raise ValueError(_("url must be http://… or https://…, with a host and without a user"))
        if self.port == 0:
            raise ValueError(_("url has no usable port"))
        if self.timeout_s <= 0 or self.max_bytes < 1:
            raise ValueError("timeout_s and max_bytes must be above 0")

    @property
    def parts(self) -> SplitResult:
        """The parts of the address."""
        return urlsplit(self.url)

    @property
    def host(self) -> str:
        """The host's name or address."""
        return self.parts.hostname or ""

    @property
    def port(self) -> int:
        """The TCP port. Raises ValueError if it is no number up to 65535."""
        port = self.parts.port
        return _PORTS[self.parts.scheme] if port is None else port

    def request(self) -> bytes:
        """Return the request."""
        parts = self.parts
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"User-Agent: pantau-agent/{__version__}",
            "Accept: */*",
            "Accept-Encoding: identity",
            "Connection: close",
        ]
        return "\r\n".join([*lines, "", ""]).encode("ascii")


@dataclass(slots=True)
class _Phases:
    """Fills up as the fetch goes on; the names are those of `Http`."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float | None = None
    body_bytes: int | None = None
    status_code: int | None = None


@dataclass(slots=True)
class _Fetch:
    target: HttpTarget
    context: Context
    phases: _Phases = field(default_factory=_Phases)
    phase: Phase = "dns"

    async def run(self) -> None:
        """Fetch the page. Raises ProbeError; what is known by then stands in `phases`."""
        tls = await asyncio.to_thread(_tls_of, self.target)
        begun_s = time.perf_counter()
        try:
            async with asyncio.timeout(self.target.timeout_s):
                head = await self._fetch(tls)
        except TimeoutError as fault:
            failure, what = _TOO_LATE[self.phase]
            raise ProbeError(failure, f"{what} in {self.target.timeout_s:g} s") from fault
        except OSError as fault:
            raise error_of(fault, f"{self.phase.replace('_', ' ')} of {self.target.host}") from fault
        self.phases.total_ms = _ms_since(begun_s)
        if head.status >= _REFUSED_FROM:
            raise ProbeError("refused", f"{head.status} {head.reason}")

    async def _fetch(self, tls: ssl.SSLContext | None) -> Head:
        addresses = await self._resolve()
        async with self._connected(addresses, tls) as (reader, writer):
            with self._timed("first_byte"):
                writer.write(self.target.request())
                first = await reader.read(1)
            if not first:
                raise ProbeError("protocol", "the connection ended without a response")
            self.phase = "body"
            head = await read_head(reader, first)
            self.phases.status_code = head.status
            self.phases.body_bytes = await body_bytes(reader, head, self.target.max_bytes)
            return head

    async def _resolve(self) -> list[str]:
        """Return the addresses, as the system orders them."""
        if _is_address(self.target.host):
            return [self.target.host]
        with self._timed("dns"):
            loop = asyncio.get_running_loop()
            try:
                found = await loop.getaddrinfo(self.target.host, None, type=socket.SOCK_STREAM)
            except UnicodeError as fault:
                raise ProbeError("name_resolution", "this cannot be a host name") from fault
        return [str(sockaddr[0]) for *_, sockaddr in found]

    @asynccontextmanager
    async def _connected(
        self, addresses: list[str], tls: ssl.SSLContext | None
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        with self._timed("connect"):
            reader, writer = await _open(addresses, self.target.port)
        interface = interfaces.interface_of(str(writer.get_extra_info("sockname")[0]))
        try:
            if tls is not None:
                with self._timed("tls"):
                    await writer.start_tls(tls, server_hostname=self.target.host)
            yield reader, writer
        finally:
            writer.transport.abort()
            self._account(interface, has_tls=tls is not None)

    def _account(self, interface: str | None, *, has_tls: bool) -> None:
        """Book what the fetch weighed: the body is counted, head and headers are estimates."""
        payload = (self.phases.body_bytes or 0) + len(self.target.request())
        headers = _HEADERS_BYTES * math.ceil(payload / _SEGMENT_BYTES)
        fixed = _CONNECTION_BYTES + (_TLS_BYTES if has_tls else 0)
        self.context.test_traffic.add(
            interface,
            rx_bytes=payload + headers + fixed,
            tx_bytes=len(self.target.request()) + headers // 2 + fixed,
        )

    @contextmanager
    def _timed(self, phase: Literal["dns", "connect", "tls", "first_byte"]) -> Iterator[None]:
        """Note how long a phase took, if it ended well."""
        self.phase = phase
        begun_s = time.perf_counter()
        yield
        setattr(self.phases, f"{phase}_ms", _ms_since(begun_s))


async def http(target: HttpTarget, context: Context) -> Http:
    """Fetch the page once."""
    fetch = _Fetch(target, context)
    try:
        await fetch.run()
    except ProbeError as error:
        return Http(
            page=target.url, failure=error.failure, failure_detail=error.detail, **asdict(fetch.phases)
        )
    return Http(page=target.url, **asdict(fetch.phases))


async def _open(addresses: list[str], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that takes us. Raises the last one's error."""
    *others, last = addresses
    for address in others:
        try:
            return await asyncio.open_connection(address, port, limit=MAX_HEAD_BYTES)
        except OSError:
            continue
    return await asyncio.open_connection(last, port, limit=MAX_HEAD_BYTES)


def _tls_of(target: HttpTarget) -> ssl.SSLContext | None:
    """Return what TLS needs, None for plain HTTP. Raises ProbeError if the CAs cannot be read."""
    if target.parts.scheme != "https":
        return None
    try:
        return ssl.create_default_context(cafile=target.ca_file)
    except OSError as fault:
        raise ProbeError("internal", f"cannot read the CAs: {fault}") from fault


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ms_since(begun_s: float) -> float:
    return round((time.perf_counter() - begun_s) * 1000, 3)
