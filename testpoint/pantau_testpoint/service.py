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
from pantau_testpoint.ntp.server import NtpServer
from pantau_testpoint.settings import Settings
from pantau_testpoint.speed.admission import Admission
from pantau_testpoint.speed.endpoints import Health
from pantau_testpoint.speed.guard import Guard, open_guard
from pantau_testpoint.speed.limits import Limits
from pantau_testpoint.speed.server import SpeedServer
from pantau_testpoint.stamp.modes import Acceptance
from pantau_testpoint.stamp.reflector import Reflector
from pantau_testpoint.transitions import Log
from pantau_wire import __version__, stamp_keys


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises ListenError if a port cannot be had, ConfigurationError if a file cannot be used.
    """
    log = structlog.get_logger()
    acceptance = _acceptance(settings, log)
    guard = None if settings.token_key_file is None else open_guard(settings.token_key_file)
    with _stop_signals() as stop, contextlib.ExitStack() as stack:
        tcp = stack.enter_context(listen_tcp(settings.listen, settings.http_port))
        udp = stack.enter_context(listen_udp(settings.listen, settings.stamp_port))
        ports = {"http_port": tcp.getsockname()[1], "stamp_port": udp.getsockname()[1]}
        stateful = settings.stamp_mode == "stateful"
        reflector = stack.enter_context(Reflector(udp, log, stateful=stateful, acceptance=acceptance))
        admission = Admission(
            max_tests=settings.max_tests, max_tests_per_device=settings.max_tests_per_device, log=log
        )
        limits = Limits.for_tests(settings.max_tests)
        allow_open_files(limits.max_connections)
        ntp = _ntp_server(settings, stack, ports, log)
        health = _health(admission, reflector, ntp, guard)
        async with SpeedServer(tcp, admission, health, limits, guard):
            stack.enter_context(_ready_file(settings.ready_file, ports))
            log.info("testpoint.ready", listen=settings.listen, version=__version__, **ports)
            await stop.wait()
    log.info("testpoint.stopped")


def _acceptance(settings: Settings, log: Log) -> Acceptance:
    if settings.stamp_key_file is None:
        return Acceptance()
    try:
        found = stamp_keys.read(settings.stamp_key_file)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    if found.exposed:
        log.warning("stamp.key_exposed", path=str(settings.stamp_key_file), advice=stamp_keys.ADVICE)
    return Acceptance(found.keys, unauthenticated=settings.stamp_accept == "both")


def _ntp_server(
    settings: Settings, stack: contextlib.ExitStack, ports: dict[str, int], log: Log
) -> NtpServer | None:
    if settings.ntp_port is None:
        return None
    udp = stack.enter_context(listen_udp(settings.listen, settings.ntp_port, option="ntp-port"))
    ports["ntp_port"] = udp.getsockname()[1]
    return stack.enter_context(NtpServer(udp, log))


def _health(admission: Admission, reflector: Reflector, ntp: NtpServer | None, guard: Guard | None) -> Health:
    parts = [part for part in (admission, reflector, ntp, guard) if part is not None]

    def health() -> dict[str, object]:
        status = "ok" if reflector.alive else "reflector_dead"
        numbers = {name: number for part in parts for name, number in part.numbers().items()}
        return {"status": status, "version": __version__, **numbers}

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
