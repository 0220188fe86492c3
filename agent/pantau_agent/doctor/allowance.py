"""What the agent may do: its data budget, and the key for configuration from afar."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pantau_agent import jobs
from pantau_agent.budget import ledger, policy
from pantau_agent.budget.keeper import path_of
from pantau_agent.doctor.findings import Finding, ok, problem, warning
from pantau_agent.errors import BudgetError, RemoteConfigError
from pantau_agent.i18n import _
from pantau_agent.remote.control import RemoteControl

if TYPE_CHECKING:
    from pantau_agent.config import AgentConfig

_MEGA = 1_000_000


async def budget(config: AgentConfig) -> list[Finding]:
    """Tell how much of the month's data is used, and whether tests are left out for it."""
    month_mb = config.budget.month_mb
    if month_mb is None:
        return [ok("budget", _("no limit"))]
    file = path_of(config)
    if not file.exists():
        return [ok("budget", _("nothing used yet of {limit} MB a month").format(limit=f"{month_mb:g}"))]
    try:
        account, reserved_bytes = await asyncio.to_thread(ledger.read, file)
    except BudgetError as error:
        return [problem("budget", str(error), _("Check the disk; the agent puts a damaged file aside."))]
    month = max(account, default="")
    used_bytes = ledger.counted(account.get(month, {})) + reserved_bytes
    limits = policy.Limits(int(month_mb * _MEGA), config.budget.thin_from_ratio)
    detail = _("{used} of {limit} MB used in {month}").format(
        used=f"{used_bytes / _MEGA:.0f}", limit=f"{month_mb:g}", month=month
    )
    return [_judge(detail, policy.state_of(limits, used_bytes))]


def _judge(detail: str, state: policy.BudgetState) -> Finding:
    advice = _("Wait for next month, or raise [budget] month_mb; pantau-agent budget shows where it went.")
    if state == "spent":
        return warning("budget", detail + "; " + _("no speed test runs"), advice)
    if state == "thinned":
        return warning("budget", detail + "; " + _("speed tests run in peak hours only"), advice)
    return ok("budget", detail)


async def remote(config: AgentConfig) -> list[Finding]:
    """Tell whether configuration from afar is taken, and which version is in force."""
    if config.remote.public_key is None:
        return [ok("remote", _("off: no public key is set"))]
    control = RemoteControl(config, jobs.jobs_of)
    try:
        await asyncio.to_thread(control.load)
    except RemoteConfigError as error:
        advice = _("Delete the file: the broker sends the messages again.")
        return [problem("remote", str(error), advice)]
    if control.version is None:
        return [ok("remote", _("on: nothing has been received yet"))]
    return [ok("remote", _("on: version {version} is in force").format(version=control.version))]
