"""The portal as browsers meet it: on a socket, by our own server, with or without TLS; and accounts."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import shutil
import socket
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from pantau_collector.access import people
from pantau_collector.access.book import Book
from pantau_collector.web import server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.collector.web.world import World

    from pantau_collector.web.tls import ServerCertificate

PASSWORD = "tujuh sawah di tepi kali"
ADMIN, READER = "siti", "budi"


@functools.cache
def _template() -> Path:
    """Make the two accounts once: their hashes take a second each."""
    path = Path(tempfile.mkdtemp(prefix="pantau-accounts-")) / "access.db"
    with contextlib.closing(Book(path)) as book:
        people.add(book, ADMIN, "admin", PASSWORD, who="test", now=1_700_000_000)
        people.add(book, READER, "read", PASSWORD, who="test", now=1_700_000_000)
    return path


def with_people(world: World, **settings: object) -> World:
    """Return the world with an administrator and a reader."""
    shutil.copy(_template(), world.web.access_path)
    return world.with_web(**settings)


@contextlib.asynccontextmanager
async def running(world: World, *, certificate: ServerCertificate | None = None) -> AsyncIterator[str]:
    """Serve the world's portal, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(
            server.serve(world.app, listener, behind_proxy=world.web.behind_proxy, certificate=certificate)
        )
        scheme = "https" if certificate else "http"
        try:
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


def browser(url: str, authority: Path | None = None) -> httpx.AsyncClient:
    """Return a client that keeps cookies and follows nothing by itself."""
    trust = trusting(authority) if authority else False
    return httpx.AsyncClient(base_url=url, verify=trust, timeout=60)


def trusting(authority: Path) -> ssl.SSLContext:
    """Return a context that believes this authority and no other."""
    return ssl.create_default_context(cafile=authority)


async def log_in(
    client: httpx.AsyncClient, name: str = READER, password: str = PASSWORD, then: str = "/"
) -> httpx.Response:
    """Fill in the form as a browser does, and return the answer to it."""
    page = await client.get("/login", params={"next": then})
    assert page.status_code == 200
    return await client.post("/login", data={**hidden(page.text), "name": name, "password": password})


def hidden(page: str, action: str = "/login") -> dict[str, str]:
    """Return the hidden fields of a form."""
    form = re.search(rf'<form [^>]*method="post" action="{re.escape(action)}">(.*?)</form>', page, re.DOTALL)
    assert form is not None, page
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[1]))
