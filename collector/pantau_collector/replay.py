"""Offers dead letters to the ingest again, after the code or the registry was mended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.ingest.late import late_marks
from pantau_collector.ingest.sorting import Message, Rules, Sorted, sort_message
from pantau_collector.registry.file import RegistryFile
from pantau_collector.storage.base import Batch
from pantau_collector.storage.opening import open_store
from pantau_wire import topics

if TYPE_CHECKING:
    from pantau_collector.config import CollectorConfig
    from pantau_collector.deadletters import DeadLetters, KeptLetter


class Replayer:
    """Sorts letters by today's rules; the collector may run at the same time."""

    def __init__(self, config: CollectorConfig, letters: DeadLetters) -> None:
        """Open the store; raises `CollectorError`."""
        registry = RegistryFile(config.registry.path)
        self._letters = letters
        self._store = open_store(config.store)
        self._rules = Rules(
            is_registered=lambda device: device in registry.get(),
            unregistered_retry_s=config.ingest.unregistered_retry_s,
            newer_agent_retry_s=config.ingest.newer_agent_retry_s,
        )

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def replay(self, letter: KeptLetter, now_ns: int) -> str | None:
        """Store the letter and delete it; return None, or why it stays a dead letter."""
        topic = f"{topics.PREFIX}/{letter.device}/measurements"
        found = sort_message(Message(topic, letter.payload, letter.content_type), self._rules, now_ns)
        reason = _why_not(found)
        if reason is not None:
            return reason
        # Whatever the letter says of its attempts: its points may be stored by now.
        parcels = [msgspec.structs.replace(found.parcel, attempt=0)] if found.records else []
        report = self._store.write(Batch(parcels, found.deliveries))
        self._store.write_series(late_marks(parcels, time.time_ns()))
        if report.altered:
            return "another value is stored for this time"
        if report.refused:
            return f"the store refuses it: {report.refused[0].reason}"
        self._letters.discard(letter.id)
        return None


def _why_not(found: Sorted) -> str | None:
    if found.dead_letters:
        return found.dead_letters[0].detail
    if found.deferred:
        return f"deferred: {found.deferred[0].reason}"
    return None
