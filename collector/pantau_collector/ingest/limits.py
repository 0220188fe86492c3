"""How much one device may send, in memory that is bounded however many devices there are.

Each limit is a token bucket, kept as one number: the moment at which it will be full again (the generic cell
rate algorithm, ITU-T I.371, annex A). A device whose buckets are full is forgotten: it is as good as new.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pantau_collector.config import IngestConfig

Limit = Literal["envelopes", "bytes", "records"]

MAX_DEVICES = 250_000
_ANSWERS_PER_S = 1.0  # to a device that is told to come back later


@dataclass(slots=True)
class _Account:
    """When each of a device's buckets is full again; seconds of the caller's clock."""

    envelopes: float = 0.0
    bytes: float = 0.0
    records: float = 0.0
    answers: float = 0.0

    def full_at(self) -> float:
        return max(self.envelopes, self.bytes, self.records, self.answers)


class RateLimiter:
    """Counts what devices send. Times are seconds of a monotonic clock, handed in by the caller."""

    def __init__(self, config: IngestConfig, max_devices: int = MAX_DEVICES) -> None:
        """Begin with every bucket full."""
        self._burst_s = config.device_burst_s
        self._envelope_s = 1 / config.device_envelopes_per_s
        self._byte_s = 1 / (config.device_kb_per_s * 1000)
        self._record_s = 1 / config.device_records_per_s
        self._max_devices = max_devices
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def __len__(self) -> int:
        """Return how many devices are remembered."""
        return len(self._accounts)

    def exceeded(self, device: str, payload_bytes: int, now_s: float) -> Limit | None:
        """Take an envelope of so many bytes, as received; return what it exceeds if it must not be taken."""
        account = self._account(device, now_s)
        envelopes = (max(now_s, account.envelopes)) + self._envelope_s
        received = (max(now_s, account.bytes)) + payload_bytes * self._byte_s
        latest = now_s + self._burst_s
        if envelopes > latest:
            return "envelopes"
        if received > latest:
            return "bytes"
        account.envelopes, account.bytes = envelopes, received
        return None

    def takes_records(self, device: str, count: int, now_s: float) -> bool:
        """Take so many records; return False, and take none, where that is too many."""
        account = self._accounts.get(device) or self._account(device, now_s)
        records = (max(now_s, account.records)) + count * self._record_s
        if records > now_s + self._burst_s:
            return False
        account.records = records
        return True

    def may_be_told(self, device: str, now_s: float) -> bool:
        """Return whether a device that exceeds its limits is told so: that costs work too."""
        account = self._account(device, now_s)
        answers = max(account.answers, now_s) + 1 / _ANSWERS_PER_S
        if answers > now_s + self._burst_s:
            return False
        account.answers = answers
        return True

    def _account(self, device: str, now_s: float) -> _Account:
        account = self._accounts.get(device)
        if account is None:
            self._forget_the_idle(now_s)
            account = self._accounts[device] = _Account()
        else:
            self._accounts.move_to_end(device)
        return account

    def _forget_the_idle(self, now_s: float) -> None:
        """Forget who has full buckets and was heard least lately; and where memory ends, the first of all."""
        while self._accounts:
            device, account = next(iter(self._accounts.items()))
            if account.full_at() > now_s and len(self._accounts) < self._max_devices:
                return
            del self._accounts[device]
