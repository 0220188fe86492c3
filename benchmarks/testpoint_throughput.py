"""How much the testpoint serves and takes over loopback, at what cost, and what that does to the reflector.

The real server runs as a process; raw-socket clients in this process share the machine's cores with it. Each
row is one direction with a number of parallel TCP streams; beside each, STAMP packets are reflected 100 times
a second. Goodput (RFC 2647) of a download is what the clients received, of an upload what the server says it
received. `python -m benchmarks.testpoint_throughput` prints the rows.
"""

import contextlib
import json
import os
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pantau_testpoint.stamp.packet import SenderPacket, pack_sender, unpack_reflected

DURATION_S = 3.0
STREAMS = (1, 4)
BUFFER_BYTES = 1024 * 1024
UPLOAD_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
STAMP_INTERVAL_S = 0.01
BITS = 8
GBIT = 1e9
US_PER_S = 1e6

Transfer = Callable[[int, float], int]
"""(port, until when) -> octets moved by one stream."""


def run() -> list[dict[str, object]]:
    """Return one row for each direction and number of streams."""
    with _server() as (pid, http_port, stamp_port):
        return [
            _row(direction, transfer, streams, pid=pid, http_port=http_port, stamp_port=stamp_port)
            for direction, transfer in DIRECTIONS.items()
            for streams in STREAMS
        ]


@contextlib.contextmanager
def _server() -> Iterator[tuple[int, int, int]]:
    """Run a testpoint on free ports; yield its process id, HTTP port and STAMP port."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "pantau_testpoint", "--http-port", "0", "--stamp-port", "0"]
        process = subprocess.Popen([*command, "--log", "text", "--ready-file", str(ready)])
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise RuntimeError(f"the testpoint ended with code {process.returncode}")
                time.sleep(0.05)
            ports = json.loads(ready.read_text())
            yield process.pid, ports["http_port"], ports["stamp_port"]
        finally:
            process.terminate()
            process.wait()


def _row(
    direction: str, transfer: Transfer, streams: int, *, pid: int, http_port: int, stamp_port: int
) -> dict[str, object]:
    cpu_before_s = _cpu_s(pid)
    moved_bits, elapsed_s, residences_us = _measure(transfer, streams, http_port, stamp_port)
    cpu_s = _cpu_s(pid) - cpu_before_s
    return {
        "direction": direction,
        "streams_count": streams,
        "duration_s": round(elapsed_s, 2),
        "goodput_bps": round(moved_bits / elapsed_s),
        "server_cpu_s_per_gbit": round(cpu_s / (moved_bits / GBIT), 4),
        "server_peak_rss_bytes": _peak_rss_bytes(pid),
        "reflector_residence_p50_us": round(statistics.median(residences_us), 1),
        "reflector_residence_p95_us": round(statistics.quantiles(residences_us, n=20)[-1], 1),
    }


def _measure(
    transfer: Transfer, streams: int, http_port: int, stamp_port: int
) -> tuple[float, float, list[float]]:
    """Run the streams side by side; return bits moved, seconds taken, and the residences in the reflector."""
    moved_bytes = [0] * streams
    residences_us: list[float] = []
    began_at = time.monotonic()
    until = began_at + DURATION_S

    def stream(number: int) -> None:
        moved_bytes[number] = transfer(http_port, until)

    threads = [threading.Thread(target=stream, args=(number,)) for number in range(streams)]
    threads.append(threading.Thread(target=_probe_reflector, args=(stamp_port, until, residences_us)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(moved_bytes) * BITS, time.monotonic() - began_at, residences_us


def _download(port: int, until: float) -> int:
    buffer = memoryview(bytearray(BUFFER_BYTES))
    received = 0
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"GET /garbage?ckSize=1024 HTTP/1.1\r\nHost: testpoint\r\n\r\n" * 16)
        while time.monotonic() < until:
            received += sock.recv_into(buffer)
    return received


def _upload(port: int, until: float) -> int:
    head = f"POST /empty HTTP/1.1\r\nHost: testpoint\r\nContent-Length: {UPLOAD_BYTES}\r\n\r\n".encode()
    block = secrets.token_bytes(BUFFER_BYTES)
    return _post_until(port, until, head, [block] * (UPLOAD_BYTES // BUFFER_BYTES))


def _upload_chunked(port: int, until: float) -> int:
    head = b"POST /empty HTTP/1.1\r\nHost: testpoint\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = f"{CHUNK_BYTES:x}\r\n".encode() + secrets.token_bytes(CHUNK_BYTES) + b"\r\n"
    block = chunk * (BUFFER_BYTES // CHUNK_BYTES)
    return _post_until(port, until, head, [*[block] * (UPLOAD_BYTES // BUFFER_BYTES), b"0\r\n\r\n"])


def _post_until(port: int, until: float, head: bytes, body: list[bytes]) -> int:
    """Post `body` again and again; return how many octets the server says it received."""
    received = 0
    with socket.create_connection(("127.0.0.1", port)) as sock:
        while time.monotonic() < until:
            sock.sendall(head)
            for part in body:
                sock.sendall(part)
            received += _received_bytes(sock)
    return received


def _received_bytes(sock: socket.socket) -> int:
    answer = b""
    while not (found := re.search(rb'"received_bytes":(\d+),.*}\n', answer)):
        part = sock.recv(4096)
        if not part:
            raise ConnectionError(f"the testpoint closed the connection after {answer!r}")
        answer += part
    return int(found[1])


def _probe_reflector(port: int, until: float, residences_us: list[float]) -> None:
    """Send a STAMP packet every 10 ms; collect the time each spent in the reflector, by its own stamps."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1.0)
        sock.connect(("127.0.0.1", port))
        number = 0
        while time.monotonic() < until:
            sock.send(pack_sender(SenderPacket(number, 0, 1)))
            reply = unpack_reflected(sock.recv(2048))
            residences_us.append((reply.timestamp - reply.receive_timestamp) / 2**32 * US_PER_S)
            number += 1
            time.sleep(STAMP_INTERVAL_S)


def _cpu_s(pid: int) -> float:
    """User and system time of a process so far (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_rss_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


DIRECTIONS: dict[str, Transfer] = {
    "download": _download,
    "upload": _upload,
    "upload_chunked": _upload_chunked,
}

if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
