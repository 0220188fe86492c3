"""Envelopes as an agent makes them, and what can be wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_wire import codec
from pantau_wire.envelope import Header
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

START_NS = 1_750_000_000_000_000_000  # summer 2025: in the past of every clock that runs these tests
BAD_DATA = b'{"kind":"dns","resolver":"r","name":"n","resolve_ms":-1}'


def header(device: str = "desa-1", **values: object) -> Header:
    """A header of boot `b1` and spool `s1`, unless said otherwise."""
    defaults = {"v": 1, "agent": "1.0.0", "spool": "s1", "boot": "b1", "oldest_unacked_seq": 1}
    return Header(**({"device": device} | defaults | values))


def record(seq: int, data: bytes | None = None, time_ns: int | None = None) -> msgspec.Raw:
    """A good record whose time follows its number, unless `data` or `time_ns` is not good."""
    if data is None:
        data = codec.encode_measurement(Dns(resolver="r", name="n", resolve_ms=float(seq % 1000)))
    time_ns = START_NS + seq % 10**12 if time_ns is None else time_ns
    return codec.encode_record(seq=seq, time_ns=time_ns, uptime_ns=1, clock="synced", data=data)


def bad_record(seq: int) -> msgspec.Raw:
    """A record that the decoder refuses, with a legible number."""
    return record(seq, BAD_DATA)


def envelope(seqs: Iterable[int], device: str = "desa-1", **values: object) -> tuple[bytes, str]:
    """Payload and content type of an envelope of good records."""
    return codec.encode_envelope(header(device, **values), [record(seq) for seq in seqs])


def envelope_of(*records: msgspec.Raw, device: str = "desa-1", **values: object) -> tuple[bytes, str]:
    """Payload and content type of an envelope around these records."""
    return codec.encode_envelope(header(device, **values), list(records))


def plain(payload: bytes) -> bytes:
    """The JSON of a payload that is an envelope of ours, deflated or not."""
    content_type = codec.JSON if payload.startswith(b"{") else codec.DEFLATED_JSON
    return codec.unpack(payload, content_type)
