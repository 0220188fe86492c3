"""Spools for tests, and what is put into them."""

from pantau_agent.clock import Stamp
from pantau_agent.spool import Spool

MEASUREMENT = b'{"kind":"device","uptime_s":1.0}'
START_NS = 1_790_000_000_000_000_000
BOOTED_NS = START_NS - 5


def stamp(time_ns: int = START_NS, boot: str = "boot-a") -> Stamp:
    """A stamp of a clock that is in order."""
    return Stamp(time_ns=time_ns, uptime_ns=time_ns - BOOTED_NS, boot=boot, clock="synced")


def open_spool(path, *, max_bytes=10_000_000, max_age_s=1e9, timekeeper=None, marks=None) -> Spool:
    return Spool(path, max_bytes=max_bytes, max_age_s=max_age_s, timekeeper=timekeeper, marks=marks)


def seqs_of(spool: Spool) -> list[int]:
    return [record.seq for record in spool.peek(1, 10**9, 10**6)]
