"""A Grafana in small: the part of its HTTP API that `push` uses, on loopback, and a record of every call.

It keeps what it is given, answers with additions of its own as Grafana does, and shows no secrets.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.fakes.brokers import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
TOKEN = "glsa_of_the_test"
SECRET_SETTINGS = ("bottoken", "password")
_PROVISIONING = "/api/v1/provisioning"


@dataclass
class SmallGrafana:
    """What it has, and what it was asked: method and path of each call, in order."""

    url: str = ""
    prefix: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    folders: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    templates: dict[str, Json] = field(default_factory=dict)
    contacts: dict[str, Json] = field(default_factory=dict)
    groups: dict[str, Json] = field(default_factory=dict)
    policies: Json = field(default_factory=lambda: {"receiver": "grafana-default-email"})
    refusal: tuple[int, str] | None = None

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The calls that change something."""
        return [call for call in self.calls if call[0] != "GET"]

    def answer(self, method: str, path: str, body: Json | None) -> tuple[int, Any]:
        """Return the status and the body of an answer."""
        if not path.startswith(f"{self.prefix}/api/"):
            return 404, {"message": f"nothing is at {path}"}
        path = path.removeprefix(self.prefix)
        self.calls.append((method, path))
        if self.refusal:
            return self.refusal[0], {"message": self.refusal[1]}
        if path.startswith(_PROVISIONING):
            return self._alerting(method, path.removeprefix(_PROVISIONING).strip("/").split("/"), body)
        return self._dashboards(method, path.removeprefix("/api/").split("/"), body)

    def _dashboards(self, method: str, parts: list[str], body: Json | None) -> tuple[int, Any]:  # noqa: PLR0911 - a call each
        match method, parts:
            case "GET", ["folders", uid]:
                return _one(self.folders, uid)
            case "POST", ["folders"]:
                self.folders[body["uid"]] = {**body, "id": 7, "version": 1}
                return 200, self.folders[body["uid"]]
            case "PUT", ["folders", uid]:
                self.folders[uid] |= {"title": body["title"]}
                return 200, self.folders[uid]
            case "GET", ["dashboards", "uid", uid]:
                return _one(self.dashboards, uid)
            case "POST", ["dashboards", "db"]:
                if body["folderUid"] not in self.folders:
                    return 400, {"message": "folder not found"}
                dashboard = {**body["dashboard"], "id": 8, "version": 3}
                self.dashboards[dashboard["uid"]] = {
                    "meta": {"folderUid": body["folderUid"], "slug": "x"},
                    "dashboard": dashboard,
                }
                return 200, {"status": "success"}
        return 404, {"message": f"no such call: {method} {parts}"}

    def _alerting(self, method: str, parts: list[str], body: Json | None) -> tuple[int, Any]:  # noqa: C901, PLR0911 - a call each
        match method, parts:
            case "GET", ["policies"]:
                return 200, {**self.policies, "provenance": "api"}
            case "PUT", ["policies"]:
                return self._route(body)
            case "GET", ["templates", name]:
                return _one(self.templates, name)
            case "PUT", ["templates", name]:
                self.templates[name] = {**body, "name": name, "provenance": "api", "version": "abc"}
                return 202, self.templates[name]
            case "GET", ["contact-points"]:
                return 200, [_redacted(point) for point in self.contacts.values()]
            case ("POST", ["contact-points"]) | ("PUT", ["contact-points", _]):
                self.contacts[body["uid"]] = body
                return 202, _redacted(body)
            case "DELETE", ["contact-points", uid]:
                del self.contacts[uid]
                return 202, {}
            case "GET", ["alert-rules"]:
                return 200, [rule for group in self.groups.values() for rule in group["rules"]]
            case "DELETE", ["alert-rules", uid]:
                return self._without(uid)
            case "GET", ["folder", folder, "rule-groups", name]:
                found = self.groups.get(name)
                return (200, found) if found and found["folderUid"] == folder else (404, {"message": "none"})
            case "PUT", ["folder", folder, "rule-groups", name]:
                return self._group(folder, name, body)
        return 404, {"message": f"no such call: {method} {parts}"}

    def _group(self, folder: str, name: str, body: Json) -> tuple[int, Any]:
        if folder not in self.folders:
            return 400, {"message": "folder does not exist"}
        rules = [{"id": 9, "updated": "2026-11-01T00:00:00Z", **rule} for rule in body["rules"]]
        self.groups[name] = {**body, "rules": rules}
        return 200, self.groups[name]

    def _without(self, uid: str) -> tuple[int, Any]:
        for name, group in list(self.groups.items()):
            group["rules"] = [rule for rule in group["rules"] if rule["uid"] != uid]
            if not group["rules"]:
                del self.groups[name]
        return 204, None

    def _route(self, body: Json) -> tuple[int, Any]:
        names = {point["name"] for point in self.contacts.values()}
        if body["receiver"] not in names:
            return 400, {"message": f"receiver {body['receiver']} does not exist"}
        self.policies = body
        return 202, {"message": "policies updated"}


@contextmanager
def running() -> Iterator[SmallGrafana]:
    """Yield a small Grafana that answers until the end."""
    grafana = SmallGrafana()
    server = ThreadingHTTPServer((HOST, 0), _handler(grafana))
    grafana.url = f"http://{HOST}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield grafana
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(grafana: SmallGrafana) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one segment

        def handle_any(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(content) if content else None
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, answer = 401, {"message": "Invalid API key"}
            else:
                status, answer = grafana.answer(self.command, unquote(self.path), body)
            octets = b"" if status == 204 else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - as http.server wants them

        def log_message(self, *_: object) -> None:
            """Keep the test's output to itself."""

    return Handler


def _one(things: dict[str, Json], name: str) -> tuple[int, Any]:
    return (200, things[name]) if name in things else (404, {"message": "not found"})


def _redacted(point: Json) -> Json:
    settings = {
        key: "[REDACTED]" if key in SECRET_SETTINGS else value for key, value in point["settings"].items()
    }
    return {**point, "settings": settings, "provenance": "api"}
