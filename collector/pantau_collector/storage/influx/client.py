"""HTTP to one InfluxDB: which version it is, how it is written to and asked. Thread-safe.

On urllib3: httpx takes half as much CPU time again for a request.
"""

from __future__ import annotations

import gzip
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3

from pantau_collector import addresses
from pantau_collector.errors import StoreRefusesError, StoreUnavailableError
from pantau_collector.storage.influx import answers, results

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_collector.config import InfluxConfig
    from pantau_collector.storage.influx.results import Series

_CONNECTIONS = 8
_OK = 200
_CREATED = 201
_FIRST_WITH_V2_WRITES = (1, 8)
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Version:
    """A server's version, as far as it matters."""

    major: int
    minor: int

    @property
    def has_v2_writes(self) -> bool:
        """Whether `/api/v2/write` is there."""
        return (self.major, self.minor) >= _FIRST_WITH_V2_WRITES


_CONFIGURED = {"1.6": Version(1, 6), "1.8": Version(1, 8), "2": Version(2, 0), "3": Version(3, 0)}


class _Ping(msgspec.Struct, frozen=True):
    version: str = ""


class Client:
    """Connections that are kept alive, to the server of the configuration."""

    def __init__(self, config: InfluxConfig) -> None:
        """Connect to nothing yet."""
        self._config = config
        parts = urlsplit(config.url)
        self._base = parts.path.rstrip("/")
        self._compress = not addresses.is_loopback(parts.hostname or "")
        self._headers = _authorization(config) | urllib3.make_headers(accept_encoding=self._compress)
        tls = {"ca_certs": str(config.ca_file)} if config.ca_file else {}
        timeout = urllib3.Timeout(config.timeout_s)
        self._pool = urllib3.connection_from_url(config.url, maxsize=_CONNECTIONS, timeout=timeout, **tls)
        self._lock = threading.Lock()
        self._version = _CONFIGURED.get(config.server)

    def write(self, lines: Sequence[bytes]) -> answers.Refused | None:
        """Write lines or blocks of lines; None: they are durable. Raises as `answers.judge` does."""
        body = b"\n".join(lines)
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self._compress:
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        response = self._request("POST", self._write_path(), body, headers)
        try:
            return answers.judge(response.status, response.headers, response.data)
        except StoreRefusesError:
            self._forget_version()  # it may be another server by now
            raise

    def ask(self, *statements: str) -> Iterator[tuple[int, Series]]:
        """Yield the tables of the answer, each with the number of its statement."""
        config = self._config
        parameters = {"db": config.database, "epoch": "ns", "chunked": "true"}
        if config.retention_policy:
            parameters["rp"] = config.retention_policy
        body = urlencode({"q": ";".join(statements)}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = self._request("POST", f"/query?{urlencode(parameters)}", body, headers, stream=True)
        try:
            if response.status != _OK:
                answers.judge(response.status, response.headers, response.data)
                raise StoreRefusesError(f"InfluxDB refuses a question with status {response.status}")
            yield from results.read(response)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailableError(f"{self._config.url}: {error}") from error
        finally:
            response.close()

    def call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Call what takes and gives JSON; return the answer. Raises as `answers.judge` does."""
        response = self._request(method, path, body, {"Content-Type": "application/json"})
        if response.status in (_OK, _CREATED, answers.DURABLE):
            return response.data
        refused = answers.judge(response.status, response.headers, response.data)
        raise StoreRefusesError(f"InfluxDB refuses {path}: {refused.reason if refused else ''}")

    def version(self) -> Version:
        """Return the server's version, as configured or as it says itself."""
        with self._lock:
            if self._version is None:
                self._version = self._ask_version()
            return self._version

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _ask_version(self) -> Version:
        response = self._request("GET", "/ping")
        said = response.headers.get("X-Influxdb-Version", "")
        if not said and response.status == _OK:
            said = _version_in(response.data)
        found = _VERSION.match(said)
        if found is not None:
            return Version(int(found[1]), int(found[2]))
        answers.judge(response.status, response.headers, response.data)
        raise StoreRefusesError(
            f"{self._config.url} does not say which version of InfluxDB it is; set store.influxdb.server"
        )

    def _forget_version(self) -> None:
        with self._lock:
            self._version = _CONFIGURED.get(self._config.server)

    def _write_path(self) -> str:
        config = self._config
        parameters = {"precision": "ns"}
        if not self.version().has_v2_writes:
            parameters["db"] = config.database
            if config.retention_policy:
                parameters["rp"] = config.retention_policy
            return f"/write?{urlencode(parameters)}"
        policy = f"/{config.retention_policy}" if config.retention_policy else ""
        parameters["bucket"] = config.database + policy
        if config.org:
            parameters["org"] = config.org
        return f"/api/v2/write?{urlencode(parameters)}"

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        def send() -> urllib3.BaseHTTPResponse:
            return self._pool.urlopen(
                method,
                self._base + path,
                body=body,
                headers=self._headers | (headers or {}),
                retries=False,
                preload_content=not stream,
            )

        try:
            try:
                return send()
            except urllib3.exceptions.ProtocolError:
                return send()  # a kept connection was closed meanwhile; sending twice changes nothing
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailableError(f"{self._config.url}: {error}") from error


def _authorization(config: InfluxConfig) -> dict[str, str]:
    if config.token is not None:
        return {"Authorization": f"Token {config.token.get_secret_value()}"}
    if config.username is None:
        return {}
    password = config.password.get_secret_value() if config.password else ""
    return urllib3.make_headers(basic_auth=f"{config.username}:{password}")


def _version_in(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Ping).version
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
