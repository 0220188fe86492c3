"""Receives a transfer and looks at the gap behind lost segments meanwhile; runs inside a namespace.

`python -m tests.agent.truth.gaps ADDRESS PORT` prints a list of [octets read, octets behind the gap] as JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import time

from pantau_agent.probes.speed.transport.gap import Gap

LOOK_EACH_S = 0.02


def watch(address: str, port: int) -> None:
    """Take all that is sent, and look some times a second."""
    seen, read_bytes, look_at_s = [], 0, 0.0
    with socket.create_connection((address, port)) as sock:
        gap = Gap(sock)
        while octets := sock.recv(1 << 20):
            read_bytes += len(octets)
            if time.monotonic() >= look_at_s:
                seen.append((read_bytes, gap.bytes_behind()))
                look_at_s = time.monotonic() + LOOK_EACH_S
        seen.append((read_bytes, gap.bytes_behind()))
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    watch(sys.argv[1], int(sys.argv[2]))
