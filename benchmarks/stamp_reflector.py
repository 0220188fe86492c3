"""How many STAMP packets the reflector answers over loopback, and what an HMAC costs.

A sender process keeps a window of packets under way, with the rate limit out of the way; sender and reflector
share the machine's cores. The modes take turns, three times each, and the best of each counts.
`python -m benchmarks.stamp_reflector` prints the rows.
"""

import json
import os
import subprocess
import sys
import time

import structlog

from pantau_testpoint.listening import listen_udp
from pantau_testpoint.stamp.modes import Acceptance, Authenticated, Mode, Unauthenticated
from pantau_testpoint.stamp.packet import SenderPacket
from pantau_testpoint.stamp.reflector import Reflector
from pantau_testpoint.stamp.sessions import SourceAllowance

PACKETS = 50_000
WINDOW_PACKETS = 32
TURNS = 3
US_PER_S = 1e6
KEY, OLD_KEY = os.urandom(32), os.urandom(32)

SENDER = f"""
import socket, sys, time
octets = bytes.fromhex(sys.argv[2])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.connect(("127.0.0.1", int(sys.argv[1])))
    sock.settimeout(5.0)
    began_at = time.monotonic()
    for _ in range({WINDOW_PACKETS}):
        sock.send(octets)
    for _ in range({PACKETS}):
        sock.recv(2048)
        sock.send(octets)
    print({PACKETS} / (time.monotonic() - began_at))
"""

CASES: dict[str, tuple[Mode, Acceptance]] = {
    "unauthenticated": (Unauthenticated(), Acceptance()),
    "authenticated": (Authenticated(KEY), Acceptance([KEY])),
    "authenticated, second of two keys": (Authenticated(KEY), Acceptance([OLD_KEY, KEY])),
}


def run() -> list[dict[str, object]]:
    """Return one row for each mode."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    for _ in range(TURNS):
        for name, (mode, acceptance) in CASES.items():
            found[name].append(_measure(mode, acceptance))
    return [
        {
            "mode": name,
            "packets_per_s": round(max(rate for rate, _ in turns)),
            "reflector_cpu_us_per_packet": round(min(cpu_us for _, cpu_us in turns), 1),
        }
        for name, turns in found.items()
    ]


def _measure(mode: Mode, acceptance: Acceptance) -> tuple[float, float]:
    """Return packets per second, and the reflector's processor time in µs for each."""
    octets = mode.pack_sender(SenderPacket(1, 2, 0x8001, 5))
    allowance = SourceAllowance(per_s=1e9, burst=1e9)
    with (
        listen_udp("127.0.0.1", 0) as sock,
        Reflector(sock, structlog.get_logger(), acceptance=acceptance, allowance=allowance) as reflector,
    ):
        cpu_before_s = time.process_time()
        command = [sys.executable, "-c", SENDER, str(sock.getsockname()[1]), octets.hex()]
        packets_per_s = float(subprocess.run(command, check=True, capture_output=True).stdout)
        cpu_s = time.process_time() - cpu_before_s
        return packets_per_s, cpu_s / reflector.reflected_count * US_PER_S


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
