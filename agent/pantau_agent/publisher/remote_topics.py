"""What the publisher needs of the remote configuration. It knows no more of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pantau_wire.remote import ConfigReport


class RemoteTopics(Protocol):
    """Who listens to the topics of the remote configuration, and has a report on it for the status."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics to subscribe to."""
        ...

    def arrived(self, topic: str, payload: bytes, content_type: str | None) -> None:
        """Take what came on one of them; must return at once."""
        ...

    def report(self) -> tuple[ConfigReport, ...]:
        """Return what the status says."""
        ...
