"""What systemd is told: that the agent is ready, alive, about to stop. Nothing where nobody listens.

The protocol is that of sd_notify(3): a datagram of lines to the socket that `NOTIFY_SOCKET` names. That it is
alive is told at least twice within the time in `WATCHDOG_USEC`; who is silent for longer is restarted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_STATUS_PERIOD_S = 30.0


class ServiceManager:
    """Whoever started the agent, as the environment names it."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Send nothing yet."""
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self.alive_period_s = _alive_period_s(environment)

    def ready(self) -> None:
        """Tell that measuring has begun."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Tell that the end is wanted, and may take a moment."""
        self._tell("STOPPING=1")

    async def keep_alive(self, status: Callable[[], str]) -> None:
        """Tell that the event loop turns, and how the agent is, until cancelled; else the watchdog bites."""
        while self.alive_period_s is not None:
            self._tell("WATCHDOG=1", f"STATUS={status()}")
            await asyncio.sleep(self.alive_period_s)
        await asyncio.Event().wait()

    def _tell(self, *lines: str) -> None:
        """Send the lines, or not: a service manager that does not listen is no reason to measure less."""
        if self._address is None:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)  # noqa: FBT003 - the socket module's own signature
            sender.sendto("\n".join(lines).encode(), self._address)


def _address(name: str) -> str | None:
    """Return the socket's address; a leading `@` is the abstract name space."""
    if name.startswith("@"):
        return f"\0{name[1:]}"
    return name if name.startswith("/") else None


def _alive_period_s(environment: Mapping[str, str]) -> float | None:
    """Return how often to tell, None where nobody watches this process."""
    watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    duration = environment.get("WATCHDOG_USEC", "")
    if not watched or not duration.isdigit() or not int(duration):
        return None
    return min(int(duration) / 2e6, _STATUS_PERIOD_S)
