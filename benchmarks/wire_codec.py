"""How fast the wire codec is, and how many bytes a record costs on the line.

One envelope of a device's typical minute: ten measurements. An agent encodes, a collector decodes, each in
one process on one core. `payload_bytes` is the MQTT payload, `bytes_per_record` its share per record.
`python -m benchmarks.wire_codec` prints the rows.
"""

import random
import timeit
import zlib
from collections.abc import Callable
from unittest import mock

import msgspec

from pantau_wire import codec
from pantau_wire.envelope import MAX_PAYLOAD_BYTES, Ack, Header
from pantau_wire.fields import AnyMeasurement, Device, Dns, Http, Latency, Link, Traffic

NOW_NS = 1_790_000_000_000_000_000
HEADER = Header(
    v=1, device="desa-3310252007-1", agent="0.1.0", spool="b7e1c2d4e5f60718",
    boot="5f0c7e9a-1d7e-4c58-9a53-2f0a8c6b1d3e", oldest_unacked_seq=1_234_501,
)  # fmt: skip
RUN_S = 0.2
REPEATS = 5


def run() -> list[dict[str, object]]:
    """Return one row for each operation and encoding."""
    deflated, content_type = _encode()
    plain = zlib.decompress(deflated)
    bad = plain.replace(b'"kind":"link"', b'"kind":"lynx"')
    with mock.patch.object(codec, "DEFLATE_FROM_BYTES", MAX_PAYLOAD_BYTES + 1):
        rows = [_row("encode", "plain", _encode, plain)]
    return [
        *rows,
        _row("encode", "deflated", _encode, deflated),
        _row("decode", "plain", lambda: codec.decode_envelope(plain, codec.JSON, NOW_NS), plain),
        _row("decode", "deflated", lambda: codec.decode_envelope(deflated, content_type, NOW_NS), deflated),
        _row("decode, one bad record", "plain", lambda: codec.decode_envelope(bad, codec.JSON, NOW_NS), bad),
        _row("encode ack", "plain", _encode_ack, _encode_ack()),
    ]


def _row(operation: str, encoding: str, call: Callable[[], object], payload: bytes) -> dict[str, object]:
    timer = timeit.Timer(call)
    number = max(1, int(RUN_S / (timer.timeit(100) / 100)))
    envelope_s = min(timer.repeat(REPEATS, number)) / number
    return {
        "operation": operation,
        "encoding": encoding,
        "records_per_s": round(len(MINUTE) / envelope_s),
        "envelopes_per_s": round(1 / envelope_s),
        "payload_bytes": len(payload),
        "bytes_per_record": round(len(payload) / len(MINUTE), 1),
    }


def _encode() -> tuple[bytes, str]:
    """Do what an agent does: measurements to spool bytes, spool bytes to records, records to a payload."""
    return codec.encode_envelope(HEADER, [_record(number, item) for number, item in enumerate(MINUTE)])


def _record(number: int, measurement: AnyMeasurement) -> msgspec.Raw:
    return codec.encode_record(
        seq=HEADER.oldest_unacked_seq + number,
        time_ns=NOW_NS + number * 5_123_456_789,
        uptime_ns=93_784_000_000_000 + number * 5_123_456_789,
        clock="synced",
        data=codec.encode_measurement(measurement),
    )


def _encode_ack() -> bytes:
    first = HEADER.oldest_unacked_seq
    return codec.encode(Ack(spool=HEADER.spool, time_ns=NOW_NS, stored=((first, first + len(MINUTE) - 1),)))[
        0
    ]


def minute(seed: int = 1) -> list[AnyMeasurement]:
    """Return what a device measures in a minute in which nothing is wrong; digits as random as real ones."""
    chance = random.Random(seed)
    return [
        _traffic(chance),
        *(_latency(chance, target, method) for target, method in TARGETS),
        *(_dns(chance, name) for name in ("www.kemkomdigi.go.id", "www.google.com")),
        _http(chance),
        Link(
            duration_s=0.012, interface="wlan0", medium="wifi", interface_up=True, wifi_signal_dbm=-61.0,
            wifi_rate_bps=144_400_000.0, gateway_answers=True, network_fingerprint="3f9a1c07d2b4e658",
        ),
        _device(chance),
    ]  # fmt: skip


def _ms(chance: random.Random, most: float) -> float:
    return round(chance.uniform(1, most), 3)


def _traffic(chance: random.Random) -> Traffic:
    return Traffic(
        duration_s=60.0, source="router", interface="ether1", rx_bytes=chance.randrange(10**8),
        tx_bytes=chance.randrange(10**7), test_rx_bytes=0, test_tx_bytes=0,
        rx_rate_bps=round(chance.uniform(0, 1e7), 1), tx_rate_bps=round(chance.uniform(0, 1e6), 1),
        rx_peak_bps=round(chance.uniform(0, 1e7), 1), tx_peak_bps=round(chance.uniform(0, 1e6), 1),
        sample_count=6, counter_reset_count=0,
    )  # fmt: skip


def _latency(chance: random.Random, target: str, method: str) -> Latency:
    delays = sorted(_ms(chance, 40) for _ in range(4))
    return msgspec.convert(
        {
            "kind": "latency", "duration_s": _ms(chance, 20), "target": target, "method": method,
            "server": f"10.33.{chance.randrange(256)}.1", "sent_count": 20, "received_count": 20,
            "rt_loss_ratio": 0.0, "rtd_min_ms": delays[0], "rtd_p50_ms": delays[1], "rtd_p95_ms": delays[2],
            "rtd_max_ms": delays[3], "rtd_pdv_p95_ms": _ms(chance, 20), "rtd_ipdv_p95_ms": _ms(chance, 20),
        },
        Latency,
    )  # fmt: skip


def _dns(chance: random.Random, name: str) -> Dns:
    delay = _ms(chance, 60)
    return Dns(duration_s=delay / 1000, resolver="192.168.1.1", name=name, resolve_ms=delay, answer_count=2)


def _http(chance: random.Random) -> Http:
    return Http(
        duration_s=_ms(chance, 2), page="https://www.kemkomdigi.go.id/", dns_ms=_ms(chance, 50),
        connect_ms=_ms(chance, 50), tls_ms=_ms(chance, 90), first_byte_ms=_ms(chance, 300),
        total_ms=_ms(chance, 900), body_bytes=chance.randrange(10**6), status_code=200,
    )  # fmt: skip


def _device(chance: random.Random) -> Device:
    return Device(
        duration_s=0.004, agent_version="0.1.0", uptime_s=93_784.0, cpu_ratio=0.083, agent_cpu_ratio=0.012,
        memory_used_bytes=chance.randrange(10**9), memory_total_bytes=970_375_168,
        agent_rss_bytes=chance.randrange(10**8), temperature_celsius=54.5, throttled=False,
        clock_state="synced", clock_offset_ms=_ms(chance, 9), spool_depth_count=14, spool_bytes=1_048_576,
        dropped_count=0, rejected_count=0, budget_used_bytes=chance.randrange(10**10),
        budget_bytes=10_737_418_240,
    )  # fmt: skip


TARGETS = (("gateway", "icmp"), ("testpoint", "icmp"), ("testpoint", "stamp"), ("internet", "icmp"))
MINUTE = minute()


if __name__ == "__main__":
    for row in run():
        print(row)
