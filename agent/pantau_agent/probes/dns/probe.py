"""How long a name takes to resolve, as a user's program would wait for it.

Both families are asked for, as the system does; the time ends when both have answered, and an address of
either is success. The figure is that of the resolver as people meet it: a name in its cache takes one round
trip, one that is not takes the way to the name's own servers as well. A look-up that fails has no time: a
quick "there is no such name" would look like a good resolver.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pantau_agent.config.resolvers import SYSTEM, resolver_address
from pantau_agent.probes.dns import system
from pantau_agent.probes.failures import ProbeError, error_of
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from pantau_agent.probes.base import Context, TestTraffic
    from pantau_agent.probes.dns.answer import Answer
    from pantau_wire.fields import Failure

_NAME_CHARACTERS = 200  # of the wire's Name
_NOT_FOUND = {"NOERROR", "NXDOMAIN", "SERVFAIL"}
"""Codes of a resolver that did its work, and found no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsTarget:
    """Which name to resolve, and by whom: `resolver` is "system", or a server's address and port."""

    name: str
    resolver: str = SYSTEM
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be asked."""
        if not 0 < len(self.name) <= _NAME_CHARACTERS or not self.name.isprintable():
            raise ValueError(f"name must have 1 to {_NAME_CHARACTERS} printable characters")
        if self.timeout_s <= 0:
            raise ValueError("timeout_s must be above 0")
        if self.resolver != SYSTEM:
            resolver_address(self.resolver)


async def dns(target: DnsTarget, context: Context) -> Dns:
    """Resolve the name once, to addresses of both families."""
    blank = Dns(resolver=target.resolver, name=target.name)
    try:
        answer = await _look_up(target, context.test_traffic)
    except ProbeError as error:
        return replace(blank, failure=error.failure, failure_detail=error.detail)
    if not answer.addresses:
        return replace(
            blank,
            failure=_failure_of(answer),
            failure_detail=f"look up {target.name}: the resolver says {answer.response_code}, no address",
            response_code=answer.response_code,
        )
    return replace(
        blank,
        resolve_ms=answer.resolve_ms,
        answer_count=len(answer.addresses),
        response_code=answer.response_code,
    )


def _failure_of(answer: Answer) -> Failure:
    return "name_resolution" if answer.response_code in _NOT_FOUND else "refused"


async def _look_up(target: DnsTarget, traffic: TestTraffic) -> Answer:
    """Ask the resolver. Raises ProbeError."""
    doing = f"look up {target.name}"
    try:
        async with asyncio.timeout(target.timeout_s):
            return await _ask(target, traffic)
    except TimeoutError as fault:
        raise ProbeError("timeout", f"{doing}: no answer in {target.timeout_s:g} s") from fault
    except UnicodeError as fault:
        raise ProbeError("name_resolution", f"{doing}: this cannot be a host name") from fault
    except OSError as fault:
        raise error_of(fault, doing) from fault


async def _ask(target: DnsTarget, traffic: TestTraffic) -> Answer:
    if target.resolver == SYSTEM:
        return await system.ask(target.name)
    from pantau_agent.probes.dns import direct  # noqa: PLC0415 - 5 MiB, only where it is used

    return await direct.ask(target.name, *resolver_address(target.resolver), traffic)
