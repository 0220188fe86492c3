"""What the configuration asks to be measured: the one place where settings become probes with targets."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from pantau_agent.budget.policy import HEADERS_RATIO, Cost
from pantau_agent.config.settings import Secret
from pantau_agent.errors import ConfigError
from pantau_agent.probes import PROBES
from pantau_agent.probes.device import DeviceTarget
from pantau_agent.probes.dns import DnsTarget
from pantau_agent.probes.http import HttpTarget
from pantau_agent.probes.latency import LatencyTarget
from pantau_agent.probes.link import LinkTarget
from pantau_agent.probes.speed import SpeedTarget
from pantau_agent.probes.stamp_key import read_key
from pantau_agent.probes.traffic import RouterTarget, TrafficTarget
from pantau_agent.scheduler import Job
from pantau_agent.schedules import Daily, Periodic
from pantau_agent.strata import Strata
from pantau_wire.fields import Device, Dns, Http, Latency, Link, Speed, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pantau_agent.config import AgentConfig, LatencyTargetConfig
    from pantau_agent.config.settings import Engine, RouterConfig, SpeedConfig
    from pantau_agent.scheduler import LineUse
    from pantau_agent.schedules import Schedule
    from pantau_wire.fields import AnyMeasurement

_GRACE_S = 30.0  # beyond the planned time, before a run is given up
_SPREAD = 0.8  # of a period in which the packets are sent; the rest is for late answers
_BUSY_WAITS_S = 120.0  # what a busy server may cost a speed test
_DEFAULT_INTERFACE = "default"
_BITS = 8
_GUESSED_RATE_BPS = 20_000_000  # of a line that was never tested: what its first test may cost


def jobs_of(config: AgentConfig) -> list[Job]:
    """Return the jobs; raises `ConfigError` for settings that contradict each other."""
    return list(_jobs(config))


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
    for name, resolver in product(config.dns.names, config.dns.resolvers):
        yield _dns(config, name, resolver)
    for page in config.http.pages:
        yield _http(config, page)
    if config.link.enabled:
        yield _job(
            "link",
            lambda: LinkTarget(ask_gateway=config.link.ask_gateway),
            schedule=_every(config, config.link.period_s),
            timeout_s=_GRACE_S,
            blank=Link(interface=_DEFAULT_INTERFACE),
        )
    if config.device_health.enabled:
        yield _job(
            "device",
            DeviceTarget,
            schedule=_every(config, config.device_health.period_s),
            timeout_s=_GRACE_S,
            blank=Device(),
        )


def _traffic(config: AgentConfig) -> Job:
    section = config.traffic
    router = section.router
    return _job(
        "traffic",
        lambda: TrafficTarget(
            interface=section.interface,
            router=None if router is None else _router(router),
            period_s=section.period_s,
            sample_s=section.sample_s,
        ),
        schedule=_every(config, section.period_s),
        timeout_s=section.period_s + _GRACE_S,
        blank=Traffic(source="host", interface=section.interface or _DEFAULT_INTERFACE)
        if router is None
        else Traffic(source="router", interface=router.interface),
    )


def _router(section: RouterConfig) -> RouterTarget:
    """Return the target; its fields are those of the section, with the secrets opened."""
    settings: dict[str, Any] = {name: getattr(section, name) for name in section.__struct_fields__}
    for name, value in settings.items():
        settings[name] = value.value if isinstance(value, Secret) else value
    return RouterTarget(**settings)


def _latency(config: AgentConfig, wanted: LatencyTargetConfig) -> Job:
    section = config.latency
    return _job(
        "latency",
        lambda: LatencyTarget(
            target=wanted.target,
            host=wanted.host,
            tcp_port=wanted.tcp_port,
            stamp_port=wanted.stamp_port,
            stamp_key=read_key(wanted.stamp_key_file) if wanted.stamp_key_file else None,
            method=wanted.method,
            count=section.packets_count,
            spread_s=section.period_s * _SPREAD,
            timeout_s=section.timeout_s,
        ),
        schedule=_every(config, section.period_s),
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
            own_testpoint=engine == "http",
        ),
        schedule=_speed_schedule(config, engine),
        timeout_s=section.download_s
        + section.upload_s
        + _BUSY_WAITS_S
        + section.busy_line_wait_s * section.busy_line_tries
        + _GRACE_S,
        blank=Speed(engine=engine),
        name="speed" if engine == "http" else f"speed-{engine}",
        line="loads",
        cost=_speed_cost(section),
    )


def _speed_schedule(config: AgentConfig, engine: Engine) -> Schedule:
    section = config.speed
    if section.period_s is not None:
        return _every(config, section.period_s)
    strata = Strata(config.device, engine, section.tests_per_day, section.peak, section.peak_share_ratio)
    return Daily(strata, config.zone)


def _speed_cost(section: SpeedConfig) -> Cost:
    """Return what tests cost, both ways: at most their bound, or what a guessed rate takes at first."""
    if section.max_bytes is not None:
        most_bytes = round(section.max_bytes * HEADERS_RATIO)
        return Cost(heavy=True, first_bytes=most_bytes, most_bytes=most_bytes)
    payload_bytes = (section.download_s + section.upload_s) * _GUESSED_RATE_BPS / _BITS
    return Cost(heavy=True, first_bytes=round(payload_bytes * HEADERS_RATIO))


def _dns(config: AgentConfig, name: str, resolver: str) -> Job:
    section = config.dns
    return _job(
        "dns",
        lambda: DnsTarget(name=name, resolver=resolver, timeout_s=section.timeout_s),
        schedule=_every(config, section.period_s),
        timeout_s=section.timeout_s + _GRACE_S,
        blank=Dns(resolver=resolver, name=name),
        name=f"dns-{name}@{resolver}",
        line="avoids",
    )


def _http(config: AgentConfig, page: str) -> Job:
    section = config.http
    return _job(
        "http",
        lambda: HttpTarget(url=page, timeout_s=section.timeout_s, max_bytes=section.max_bytes),
        schedule=_every(config, section.period_s),
        timeout_s=section.timeout_s + _GRACE_S,
        blank=Http(page=page),
        name=f"http-{page}",
        line="avoids",
        cost=Cost(heavy=False),
    )


def _job(
    probe: str,
    target: Callable[[], Any],
    *,
    schedule: Schedule,
    timeout_s: float,
    blank: AnyMeasurement,
    name: str | None = None,
    line: LineUse = "any",
    cost: Cost | None = None,
) -> Job:
    try:
        made = target()
    except ValueError as error:
        raise ConfigError(f"{probe}: {error}") from None
    return Job(name or probe, PROBES[probe], made, schedule, timeout_s, blank, line, cost)


def _every(config: AgentConfig, period_s: float) -> Periodic:
    return Periodic(period_s, config.start_spread_ratio)
