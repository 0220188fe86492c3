"""Which jobs `pantau-agent test` runs: what is configured, or what was asked for instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from pantau_agent import jobs
from pantau_agent.errors import ConfigError
from pantau_agent.i18n import _
from pantau_agent.probes.speed import SpeedTarget

if TYPE_CHECKING:
    from pantau_agent.config import AgentConfig
    from pantau_agent.config.settings import Engine
    from pantau_agent.scheduler import Job

_DEFAULT_ENGINE: Engine = "http"


def jobs_wanted(
    config: AgentConfig, *, engine: Engine | None = None, server: str | None = None, once: bool = False
) -> list[Job]:
    """Return the latency probes and the speed test of each engine, in this order.

    With `engine` there is only its speed test; `server` belongs to it, or to `http` where none is named. With
    `once` there are only speed tests, and they wait neither for a busy line nor for a busy server. Raises
    `ConfigError` where nothing is left to do, or where an engine does not know its server.
    """
    configured_url = config.speed.url
    if server is not None or engine is not None:
        config = _only(config, engine or _DEFAULT_ENGINE, server)
    alone = once or engine is not None
    wanted = [*([] if alone else jobs.latency_jobs(config)), *jobs.speed_jobs(config)]
    if server not in (None, configured_url):
        wanted = [_as_a_stranger(job) for job in wanted]
    if not wanted:
        raise ConfigError(
            _("nothing to measure: name a test server with --server, or targets in the configuration")
        )
    return [_without_waiting(job) for job in wanted] if once else wanted


def _only(config: AgentConfig, engine: Engine, server: str | None) -> AgentConfig:
    """Return the configuration with this engine alone, against `server` if there is one."""
    try:
        where = _server_setting(engine, server) if server is not None else {}
        speed = msgspec.structs.replace(config.speed, engines=(engine,), **where)
    except ValueError as error:
        raise ConfigError(f"speed: {error}") from None
    if engine == "http" and speed.url is None:
        raise ConfigError("speed: " + _("engine http needs url, or --server"))
    return msgspec.structs.replace(config, speed=speed)


def _server_setting(engine: Engine, server: str) -> dict[str, Any]:
    """Return the setting that names the engine's server."""
    if engine == "http":
        return {"url": server}
    if engine == "ndt7":
        return {"ndt7_url": server}
    if engine == "iperf3":
        return {"iperf3_servers": (server,)}
    if not (server.isascii() and server.isdigit()):
        raise ValueError(
            _("engine {engine} takes the number of a server, not {server}").format(
                engine=engine, server=repr(server[:80])
            )
        )
    return {"speedtest_server_id": int(server)}


def _as_a_stranger(job: Job) -> Job:
    """Return the speed test without this device's token, which is for the configured testpoint."""
    if not isinstance(job.target, SpeedTarget):
        return job
    return replace(job, target=replace(job.target, own_testpoint=False))


def _without_waiting(job: Job) -> Job:
    return replace(job, target=replace(job.target, line_tries=0, busy_tries=0, skip_busy_line=False))
