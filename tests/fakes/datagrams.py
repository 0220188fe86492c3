"""Somebody else's traffic: `python -m tests.fakes.datagrams ADDRESS PORT BYTES_PER_S SECONDS` sends UDP.

The rate is that of the frames, Ethernet's headers included. Prints "ready" once it sends.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time

FRAME_BYTES = 1014
HEADER_BYTES = 14 + 20 + 8


def send(address: str, port: int, bytes_per_s: float, seconds: float) -> None:
    """Send at an even rate until the time is over or SIGTERM."""
    begun_s = time.monotonic()
    sent_count = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while (elapsed_s := time.monotonic() - begun_s) < seconds:
            while sent_count * FRAME_BYTES < elapsed_s * bytes_per_s:
                with contextlib.suppress(OSError):  # nobody listens there
                    sock.sendto(bytes(FRAME_BYTES - HEADER_BYTES), (address, port))
                sent_count += 1
            if sent_count == 1:
                sys.stdout.write("ready\n")
                sys.stdout.flush()
            time.sleep(0.005)


if __name__ == "__main__":
    send(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
