"""The running collector: store, ingest and portal put together, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
from typing import TYPE_CHECKING, Any

import structlog

from pantau_collector.deadletters import DeadLetters
from pantau_collector.errors import ConfigError
from pantau_collector.ingest.pipeline import Ingest
from pantau_collector.ingest.writer import Writer
from pantau_collector.metrics import Metrics
from pantau_collector.mqtt import ConnectOptions
from pantau_collector.registry.file import RegistryFile
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pantau_collector.config import BrokerConfig, CollectorConfig

log = structlog.get_logger()

_REGISTRY_LOOK_S = 1.0


class Collector:
    """One collector process."""

    def __init__(self, config: CollectorConfig) -> None:
        """Open everything; raises `CollectorError` where something cannot be used."""
        self._config = config
        self._registry = RegistryFile(config.registry.path)
        self._options = _connect_options(config.broker)
        self._metrics = Metrics()
        self._listener: socket.socket | None = None
        with contextlib.ExitStack() as stack:
            if config.web.enabled:
                self._listener = stack.enter_context(_listen(config.web.host, config.web.port))
            self._store = SqliteStore(config.store.path)
            stack.callback(self._store.close)
            self._dead_letters = DeadLetters(config.store.dead_letters_path)
            stack.callback(self._dead_letters.close)
            self._resources = stack.pop_all()
        writer = Writer(self._store, self._dead_letters, self._metrics)
        self._ingest = Ingest(writer, config.ingest, self._metrics, self._is_registered)

    async def run(self) -> None:
        """Collect until SIGTERM or SIGINT."""
        relax_garbage_collection()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        tasks = [
            asyncio.create_task(
                self._ingest.run(self._options, self._config.broker.reconnect_max_s), name="ingest"
            ),
            asyncio.create_task(self._watch_registry(), name="registry"),
        ]
        if self._listener is not None:
            tasks.append(asyncio.create_task(self._serve_web(self._listener), name="web"))
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            await _cancel([stopping, *tasks])
            self._resources.close()
        log.info("collector.stopped")

    def health(self) -> dict[str, Any]:
        """Return whether everything that the collector needs is there."""
        parts = {"broker": self._ingest.broker_connected, "store": self._ingest.store_healthy}
        return {"status": "ok" if all(parts.values()) else "degraded", **parts}

    def _is_registered(self, device: str) -> bool:
        return device in self._registry.last

    async def _watch_registry(self) -> None:
        """Read the registry again when its file changes: in a thread, a nation's takes seconds."""
        while True:
            await asyncio.sleep(_REGISTRY_LOOK_S)
            await asyncio.to_thread(self._registry.get)

    async def _serve_web(self, listener: socket.socket) -> None:
        from pantau_collector.web import server  # noqa: PLC0415 - without a portal nobody pays for it
        from pantau_collector.web.app import create_app  # noqa: PLC0415

        app = create_app(self._store, self._registry, health=self.health, metrics=self._metrics.text)
        host, port = listener.getsockname()[:2]
        log.info("portal.listening", url=f"http://{host}:{port}/", port=port)
        await server.serve(app, listener)


def relax_garbage_collection() -> None:
    """Look for cycles less often: the ingest makes thousands of objects a millisecond, and no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def _connect_options(config: BrokerConfig) -> ConnectOptions:
    password = config.password.get_secret_value().encode() if config.password else None
    return ConnectOptions(
        host=config.host,
        port=config.port,
        client_id=config.client_id,
        username=config.username,
        password=password,
        keepalive_s=config.keepalive_s,
        receive_max=config.receive_max,
        tls=_tls_context(config) if config.ca_file else None,
    )


def _tls_context(config: BrokerConfig) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file:
            context.load_cert_chain(config.cert_file, config.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"broker: cannot use the certificates: {error}") from None
    return context


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=256)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]  # Python adds the address, which we say
        raise ConfigError(
            f"cannot serve the portal at {host}:{port}: {why}; choose another port with"
            " web.port in the configuration, or PANTAU_COLLECTOR_WEB__PORT"
        ) from None


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
