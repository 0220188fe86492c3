"""Runs the checks at the same time; one that crashes or does not end is a line of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pantau_agent.doctor import configuration
from pantau_agent.doctor.findings import Finding, problem
from pantau_agent.doctor.registry import CHECKS, OF_THE_MACHINE
from pantau_agent.doctor.report import looking, print_report
from pantau_agent.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantau_agent.config import AgentConfig
    from pantau_agent.doctor.findings import Check

_LIMIT_S = 30.0


async def run_doctor(path: Path | None, *, as_json: bool = False) -> int:
    """Examine this device and print what was found; return 1 if there is a problem, else 0.

    Where the configuration is wrong that is the first line, and only the machine itself is looked at.
    """
    config, findings = configuration.read(path)
    with looking():
        if config is None:
            findings += await examine(OF_THE_MACHINE, configuration.NOTHING)
        else:
            findings += await examine(CHECKS, config)
    print_report(findings, as_json=as_json)
    return 1 if any(finding.state == "problem" for finding in findings) else 0


async def examine(
    checks: Mapping[str, Check], config: AgentConfig, limit_s: float = _LIMIT_S
) -> list[Finding]:
    """Return what the checks find, in their order."""
    running = [_guarded(name, check, config, limit_s) for name, check in checks.items()]
    return [finding for found in await asyncio.gather(*running) for finding in found]


async def _guarded(name: str, check: Check, config: AgentConfig, limit_s: float) -> list[Finding]:
    try:
        async with asyncio.timeout(limit_s):
            return await check(config)
    except TimeoutError:
        detail = _("this check did not end in {seconds} s").format(seconds=f"{limit_s:g}")
        return [problem(name, detail, _("Try again; if it stays so, report it."))]
    except Exception as error:  # noqa: BLE001 - a fault of one check must not hide what the others found
        detail = _("this check failed: {error}").format(error=f"{type(error).__name__}: {error}")
        return [problem(name, detail, _("This is a fault of the program: report it with this line."))]
