"""Small payloads to bend and break."""

from __future__ import annotations

import msgspec
from tests.wire.strategies import NOW_NS

from pantau_wire.codec import encode_envelope, encode_measurement, encode_record
from pantau_wire.envelope import Header
from pantau_wire.fields import Dns

HEADER = Header(v=1, device="desa-1", agent="1.0.0", spool="s1", boot="b1", oldest_unacked_seq=1)
MEASUREMENT = Dns(resolver="10.0.0.1", name="kemkomdigi.go.id", resolve_ms=12.5)


def record_json(seq: int = 1, time_ns: int = NOW_NS, data: bytes | None = None) -> bytes:
    """A good record, unless `data` is not."""
    text = encode_measurement(MEASUREMENT) if data is None else data
    return bytes(encode_record(seq=seq, time_ns=time_ns, uptime_ns=5, clock="synced", data=text))


def payload(*records: bytes) -> bytes:
    """An envelope around these bytes, plain."""
    return b'{"v":1,"device":"desa-1","agent":"1.0.0","spool":"s1","boot":"b1","oldest_unacked_seq":1,%s}' % (
        b'"measurements":[' + b",".join(records) + b"]"
    )


def packed(*records: bytes) -> tuple[bytes, str]:
    """An envelope around these bytes, as an agent sends it."""
    return encode_envelope(HEADER, [msgspec.Raw(record) for record in records])
