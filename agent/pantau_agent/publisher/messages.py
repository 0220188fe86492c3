"""What the publisher says of itself: the header of an envelope, and the status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_wire import codec
from pantau_wire.envelope import VERSION, Header, Status

if TYPE_CHECKING:
    from typing import Literal

    from pantau_agent.clock import Clock
    from pantau_agent.publisher.remote_topics import RemoteTopics
    from pantau_wire.envelope import Dropped


@dataclass(frozen=True, slots=True)
class Identity:
    """Who publishes."""

    device: str
    agent_version: str


class Messages:
    """Makes them for one device; `read` reads the clock."""

    def __init__(self, identity: Identity, read: Clock, remote: RemoteTopics | None) -> None:
        """Make nothing yet."""
        self._identity = identity
        self._read = read
        self._remote = remote

    def header(
        self, spool: str, boot: str, *, attempt: int, oldest: int, dropped: tuple[Dropped, ...] = ()
    ) -> Header:
        """Return the header of an envelope that is sent now."""
        return Header(
            v=VERSION,
            device=self._identity.device,
            agent=self._identity.agent_version,
            spool=spool,
            boot=boot,
            attempt=attempt,
            oldest_unacked_seq=oldest,
            dropped=dropped,
            sent_uptime_ns=self._read().uptime_ns,
        )

    def status(self, state: Literal["online", "stopped", "lost"]) -> bytes:
        """Return the status as it is now."""
        stamp = self._read()
        status = Status(
            state=state,
            agent=self._identity.agent_version,
            boot=stamp.boot,
            time_ns=stamp.time_ns,
            config=self._remote.report() if self._remote else (),
        )
        return codec.encode_status(status)
