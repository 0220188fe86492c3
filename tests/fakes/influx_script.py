"""An InfluxDB that follows a script: a real HTTP server on loopback that answers as 1.x, 2.x or 3.x would.

It takes line protocol, keeps the lines that it says it stored, and finds nothing when it is asked.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.fakes.brokers import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSIONS = {"1": "1.8.10", "2": "v2.7.11", "3": "3.4.1"}


@dataclass
class Answer:
    """What is answered to a write instead of looking at its lines.

    `cut` closes the connection in the middle of the answer; with `hang` there is none before the end.
    """

    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False


@dataclass
class Request:
    """A request as it came, its body inflated."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    lines: list[str]


@dataclass
class ScriptedInflux:
    """`script` is played first, an answer a write; after that lines are taken unless `fault` names theirs."""

    dialect: str = "1"
    version: str | None = None
    script: list[Answer] = field(default_factory=list)
    fault: Callable[[str], str | None] = lambda _: None
    max_body_bytes: int = 10**9
    answer_to_questions: Answer = field(
        default_factory=lambda: Answer(200, b'{"results":[{"statement_id":0}]}\n')
    )
    requests: list[Request] = field(default_factory=list)
    stored: dict[str, int] = field(default_factory=dict)
    url: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def writes(self, measurement: str = "") -> list[Request]:
        """The writes so far, or those with lines of one measurement."""
        found = [one for one in self.requests if "write" in one.path]
        return [one for one in found if any(line.startswith(measurement) for line in one.lines)]

    def answer(self, request: Request, body_bytes: int) -> Answer:
        if "write" not in request.path:
            return self._answer_question(request)
        if self.script:
            return self.script.pop(0)
        if body_bytes > self.max_body_bytes:
            return Answer(413, b'{"error":"Request Entity Too Large"}')
        faults = {at: words for at, line in enumerate(request.lines) if (words := self.fault(line))}
        if self.dialect != "2" or not faults:  # 2.x stores nothing of a request with a fault
            self._store([line for at, line in enumerate(request.lines) if at not in faults])
        return self._refuse(request, faults) if faults else Answer()

    def _answer_question(self, request: Request) -> Answer:
        if request.path == "/ping":
            version = VERSIONS[self.dialect] if self.version is None else self.version
            if self.dialect == "3":
                return Answer(200, json.dumps({"product_name": "InfluxDB", "version": version}).encode())
            return Answer(204, headers={"X-Influxdb-Version": version} if version else {})
        return self.answer_to_questions

    def _refuse(self, request: Request, faults: dict[int, str]) -> Answer:
        first = next(iter(faults.values()))
        if self.dialect == "1":
            words = f"partial write: {first} dropped={len(faults)}"
            return Answer(400, json.dumps({"error": words}).encode())
        if self.dialect == "2":
            return Answer(422, json.dumps({"code": "unprocessable entity", "message": first}).encode())
        listed = [
            {"original_line": request.lines[at], "line_number": at + 1, "error_message": words}
            for at, words in faults.items()
        ]
        found = {"error": "partial write of line protocol occurred", "data": listed}
        return Answer(400, json.dumps(found).encode())

    def _store(self, lines: list[str]) -> None:
        for line in lines:
            self.stored[line] = self.stored.get(line, 0) + 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment: two would wait 40 ms for each other
    influx: ScriptedInflux

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        parts = urlsplit(self.path)
        parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(parts.path, parameters, headers, body.decode().splitlines())
        self.influx.requests.append(request)
        self._send(self.influx.answer(request, len(body)))

    def _send(self, answer: Answer) -> None:
        if answer.hang:
            self.influx.ended.wait()
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body) + answer.cut))
        if answer.cut:
            self.flush_headers()
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.end_headers()
        self.wfile.write(answer.body)


@contextmanager
def running(influx: ScriptedInflux) -> Iterator[ScriptedInflux]:
    """Serve it while the context lasts."""
    handler = type("Handler", (_Handler,), {"influx": influx})
    with ThreadingHTTPServer((HOST, 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        influx.url = f"http://{HOST}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield influx
        finally:
            influx.ended.set()
            server.shutdown()
            thread.join()
