"""Who may see what: decided once for every request, before any handler."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_collector import addresses
from pantau_collector.access import sessions, tokens
from pantau_collector.access.book import Book
from pantau_collector.access.model import Viewer
from pantau_collector.web.cookies import SESSION, Cookies
from pantau_collector.web.limits import Attempts, Buckets
from pantau_wire.enrolment import PATH as ENROLMENT_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

    from pantau_collector.access.model import Scope
    from pantau_collector.config import WebConfig

ANYONE = Viewer("anyone", "", "read")
LIVE_HEADER = "x-pantau-live"  # the page asks by itself: that is nobody's presence
_HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9.-]+))(?::[0-9]{1,5})?")
_FOR_ANYONE = ("/healthz", "/login", ENROLMENT_PATH)
_STATIC = "/static/"
_API = "/api/"
_READING = ("GET", "HEAD")
_FOR_ADMINS = ("/access", "/api/v1/access")


@dataclass
class Admission:
    """The doorkeeper of one portal. `clock_ns` is the time in ns since 1970, `clock_s` a steady one."""

    config: WebConfig
    clock_ns: Callable[[], int] = time.time_ns
    clock_s: Callable[[], float] = time.monotonic
    book: Book = field(init=False)
    cookies: Cookies = field(init=False)
    limits: sessions.Limits = field(init=False)
    attempts: Attempts = field(init=False)
    requests: Buckets = field(init=False)

    def __post_init__(self) -> None:
        """Make what follows from the configuration."""
        per_minute = self.config.requests_per_minute
        self.book = Book(self.config.access_path)
        self.cookies = Cookies(secure=self.config.encrypted)
        self.limits = sessions.Limits(self.config.session_idle_s, self.config.session_max_s)
        self.attempts = Attempts(self.clock_s)
        self.requests = Buckets(per_minute, per_minute / 60, self.clock_s)

    def now(self) -> int:
        """Return the time in seconds since 1970."""
        return self.clock_ns() // 1_000_000_000

    def knows_host(self, request: Request) -> bool:
        """Tell whether a request is addressed to us: by a name, or by the address it came in at."""
        server = request.scope.get("server")
        ours = {
            self.config.host.lower(),
            *self.config.allowed_hosts,
            *([server[0].lower()] if server else []),
        }
        if addresses.is_loopback(self.config.host):
            ours |= {"localhost", "127.0.0.1", "::1"}
        return _host_name(request.headers.get("host", "")) in ours

    def wants_login(self) -> bool:
        """Tell whether somebody must say who they are: always where others can reach us."""
        return self.config.exposed or self.book.in_use()

    def viewer(self, request: Request) -> Viewer | None:
        """Return who asks, or None where nobody knows. Reads the file of accounts: not for the event loop."""
        if not self.wants_login():
            return ANYONE
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return tokens.viewer(self.book, token.strip(), self.now())
        if cookie := self.cookies.get(request, SESSION):
            by_hand = LIVE_HEADER not in request.headers
            return sessions.viewer(self.book, cookie, self.limits, now=self.now(), by_hand=by_hand)
        return None

    def is_for_anyone(self, request: Request) -> bool:
        """Tell whether a page needs no login: health, login, enrolment, and monitoring on this machine."""
        path = request.scope["path"]
        if path == "/metrics" and not self.config.behind_proxy:
            return addresses.is_loopback(address_of(request))
        return path in _FOR_ANYONE or is_static(path)


def is_static(path: str) -> bool:
    """Tell whether it is one of the files that are the same for everybody."""
    return path.startswith(_STATIC)


def scope_of(method: str, path: str) -> Scope:
    """Return the scope that a request asks for: writing through the API is for administrators."""
    inside = any(path == one or path.startswith(f"{one}/") for one in _FOR_ADMINS)
    writes = path.startswith(_API) and method not in _READING
    return "admin" if inside or writes else "read"


def address_of(request: Request) -> str:
    """Return the address that asks; behind a proxy of ours, the one that the proxy tells."""
    return request.client.host if request.client else ""


def _host_name(header: str) -> str | None:
    """Return a Host header's name in small letters, or None where it is not just a name and a port.

    Anything else in it, a slash say, would turn up in the middle of the request's URL.
    """
    found = _HOST.fullmatch(header.lower())
    return (found["address"] or found["name"]) if found else None
