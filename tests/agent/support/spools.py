"""Spools for tests, and what is put into them."""

from pantau_agent.clock import Stamp
from pantau_agent.spool import Spool

MEASUREMENT = b'{"kind":"device","uptime_s":1.0}'


def stamp(time_ns: int = 1_790_000_000_000_000_000, boot: str = "boot-a") -> Stamp:
    return Stamp(time_ns=time_ns, uptime_ns=5, boot=boot, clock="synced")


def open_spool(path, **options) -> Spool:
    return Spool(path, max_bytes=options.pop("max_bytes", 10_000_000), max_age_s=1e9)


def seqs_of(spool: Spool) -> list[int]:
    return [record.seq for record in spool.peek(1, 10**9, 10**6)]
