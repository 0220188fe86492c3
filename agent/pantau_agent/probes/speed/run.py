"""One test from beginning to end, the same for every engine; blocks, in a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.probes import host_limits
from pantau_agent.probes.failures import ProbeError, printable
from pantau_agent.probes.speed.account import LineAccount
from pantau_agent.probes.speed.engines import ENGINES
from pantau_agent.probes.speed.line import await_free_line
from pantau_agent.probes.speed.result import Findings
from pantau_agent.probes.speed.transport.server import locate, server_name

if TYPE_CHECKING:
    from pantau_agent.probes.speed.target import SpeedTarget
    from pantau_agent.probes.speed.trial import Trial


def run(trial: Trial) -> Findings:
    """Run the test. The first part that fails ends it, and what was found until then stays.

    Raises nothing but StoppedError.
    """
    findings = Findings(engine=trial.target.engine, server=_place(trial.target))
    try:
        _run(trial, findings)
    except ProbeError as error:
        findings.error = error
    findings.note_small_budget()
    return findings


def _place(target: SpeedTarget) -> str:
    """Return where the test goes, as far as the configuration tells: host and port of a URL."""
    if target.url is None:
        return printable(", ".join(target.servers) or target.engine)
    try:
        location = locate(target.url)
    except ProbeError:
        return printable(target.url)
    return server_name(location.hostname, location.port)


def _run(trial: Trial, findings: Findings) -> None:
    engine = ENGINES[trial.target.engine]
    reason = engine.unavailable()
    if reason is not None:
        raise ProbeError("unsupported", reason)
    test = engine.prepare(trial)
    findings.server = test.server
    account = LineAccount(test.address, trial.test_traffic)
    await_free_line(trial, account, findings)
    trial.begins()
    findings.host_limits.append(host_limits.read(account.interface))
    try:
        test.run(findings, account)
    finally:
        findings.host_limits.append(host_limits.read(account.interface))
