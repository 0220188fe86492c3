"""Runs speedtest-cli's library in a process of its own, and prints what it finds as lines of JSON.

`helper.py find SERVER_ID` names the server; `helper.py measure SERVER_ID MAX_BYTES` measures with it as well.
SERVER_ID 0 is the nearest server, MAX_BYTES 0 no bound. It is started by its path and imports nothing of
ours: that keeps it small, and the library's threads, buffers and memory out of the agent.
"""

from __future__ import annotations

import io
import json
import math
import socket
import ssl
import sys
import threading
import urllib.error
from typing import Any

import speedtest

_REPORT_S = 0.2
_PICTURE_BYTES_PER_PIXEL = 2.01
"""The pictures that are downloaded are square, and about that large."""


class CountingIO(socket.SocketIO):
    """Counts what is received on one connection; replaces the one that the standard library would take."""

    made: list[CountingIO] = []  # noqa: RUF012 - all of the process

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.count = 0
        self.made.append(self)

    def readinto(self, buffer: Any) -> int | None:
        """Receive, and count."""
        count = super().readinto(buffer)
        self.count += count or 0
        return count


class CountingData(speedtest.HTTPUploaderData):  # type: ignore[misc]
    """Counts what is handed to one connection's socket."""

    made: list[CountingData] = []  # noqa: RUF012 - all of the process

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.count = 0
        self.made.append(self)

    def read(self, n: int = 10_240) -> bytes:
        """Hand out the next octets, and count. Behind the last, forget them all: the library never would."""
        chunk: bytes = super().read(n)
        self.count += len(chunk)
        if not chunk:
            self._data = io.BytesIO()
        return chunk


def say(**values: Any) -> None:
    """Print a line, with what has been transferred so far."""
    received = sum(made.count for made in CountingIO.made)
    sent = sum(made.count for made in CountingData.made)
    sys.stdout.write(json.dumps({**values, "received_bytes": received, "sent_bytes": sent}) + "\n")
    sys.stdout.flush()


class Reporting:
    """Prints a line some times a second while a direction runs."""

    def __init__(self, way: str) -> None:
        self._way = way
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        say(way=self._way)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_REPORT_S):
            say(way=self._way)


def find(server_id: int) -> Any:
    """Return the library's test with its server chosen: the one with the id, or the best of the nearest."""
    test = speedtest.Speedtest(secure=True)
    test.get_servers([server_id] if server_id else [])
    best = test.get_best_server()
    say(server={name: str(best.get(name, "")) for name in ("id", "url")}, ping_ms=best["latency"])
    return test


def measure(test: Any, max_bytes: int) -> None:
    """Measure both ways as the library does; say first if that might take more than `max_bytes`."""
    most = most_bytes(test.config)
    if max_bytes and most > max_bytes:
        say(too_large_bytes=most)
        return
    with Reporting("download"):
        bps = test.download()
    say(download={"bps": bps, "bytes": test.results.bytes_received, "streams": _threads(test, "download")})
    with Reporting("upload"):
        bps = test.upload(pre_allocate=False)
    say(upload={"bps": bps, "bytes": test.results.bytes_sent, "streams": _threads(test, "upload")})


def _threads(test: Any, way: str) -> int:
    return int(test.config["threads"][way])


def most_bytes(config: Any) -> int:
    """Return what a test takes at most: every picture and every block of the configuration."""
    pixels = int(sum(edge * edge for edge in config["sizes"]["download"]) * config["counts"]["download"])
    blocks = [size for size in config["sizes"]["upload"] for _ in range(config["counts"]["upload"])]
    uploaded_bytes = int(sum(blocks[: config["upload_max"]]))
    return math.ceil(pixels * _PICTURE_BYTES_PER_PIXEL) + uploaded_bytes


def cause_of(fault: Any) -> dict[str, Any]:
    """Return what the system or the server said, which the library hides inside its exceptions."""
    if isinstance(fault, urllib.error.HTTPError):
        return {"http_status": fault.code}
    if isinstance(fault, ssl.SSLError):
        return {"tls": True}
    if isinstance(fault, socket.gaierror):
        return {"name": True}
    if isinstance(fault, OSError) and fault.errno is not None:
        return {"errno": fault.errno}
    inner = [getattr(fault, "reason", None), *getattr(fault, "args", ())]
    return next((cause_of(part) for part in inner if isinstance(part, BaseException)), {})


def main(mode: str, server_id: str, max_bytes: str = "0") -> None:
    """Do what is asked; every end but a crash is a line of its own."""
    socket.SocketIO = CountingIO  # type: ignore[assignment,misc]
    speedtest.HTTPUploaderData = CountingData
    try:
        test = find(int(server_id))
        if mode == "measure":
            measure(test, int(max_bytes))
    except (speedtest.SpeedtestException, OSError) as fault:
        say(error=type(fault).__name__, text=str(fault), cause=cause_of(fault))


if __name__ == "__main__":
    main(*sys.argv[1:])
