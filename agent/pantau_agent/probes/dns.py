"""How long a name takes to resolve, as a user's program would wait for it.

The only resolver so far is the system's, with its caches and its `/etc/hosts`: what people feel. To ask one
by its address takes a DNS library, and belongs into `_look_up`; until then it is `unsupported`. What the
resolver sends is not booked as our traffic: nobody tells how much that was.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pantau_agent.probes.failures import ProbeError, error_of
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from pantau_agent.probes.base import Context

SYSTEM = "system"
_NAME_CHARACTERS = 200  # of the wire's Name


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsTarget:
    """Which name to resolve, and by whom: `resolver` is "system", or the address of one (unsupported yet)."""

    name: str
    resolver: str = SYSTEM
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be asked."""
        if not 0 < len(self.name) <= _NAME_CHARACTERS or not self.name.isprintable():
            raise ValueError(f"name must have 1 to {_NAME_CHARACTERS} printable characters")
        if not self.resolver or self.timeout_s <= 0:
            raise ValueError("resolver must not be empty, timeout_s must be above 0")


class _Answer(NamedTuple):
    resolve_ms: float
    addresses: frozenset[str]


async def dns(target: DnsTarget, context: Context) -> Dns:  # noqa: ARG001 - the signature of all probes
    """Resolve the name once, to addresses of both families."""
    try:
        answer = await _look_up(target)
    except ProbeError as error:
        return Dns(
            resolver=target.resolver, name=target.name, failure=error.failure, failure_detail=error.detail
        )
    return Dns(
        resolver=target.resolver,
        name=target.name,
        resolve_ms=answer.resolve_ms,
        answer_count=len(answer.addresses),
    )


async def _look_up(target: DnsTarget) -> _Answer:
    """Ask the resolver. Raises ProbeError.

    A look-up that is given up goes on in its thread until the system ends it.
    """
    if target.resolver != SYSTEM:
        raise ProbeError("unsupported", f"cannot ask {target.resolver}: only the system's resolver is known")
    doing = f"look up {target.name}"
    try:
        async with asyncio.timeout(target.timeout_s):
            return await asyncio.to_thread(_ask_system, target.name)
    except TimeoutError as fault:
        raise ProbeError("timeout", f"{doing}: no answer in {target.timeout_s:g} s") from fault
    except UnicodeError as fault:
        raise ProbeError("name_resolution", f"{doing}: this cannot be a host name") from fault
    except OSError as fault:
        raise error_of(fault, doing) from fault


def _ask_system(name: str) -> _Answer:
    """Time the system's resolver, in the thread that waits for it."""
    begun_s = time.perf_counter()
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    resolve_ms = round((time.perf_counter() - begun_s) * 1000, 3)
    return _Answer(resolve_ms, frozenset(str(sockaddr[0]) for *_, sockaddr in found))
