"""Shows the findings: a line each with what to do below it, or one JSON object."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pantau_agent.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_agent.doctor.findings import Finding, State

_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@contextlib.contextmanager
def looking() -> Iterator[None]:
    """Show on a terminal that the checks are running."""
    console = Console(stderr=True)
    with console.status(_("Looking …")) if console.is_terminal else contextlib.nullcontext():
        yield


def print_report(findings: Sequence[Finding], *, as_json: bool, console: Console | None = None) -> None:
    """Print them in their order; names and states in JSON are English, texts in the reader's language."""
    if as_json:
        good = not any(finding.state == "problem" for finding in findings)
        octets = msgspec.json.encode({"checks": findings, "ok": good})
        sys.stdout.write(msgspec.json.format(octets, indent=2).decode() + "\n")
        return
    console = console or Console()
    if console.is_terminal:
        console.print(_table(findings))
    else:
        _print_lines(findings, console)
    console.print(Text(_summary(findings), style="bold"), soft_wrap=True)


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        state = Text(_state(finding.state), style=_STYLES[finding.state])
        table.add_row(state, Text.assemble((_title(finding.name), "bold"), f": {finding.detail}"))
        if finding.advice is not None:
            table.add_row("", Text(f"{_advice_mark()}: {finding.advice}", style="cyan"))
    return table


def _print_lines(findings: Sequence[Finding], console: Console) -> None:
    for finding in findings:
        advice = f" | {_advice_mark()}: {finding.advice}" if finding.advice is not None else ""
        line = f"{_state(finding.state)}: {_title(finding.name)}: {finding.detail}{advice}"
        console.print(Text(line), soft_wrap=True)


def _advice_mark() -> str:
    return _("What to do")


def _state(state: State) -> str:
    return {"ok": _("ok"), "warning": _("warning"), "problem": _("problem")}[state]


def _title(name: str) -> str:
    """Return what a check is called; engines and programs' names are the same in every language."""
    titles = {
        "configuration": _("Configuration"),
        "configuration-mode": _("Configuration, secrets"),
        "clock": _("Clock"),
        "clock-offset": _("Clock, compared"),
        "route": _("Route"),
        "link": _("Link"),
        "dns": _("Names (DNS)"),
        "broker": _("Broker"),
        "broker-certificate": _("Broker, certificate"),
        "broker-key": _("Broker, private key"),
        "broker-tcp": _("Broker, connection"),
        "broker-tls": _("Broker, TLS"),
        "broker-login": _("Broker, login"),
        "latency": _("Delay"),
        "latency-gateway": _("Delay to the gateway"),
        "latency-testpoint": _("Delay to the test server"),
        "latency-internet": _("Delay to the internet"),
        "icmp": _("ICMP"),
        "engines": _("Speed test"),
        "engine-http": _("Speed test"),
        "spool": _("Spool"),
        "disk": _("Disk"),
        "budget": _("Data budget"),
        "remote": _("Configuration from afar"),
    }
    return titles.get(name) or _("Speed test with {engine}").format(engine=name.removeprefix("engine-"))


def _summary(findings: Sequence[Finding]) -> str:
    problems = sum(finding.state == "problem" for finding in findings)
    warnings = sum(finding.state == "warning" for finding in findings)
    return _("{problems} problem(s), {warnings} warning(s)").format(problems=problems, warnings=warnings)
