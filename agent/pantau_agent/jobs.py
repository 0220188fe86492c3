"""What the configuration asks to be measured: the one place where settings become probes with targets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pantau_agent.errors import ConfigError
from pantau_agent.probes import PROBES
from pantau_agent.probes.device import DeviceTarget
from pantau_agent.probes.dns import SYSTEM, DnsTarget
from pantau_agent.probes.http import HttpTarget
from pantau_agent.probes.latency import LatencyTarget
from pantau_agent.probes.link import LinkTarget
from pantau_agent.probes.speed import SpeedTarget
from pantau_agent.probes.traffic import TrafficTarget
from pantau_agent.scheduler import Job
from pantau_wire.fields import Device, Dns, Http, Latency, Link, Speed, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pantau_agent.config import AgentConfig, LatencyTargetConfig
    from pantau_agent.config.settings import Engine, SpeedConfig
    from pantau_wire.fields import AnyMeasurement

_GRACE_S = 30.0  # beyond the planned time, before a run is given up
_SPREAD = 0.8  # of a period in which the packets are sent; the rest is for late answers
_BUSY_WAITS_S = 120.0  # what a busy server may cost a speed test
_DEFAULT_INTERFACE = "default"
_DAY_S = 86_400.0


def jobs_of(config: AgentConfig) -> list[Job]:
    """Return the jobs; raises `ConfigError` for settings that contradict each other."""
    return [replace(job, spread_ratio=config.start_spread_ratio) for job in _jobs(config)]


def speed_jobs(config: AgentConfig) -> list[Job]:
    """Return the speed test of each engine whose server is known."""
    return [job for job in jobs_of(config) if job.name.startswith("speed")]


def latency_jobs(config: AgentConfig) -> list[Job]:
    """Return the latency probe of each target."""
    return [job for job in jobs_of(config) if job.name.startswith("latency")]


def _jobs(config: AgentConfig) -> Iterator[Job]:
    if config.traffic.enabled:
        yield _traffic(config)
    for target in config.latency.targets:
        yield _latency(config, target)
    for engine in config.speed.engines:
        if _has_server(config.speed, engine):
            yield _speed(config, engine)
    for name in config.dns.names:
        yield _dns(config, name)
    for page in config.http.pages:
        yield _http(config, page)
    if config.link.enabled:
        yield _job(
            "link",
            lambda: LinkTarget(ask_gateway=config.link.ask_gateway),
            period_s=config.link.period_s,
            timeout_s=_GRACE_S,
            blank=Link(interface=_DEFAULT_INTERFACE),
        )
    if config.device_health.enabled:
        yield _job(
            "device",
            DeviceTarget,
            period_s=config.device_health.period_s,
            timeout_s=_GRACE_S,
            blank=Device(),
        )


def _traffic(config: AgentConfig) -> Job:
    section = config.traffic
    return _job(
        "traffic",
        lambda: TrafficTarget(
            interface=section.interface, period_s=section.period_s, sample_s=section.sample_s
        ),
        period_s=section.period_s,
        timeout_s=section.period_s + _GRACE_S,
        blank=Traffic(source="host", interface=section.interface or _DEFAULT_INTERFACE),
    )


def _latency(config: AgentConfig, wanted: LatencyTargetConfig) -> Job:
    section = config.latency
    return _job(
        "latency",
        lambda: LatencyTarget(
            target=wanted.target,
            host=wanted.host,
            tcp_port=wanted.tcp_port,
            stamp_port=wanted.stamp_port,
            method=wanted.method,
            count=section.packets_count,
            spread_s=section.period_s * _SPREAD,
            timeout_s=section.timeout_s,
        ),
        period_s=section.period_s,
        timeout_s=section.period_s + section.timeout_s + _GRACE_S,
        blank=Latency(target=wanted.target, method="icmp" if wanted.method == "auto" else wanted.method),
        name=f"latency-{wanted.target}",
    )


def _has_server(section: SpeedConfig, engine: Engine) -> bool:
    """Tell whether it is known where the engine tests; the one that is there by default may lack it."""
    return engine != "http" or section.url is not None


def _speed(config: AgentConfig, engine: Engine) -> Job:
    section = config.speed
    return _job(
        "speed",
        lambda: SpeedTarget(
            engine=engine,
            url=section.ndt7_url if engine == "ndt7" else section.url if engine == "http" else None,
            servers=section.iperf3_servers if engine == "iperf3" else (),
            server_id=section.speedtest_server_id,
            download_s=section.download_s,
            upload_s=section.upload_s,
            download_discard_s=section.download_discard_s,
            upload_discard_s=section.upload_discard_s,
            streams=section.streams_count,
            max_bytes=section.max_bytes,
            line_wait_s=section.busy_line_wait_s,
            line_tries=section.busy_line_tries,
            skip_busy_line=section.busy_line == "skip",
            stable_stop=section.stable_stop,
        ),
        period_s=section.period_s or _DAY_S / section.tests_per_day,
        timeout_s=section.download_s
        + section.upload_s
        + _BUSY_WAITS_S
        + section.busy_line_wait_s * section.busy_line_tries
        + _GRACE_S,
        blank=Speed(engine=engine),
        name="speed" if engine == "http" else f"speed-{engine}",
    )


def _dns(config: AgentConfig, name: str) -> Job:
    section = config.dns
    return _job(
        "dns",
        lambda: DnsTarget(name=name, timeout_s=section.timeout_s),
        period_s=section.period_s,
        timeout_s=section.timeout_s + _GRACE_S,
        blank=Dns(resolver=SYSTEM, name=name),
        name=f"dns-{name}",
    )


def _http(config: AgentConfig, page: str) -> Job:
    section = config.http
    return _job(
        "http",
        lambda: HttpTarget(url=page, timeout_s=section.timeout_s, max_bytes=section.max_bytes),
        period_s=section.period_s,
        timeout_s=section.timeout_s + _GRACE_S,
        blank=Http(page=page),
        name=f"http-{page}",
    )


def _job(
    probe: str,
    target: Callable[[], Any],
    *,
    period_s: float,
    timeout_s: float,
    blank: AnyMeasurement,
    name: str | None = None,
) -> Job:
    try:
        made = target()
    except ValueError as error:
        raise ConfigError(f"{probe}: {error}") from None
    return Job(name or probe, PROBES[probe], made, period_s, timeout_s, blank)
