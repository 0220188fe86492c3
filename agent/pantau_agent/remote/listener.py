"""Between the publisher, which hears the topics, and the agent, which exchanges its jobs.

Of each topic only the newest message waits, and messages are looked at once a second at most: a broker gone
wild costs neither memory nor much of the processor.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.config import AgentConfig
    from pantau_agent.remote.control import RemoteControl
    from pantau_wire.remote import ConfigReport

log = structlog.get_logger()

_PAUSE_S = 1.0


class RemoteListener:
    """Hands what came on the topics to the control, beside everything else that the agent does."""

    def __init__(self, control: RemoteControl) -> None:
        """Do nothing yet; `run` does."""
        self._control = control
        self._waiting: dict[str, tuple[bytes, str | None]] = {}
        self._arrival = asyncio.Event()
        self._report = control.report()
        self.version = control.version
        """The version in force, None where there is none."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics to subscribe to."""
        return self._control.topics

    def arrived(self, topic: str, payload: bytes, content_type: str | None) -> None:
        """Have a message looked at soon; a newer one of the same topic takes its place."""
        self._waiting[topic] = payload, content_type
        self._arrival.set()

    def report(self) -> tuple[ConfigReport, ...]:
        """Return what the status says of the remote configuration."""
        return self._report

    async def run(self, apply: Callable[[AgentConfig], None], reported: Callable[[], None]) -> None:
        """Until cancelled: call `apply` with each new configuration, `reported` when the report changed."""
        while True:
            await self._arrival.wait()
            self._arrival.clear()
            waiting, self._waiting = self._waiting, {}
            before = self._control.config
            if await asyncio.to_thread(self._take_all, waiting):
                self._report, self.version = self._control.report(), self._control.version
                if self._control.config is not before:
                    apply(self._control.config)
                reported()
            await asyncio.sleep(_PAUSE_S)

    def _take_all(self, waiting: dict[str, tuple[bytes, str | None]]) -> bool:
        """Take them in a thread of their own: the disk is written, and the first one loads libsodium."""
        news = [self._take(topic, *message) for topic, message in waiting.items()]
        return any(news)

    def _take(self, topic: str, payload: bytes, content_type: str | None) -> bool:
        """Take one; a fault of ours must not let a message end the agent."""
        try:
            return self._control.take(topic, payload, content_type)
        except Exception:
            log.exception("remote.crashed", topic=topic)
            return False
