"""What the reflector remembers of its senders: a sequence number per session, an allowance per source.

Both tables are bounded, because anyone can send a packet from any source address.
"""

from dataclasses import dataclass

from pantau_testpoint.bounded import BoundedTable

MAX_SESSIONS = 16_384
SESSION_IDLE_S = 300.0
MAX_SOURCES = 16_384
SOURCE_IDLE_S = 60.0
PACKETS_PER_S = 500.0
BURST_PACKETS = 1_000.0

SessionKey = tuple[str, int, int]
"""Source address, source port, SSID: how RFC 8972, section 3, tells sessions at one reflector apart."""


@dataclass(slots=True)
class _Session:
    next_number: int = 0


class SessionNumbers:
    """Counts the replies of each session from zero (stateful mode, RFC 8762, section 4.3.1).

    At most `max_sessions` are known; the one unused for longest goes first, and one unused for `idle_s` ends.
    """

    def __init__(self, *, max_sessions: int = MAX_SESSIONS, idle_s: float = SESSION_IDLE_S) -> None:
        self._table: BoundedTable[SessionKey, _Session] = BoundedTable(
            max_entries=max_sessions, idle_s=idle_s, make=_Session
        )

    def __len__(self) -> int:
        return len(self._table)

    def next_number(self, key: SessionKey, now: float) -> int:
        """Return the sequence number of the reply that is about to go out; `now` in monotonic seconds."""
        session = self._table.use(key, now)
        number = session.next_number
        session.next_number = (number + 1) & 0xFFFF_FFFF
        return number


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float | None = None


class SourceAllowance:
    """A token bucket per source address: `per_s` packets a second, after a burst of `burst`."""

    def __init__(self, *, per_s: float = PACKETS_PER_S, burst: float = BURST_PACKETS) -> None:
        self._per_s = per_s
        self._burst = burst
        self._table: BoundedTable[str, _Bucket] = BoundedTable(
            max_entries=MAX_SOURCES, idle_s=SOURCE_IDLE_S, make=lambda: _Bucket(burst)
        )

    def take(self, source: str, now: float) -> bool:
        """Take one packet's worth from `source`; False if it has none left."""
        bucket = self._table.use(source, now)
        if bucket.filled_at is not None:
            gained = (now - bucket.filled_at) * self._per_s
            bucket.tokens = min(self._burst, bucket.tokens + gained)
        bucket.filled_at = now
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True
