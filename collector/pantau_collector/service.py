"""The running collector: store, ingest and portal put together, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from typing import TYPE_CHECKING, Any

import structlog

from pantau_collector.analysis_loop.child import keep_running
from pantau_collector.deadletters import DeadLetters, Quota
from pantau_collector.errors import ConfigError
from pantau_collector.ingest.pipeline import Ingest
from pantau_collector.ingest.tokens import open_desk
from pantau_collector.ingest.writer import Writer
from pantau_collector.metrics import Metrics
from pantau_collector.mqtt import connect_options
from pantau_collector.registry.file import RegistryFile
from pantau_collector.storage.opening import open_store
from pantau_collector.vitals import Vitals
from pantau_collector.web.tls import ServerCertificate

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_collector.config import CollectorConfig, StoreConfig, WebConfig
    from pantau_collector.identity.desk import Desk

log = structlog.get_logger()

_REGISTRY_LOOK_S = 1.0


class Collector:
    """One collector process."""

    def __init__(self, config: CollectorConfig, config_path: Path | None = None) -> None:
        """Open everything; raises `CollectorError` where something cannot be used.

        `config_path` is the configuration's file: the analysis, another process, reads it too.
        """
        self._config, self._config_path = config, config_path
        self._registry = RegistryFile(config.registry.path)
        self._options = connect_options(config.broker)
        self._metrics = Metrics()
        self._listener: socket.socket | None = None
        self._certificate: ServerCertificate | None = None
        with contextlib.ExitStack() as stack:
            if config.web.enabled:
                self._certificate = _certificate(config.web)
                self._listener = stack.enter_context(_listen(config.web.host, config.web.port))
            self._store = open_store(config.store)
            stack.callback(self._store.close)
            self._dead_letters = DeadLetters(config.store.dead_letters_path, _quota(config.store))
            stack.callback(self._dead_letters.close)
            self._resources = stack.pop_all()
        writer = Writer(self._store, self._dead_letters, self._metrics)
        self._ingest = Ingest(
            writer, config.ingest, self._metrics, self._is_registered, open_desk(config.testpoint)
        )

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
        vitals = Vitals(self._config.broker.client_id, self._store, self._metrics)
        tasks.append(asyncio.create_task(vitals.run(), name="vitals"))
        if self._config.analysis.enabled:
            tasks.append(asyncio.create_task(keep_running(self._config_path), name="analysis"))
        if self._config.identity.path.exists():
            tasks.append(asyncio.create_task(self._keep_identities(), name="identities"))
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

    async def _keep_identities(self) -> None:
        from pantau_collector.identity.upkeep import Upkeep  # noqa: PLC0415 - only where authorities are

        await Upkeep(self._config.identity, self._metrics).run()

    async def _serve_web(self, listener: socket.socket) -> None:
        from pantau_collector.months.profile_file import ProfileFile  # noqa: PLC0415 - as below
        from pantau_collector.months.reading import StoredMonths  # noqa: PLC0415
        from pantau_collector.web import server  # noqa: PLC0415 - without a portal nobody pays for it
        from pantau_collector.web.app import create_app  # noqa: PLC0415

        web, profiles = self._config.web, ProfileFile(self._config.sla.profiles)
        app = create_app(
            self._store,
            self._registry,
            web,
            health=self.health,
            metrics=self._metrics.text,
            desk=_desk(self._config),
            months=StoredMonths(self._store, self._registry, profiles),
            letterhead=self._config.exports.letterhead,
            profiles=profiles,
        )
        host, port = listener.getsockname()[:2]
        scheme, place = "https" if self._certificate else "http", f"[{host}]" if ":" in host else host
        log.info("portal.listening", url=f"{scheme}://{place}:{port}/", port=port)
        await server.serve(app, listener, behind_proxy=web.behind_proxy, certificate=self._certificate)


def _quota(config: StoreConfig) -> Quota:
    return Quota(
        device_letters=config.dead_letters_per_device,
        device_bytes=config.dead_letters_mb_per_device * 1_000_000,
        total_bytes=config.dead_letters_mb * 1_000_000,
    )


def relax_garbage_collection() -> None:
    """Look for cycles less often: the ingest makes thousands of objects a millisecond, and no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def _desk(config: CollectorConfig) -> Desk | None:
    if config.enrolment.broker_host is None:
        return None
    from pantau_collector.identity.desk import Desk  # noqa: PLC0415 - only where devices are enrolled

    return Desk(config.enrolment, config.identity.path)


def _certificate(web: WebConfig) -> ServerCertificate | None:
    if web.cert_file is None or web.key_file is None:
        return None
    return ServerCertificate(web.cert_file, web.key_file)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=256)
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
