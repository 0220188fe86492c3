"""Somebody whom alerts are sent to by webhook, on loopback: keeps what is posted."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.fakes.brokers import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Webhook:
    """Where it listens, and what came."""

    url: str
    messages: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Webhook]:
    """Yield a webhook that takes everything."""
    hook = Webhook("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output to itself."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    hook.url = f"http://{HOST}:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
