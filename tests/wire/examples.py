"""One full example of everything that travels: every field set, with values a village could show."""

from __future__ import annotations

from pantau_wire import codec, signing
from pantau_wire.envelope import (
    Ack,
    Deferred,
    Dropped,
    Envelope,
    Record,
    Rejected,
    Status,
)
from pantau_wire.fields import Device, Dns, Http, Latency, Link, Measurement, Speed, Traffic
from pantau_wire.remote import (
    ConfigReport,
    Instruction,
    RemoteLatency,
    RemoteSettings,
    RemoteSpeed,
    RemoteTarget,
)

START_NS = 1_789_963_200_000_000_000  # 2026-09-21T04:00:00Z, eleven in the morning in Klaten
UPTIME_NS = 93_784_000_000_000

MEASUREMENTS: dict[str, Measurement] = {
    "traffic": Traffic(
        failure="timeout",
        failure_detail="one of 6 samples missing",
        duration_s=60.0,
        source="router",
        interface="ether1-wan",
        rx_bytes=48_120_331,
        tx_bytes=5_930_112,
        test_rx_bytes=1_250_000,
        test_tx_bytes=310_500,
        rx_rate_bps=6_249_377.5,
        tx_rate_bps=749_281.6,
        rx_peak_bps=11_830_244.0,
        tx_peak_bps=1_403_118.4,
        sample_count=5,
        counter_reset_count=1,
    ),
    "latency": Latency(
        failure="timeout",
        failure_detail="no answer in 2 s to 1 of 20",
        duration_s=21.004,
        target="testpoint",
        method="stamp",
        server="uji.klaten.example.net:862",
        sent_count=20,
        received_count=19,
        skipped_count=0,
        authenticated=True,
        forward_lost_count=1,
        backward_lost_count=0,
        rt_loss_ratio=0.05,
        rtd_min_ms=8.412,
        rtd_p50_ms=9.77,
        rtd_p95_ms=24.906,
        rtd_max_ms=31.25,
        rtd_pdv_p95_ms=16.494,
        rtd_ipdv_p95_ms=12.031,
    ),
    "speed": Speed(
        failure="timeout",
        failure_detail="upload ended after 10 s without its last answer",
        duration_s=26.318,
        engine="http",
        server="uji.klaten.example.net",
        limited_by="none",
        download_goodput_bps=48_730_112.4,
        upload_goodput_bps=11_902_554.1,
        download_bytes=70_254_592,
        upload_bytes=19_398_656,
        download_duration_s=10.0,
        upload_duration_s=10.0,
        download_discard_s=1.5,
        upload_discard_s=3.0,
        download_streams_count=6,
        upload_streams_count=3,
        idle_rtd_p50_ms=9.8,
        idle_rtd_p95_ms=14.2,
        loaded_rtd_down_p50_ms=38.6,
        loaded_rtd_down_p95_ms=71.9,
        loaded_rtd_up_p50_ms=84.4,
        loaded_rtd_up_p95_ms=163.0,
        download_interface_ratio=1.043,
        upload_interface_ratio=1.051,
        download_responsiveness_rpm=1554.4,
        upload_responsiveness_rpm=710.9,
        download_series_bps=(31_204_552.0, 48_611_200.0, 48_730_112.4),
        upload_series_bps=(9_830_400.0, 11_902_554.1),
        download_ended_by="stable",
        upload_ended_by="time",
        interface_ratio_suspect=False,
        line_wait_s=30.0,
        limit_detail="Wi-Fi rate 65 Mbit/s",
    ),
    "dns": Dns(
        failure="protocol",
        failure_detail="the answer was cut short",
        duration_s=0.031,
        resolver="192.168.1.1",
        name="www.kemkomdigi.go.id",
        resolve_ms=30.6,
        answer_count=1,
        response_code="NOERROR",
    ),
    "http": Http(
        failure="refused",
        failure_detail="503 Service Unavailable",
        duration_s=0.412,
        page="https://www.kemkomdigi.go.id/",
        dns_ms=21.3,
        connect_ms=18.8,
        tls_ms=43.5,
        first_byte_ms=212.7,
        total_ms=411.9,
        body_bytes=1_734,
        status_code=503,
    ),
    "link": Link(
        failure="permission",
        failure_detail="cannot read the neighbour table",
        duration_s=0.012,
        interface="wlan0",
        medium="wifi",
        interface_up=True,
        negotiated_bps=1_000_000_000.0,
        wifi_signal_dbm=-61.0,
        wifi_rate_bps=144_400_000.0,
        gateway_answers=True,
        network_fingerprint="3f9a1c07d2b4e658",
        mains_power=True,
    ),
    "device": Device(
        failure="unsupported",
        failure_detail="no thermal sensor but the board's",
        duration_s=0.004,
        agent_version="0.1.0",
        boot_id="5f0c7e9a-1d7e-4c58",
        uptime_s=93_784.0,
        cpu_ratio=0.08,
        agent_cpu_ratio=0.012,
        memory_used_bytes=412_450_816,
        memory_total_bytes=970_375_168,
        agent_rss_bytes=47_185_920,
        temperature_celsius=54.5,
        throttled=False,
        throttling_flags_count=0x50000,
        clock_state="synced",
        clock_offset_ms=-3.25,
        clock_daemon="timesyncd",
        clock_error_ms=4.5,
        spool_depth_count=14,
        spool_bytes=1_048_576,
        dropped_count=0,
        rejected_count=0,
        budget_used_bytes=2_147_483_648,
        budget_bytes=10_737_418_240,
        budget_state="thinned",
        remote_config_version_count=7,
    ),
}

ENVELOPE = Envelope(
    v=1,
    device="desa-3310252007-1",
    agent="0.1.0",
    spool="b7e1c2d4",
    boot="5f0c7e9a-1d7e-4c58",
    attempt=2,
    oldest_unacked_seq=1041,
    dropped=(Dropped(first_seq=18, last_seq=37, reason="spool_full"),),
    sent_uptime_ns=UPTIME_NS + 61_500_000_000,
    measurements=(
        Record(
            seq=1041,
            time_ns=START_NS,
            uptime_ns=UPTIME_NS,
            clock="synced",
            data=Dns(duration_s=0.031, resolver="192.168.1.1", name="example.id", resolve_ms=30.6,
                answer_count=2),
        ),
        Record(
            seq=1042,
            time_ns=START_NS + 1_500_000_000,
            uptime_ns=UPTIME_NS + 1_500_000_000,
            clock="synced",
            data=Latency(
                failure="unreachable", duration_s=20.0, target="testpoint", method="icmp", sent_count=20,
                received_count=0, rt_loss_ratio=1.0,
            ),
        ),
    ),
)  # fmt: skip

ACK = Ack(
    spool="b7e1c2d4",
    time_ns=START_NS + 62_000_000_000,
    sent_uptime_ns=UPTIME_NS + 61_900_000_000,
    stored=((1041, 1042), (1044, 1050)),
    rejected=(Rejected(seq=1043, reason="invalid_record"),),
    deferred=(Deferred(first_seq=1051, last_seq=1060, retry_after_s=120.0, reason="rate_limit"),),
    testpoint_token="1.21fe31dfa154a261.1789963262.1790049662.desa-3310252007-1."
    "FiGZ1zi3M0M404xNigMZLXKTQT_UOvrOhsJLbsbTxGGySsbcyLRmEOTUX4QZDhR_Xf9FXs9Kd9J7aHC11fv3DQ",
)

STATUS = Status(
    state="online",
    agent="0.1.0",
    boot="5f0c7e9a-1d7e-4c58",
    time_ns=START_NS,
    config=(
        ConfigReport(audience="group:klaten", version=7),
        ConfigReport(
            audience="device:desa-3310252007-1",
            refused="host",
            refused_version=2,
            refused_detail="speed.url: uji.example.com is not in this device's allowed_hosts",
        ),
    ),
)

INSTRUCTION = Instruction(
    audience="group:klaten",
    version=7,
    issued_at_ns=START_NS,
    not_after_ns=START_NS + 7 * 86_400_000_000_000,
    settings=RemoteSettings(
        latency=RemoteLatency(
            targets=(
                RemoteTarget(target="gateway"),
                RemoteTarget(
                    target="testpoint", host="uji.klaten.example.net", tcp_port=8989, stamp_port=8862
                ),
            ),
            period_s=60.0,
        ),
        speed=RemoteSpeed(url="http://uji.klaten.example.net:8989", tests_per_day=8),
    ),
)
# The secret key of RFC 8032, section 7.1, test 1, as PEM (RFC 8410).
KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
PUBLIC_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
CONFIG = signing.sign(codec.encode_instruction(INSTRUCTION), KEY)
