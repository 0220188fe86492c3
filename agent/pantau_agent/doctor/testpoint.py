"""What the measurements talk to: latency targets, test servers, and the engines on this device."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from pantau_agent import jobs
from pantau_agent.doctor.findings import Finding, ok, problem, warning
from pantau_agent.i18n import _
from pantau_agent.probes.base import Context, TestTraffic
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.engines import ENGINES
from pantau_agent.probes.speed.transport.connection import Stop
from pantau_agent.probes.speed.transport.errors import BusyError, TokenWantedError
from pantau_agent.probes.speed.trial import Trial
from pantau_agent.scheduler import measure
from pantau_agent.testpoint_token import TokenKeeper

if TYPE_CHECKING:
    from pantau_agent.config import AgentConfig
    from pantau_agent.probes.speed import SpeedTarget
    from pantau_agent.scheduler import Job
    from pantau_wire.fields import Latency

_PACKETS, _SPREAD_S, _ANSWER_S = 4, 0.8, 2.0
_SERVER_S = 8.0


async def latency(config: AgentConfig) -> list[Finding]:
    """Send some packets to each latency target, as the agent would."""
    return list(await asyncio.gather(*(_target(job) for job in jobs.latency_jobs(config))))


async def _target(job: Job) -> Finding:
    target = replace(job.target, count=_PACKETS, spread_s=_SPREAD_S, timeout_s=_ANSWER_S)
    _stamp, found = await measure(replace(job, target=target), Context())
    return judge_latency(job.name, found, target.stamp_port)  # type: ignore[arg-type]


def judge_latency(name: str, found: Latency, stamp_port: int | None) -> Finding:
    """Return what the answers of a target mean; `stamp_port` is where a reflector should have answered."""
    detail = f"{found.server or '-'}, {found.method}"
    if found.failure is not None:
        advice = _("Check host and port in [latency] targets; then the cable, the router, the firewall.")
        return problem(name, f"{detail}: {found.failure_detail}", advice)
    detail += ": " + _("{received} of {sent} answers").format(
        received=found.received_count, sent=found.sent_count
    )
    if not found.received_count:
        advice = _("Check whether it runs and the firewall lets {method} pass.").format(method=found.method)
        return problem(name, detail, advice)
    if stamp_port is not None and found.method != "stamp":
        detail += "; " + _("no STAMP answer from port {port}").format(port=stamp_port)
        return warning(
            name, detail, _("Start the testpoint's reflector, and open its UDP port in the firewall.")
        )
    return ok(name, f"{detail}, {found.rtd_p50_ms:g} ms")


async def engines(config: AgentConfig) -> list[Finding]:
    """Tell of each engine whether it can run, and of ours whether its server speaks its dialect."""
    tokens = TokenKeeper(config.spool.path)
    found = [asyncio.to_thread(_engine, job.target, tokens) for job in jobs.speed_jobs(config)]
    return list(await asyncio.gather(*found))


def _engine(target: SpeedTarget, tokens: TokenKeeper) -> Finding:
    name = f"engine-{target.engine}"
    reason = ENGINES[target.engine].unavailable()
    if reason is not None:
        return problem(name, reason, _("Install it, or take the engine out of [speed] engines."))
    if target.engine != "http":
        return ok(name, _("available"))
    return _test_server(name, replace(target, timeout_s=_SERVER_S, busy_tries=0), tokens)


def _test_server(name: str, target: SpeedTarget, tokens: TokenKeeper) -> Finding:
    trial = Trial(
        target=target,
        test_traffic=TestTraffic(),
        report=lambda _progress: None,
        stop=Stop(),
        testpoint_token=tokens.current,
    )
    try:
        ENGINES[target.engine].prepare(trial)
    except BusyError as error:
        return warning(name, f"{target.url}: {error.detail}", _("Nothing: the agent comes back by itself."))
    except TokenWantedError as error:
        advice = _("Let the agent run until a collector has answered it; the device must be registered.")
        return problem(name, f"{target.url}: {error.detail}", advice)
    except ProbeError as error:
        advice = {
            "name_resolution": _("Check the name in [speed] url, then DNS."),
            "protocol": _("Check [speed] url; a login page of this network may stand in between."),
        }.get(
            error.failure,
            _("Check [speed] url, and whether the testpoint runs and the firewall lets it pass."),
        )
        return problem(name, f"{target.url}: {error.detail}", advice)
    return ok(name, _("{url} answers as a test server").format(url=target.url))
