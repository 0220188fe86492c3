"""The system's resolver, with its caches and its `/etc/hosts`.

What it sends is not booked as our traffic: nobody tells how much that was.
"""

from __future__ import annotations

import asyncio
import socket
import time

from pantau_agent.probes.dns.answer import Answer


async def ask(name: str) -> Answer:
    """Ask as a program of a user would. Raises OSError, and UnicodeError for what cannot be a host name.

    A look-up that is given up goes on in its thread until the system ends it.
    """
    return await asyncio.to_thread(_ask, name)


def _ask(name: str) -> Answer:
    """Time the system's resolver, in the thread that waits for it."""
    begun_s = time.perf_counter()
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    resolve_ms = round((time.perf_counter() - begun_s) * 1000, 3)
    return Answer(resolve_ms, frozenset(str(sockaddr[0]) for *_, sockaddr in found))
