"""Runs the speed server and the reflector together, from the sockets to the last signal."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import structlog

from pantau_testpoint.errors import ConfigurationError
from pantau_testpoint.listening import allow_open_files, listen_tcp, listen_udp
from pantau_testpoint.settings import Settings
from pantau_testpoint.speed.admission import Admission
from pantau_testpoint.speed.endpoints import Health
from pantau_testpoint.speed.limits import Limits
from pantau_testpoint.speed.server import SpeedServer
from pantau_testpoint.stamp.reflector import Reflector
from pantau_wire import __version__


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises ListenError if a port cannot be had."""
    log = structlog.get_logger()
    with _stop_signals() as stop, contextlib.ExitStack() as stack:
        tcp = stack.enter_context(listen_tcp(settings.listen, settings.http_port))
        udp = stack.enter_context(listen_udp(settings.listen, settings.stamp_port))
        ports = {"http_port": tcp.getsockname()[1], "stamp_port": udp.getsockname()[1]}
        reflector = stack.enter_context(Reflector(udp, log, stateful=settings.stamp_mode == "stateful"))
        admission = Admission(max_tests=settings.max_tests, log=log)
        limits = Limits.for_tests(settings.max_tests)
        allow_open_files(limits.max_connections)
        async with SpeedServer(tcp, admission, _health(admission, reflector), limits):
            stack.enter_context(_ready_file(settings.ready_file, ports))
            log.info("testpoint.ready", listen=settings.listen, version=__version__, **ports)
            await stop.wait()
    log.info("testpoint.stopped")


def _health(admission: Admission, reflector: Reflector) -> Health:
    def health() -> dict[str, object]:
        status = "ok" if reflector.alive else "reflector_dead"
        return {"status": status, "version": __version__, **admission.numbers(), **reflector.numbers()}

    return health


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Yield an event that SIGTERM and SIGINT set."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _ready_file(path: Path | None, ports: dict[str, int]) -> Iterator[None]:
    """Keep `path` in place while the ports are open; whoever sees it sees it whole."""
    if path is None:
        yield
        return
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(ports) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write the ready file {path}: {error.strerror}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
