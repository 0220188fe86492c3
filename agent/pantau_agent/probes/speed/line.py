"""The line before a test, for every engine: whether others use it, and waiting until they no longer do.

Traffic that others cause during the test shows in the interface ratio instead.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pantau_agent.probes.base import Progress
from pantau_agent.probes.failures import ProbeError

if TYPE_CHECKING:
    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.result import Findings
    from pantau_agent.probes.speed.trial import Trial

BUSY_LINE_BPS = 25_000 * 8
"""Other traffic in one direction above which a line is busy: SamKnows' 25 kB/s."""

LOOK_S = 1.5
"""Long enough that a few packets do not make a line busy, short beside the test itself."""

_REPORT_S = 0.25
_MEGA = 1e6


def await_free_line(trial: Trial, account: LineAccount, findings: Findings) -> None:
    """Look at the line; while others use it, look again as often as the target says. Notes what was found.

    Raises ProbeError `busy` if the line stays busy and the target says to skip the test then, and
    StoppedError. A loopback is no line that others share; where no interface is known nothing can be seen.
    """
    if account.is_loopback or account.others() is None:
        return
    findings.part = "line"
    others_bps = _look_once(trial, account)
    begun_s, tries = time.monotonic(), 0
    while others_bps > BUSY_LINE_BPS and tries < trial.target.line_tries:
        others_bps = _wait_and_look(trial, account, begun_s)
        tries += 1
    findings.line_wait_s = time.monotonic() - begun_s if tries else 0.0
    if others_bps > BUSY_LINE_BPS:
        findings.others_bps = others_bps
        _skip_if_asked(trial, findings.line_wait_s, others_bps)
    findings.part = "server"


def _skip_if_asked(trial: Trial, waited_s: float, others_bps: float) -> None:
    if trial.target.skip_busy_line:
        seen = f"other traffic of {others_bps / _MEGA:.2f} Mbit/s"
        raise ProbeError("busy", f"{seen} on the line, waited {waited_s:.0f} s")


def _wait_and_look(trial: Trial, account: LineAccount, begun_s: float) -> float:
    """Wait so that two looks begin `line_wait_s` apart, look, and return others' traffic in bit/s."""
    target = trial.target
    expected_s = target.line_wait_s * target.line_tries
    until_s = time.monotonic() + max(target.line_wait_s - LOOK_S, 0)
    while (left_s := until_s - time.monotonic()) > 0:
        trial.report(Progress("waiting_line", time.monotonic() - begun_s, expected_s))
        trial.stop.sleep(min(_REPORT_S, left_s))
    return _look_once(trial, account)


def _look_once(trial: Trial, account: LineAccount) -> float:
    """Return others' traffic in the busier direction over `LOOK_S`, bit/s; blocks so long."""
    before, begun_s = account.others(), time.monotonic()
    trial.stop.sleep(LOOK_S)
    return account.others_bps(before, time.monotonic() - begun_s)
