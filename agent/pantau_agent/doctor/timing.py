"""The clock: without it certificates fail, and measurements wait for their time."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email.utils
import ssl
import time
from typing import TYPE_CHECKING

from pantau_agent import clock as machine_clock
from pantau_agent.doctor.findings import Finding, ok, problem, warning
from pantau_agent.i18n import _
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.http import HttpTarget
from pantau_agent.probes.http_reply import MAX_HEAD_BYTES, read_head
from pantau_wire import codec

if TYPE_CHECKING:
    from pantau_agent.config import AgentConfig

_ANSWER_S = 8.0
_NOTED_S, _WRONG_S = 5.0, 300.0
_SECOND_S = 1.0  # HTTP's Date has whole seconds


async def clock(config: AgentConfig) -> list[Finding]:  # noqa: ARG001 - the signature of all checks
    """Tell whether the clock is synchronised, and whether it can be right at all."""
    return [judge_clock(time.time_ns(), machine_clock.clock_state())]


def judge_clock(time_ns: int, state: str) -> Finding:
    """Return what the clock's reading and the kernel's word mean."""
    shown = dt.datetime.fromtimestamp(time_ns // 10**9, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if time_ns < codec.EARLIEST_NS:
        detail = _("it is {time}: the clock was lost with the power").format(time=shown)
        advice = _(
            "Connect to a network with NTP, or set it: sudo date -u -s 'YYYY-MM-DD HH:MM'. With a wrong clock"
            " no certificate is accepted; install fake-hwclock so that it survives a power cut."
        )
        return problem("clock", detail, advice)
    if state == "synced":
        return ok("clock", _("{time}, synchronised").format(time=shown))
    detail = _("{time}, not known to be synchronised").format(time=shown)
    advice = _(
        "Let systemd-timesyncd or chrony reach an NTP server, the testpoint for one. Until then the agent"
        " takes the time from the collector."
    )
    return warning("clock", detail, advice)


async def clock_offset(config: AgentConfig) -> list[Finding]:
    """Compare the clock with the test server's, from the Date of its answer (whole seconds)."""
    if config.speed.url is None:
        return []
    try:
        offset_s = await _offset_s(config.speed.url)
    except (OSError, ProbeError, ValueError, TimeoutError):
        return []  # what is wrong with the server stands in the engine's line
    return [judge_offset(offset_s)] if offset_s is not None else []


def judge_offset(offset_s: float) -> Finding:
    """Return what it means that our clock is so far ahead of the test server's."""
    name, size_s = "clock-offset", abs(offset_s)
    if size_s < _NOTED_S:
        return ok(
            name, _("the test server's clock agrees to within {seconds} s").format(seconds=int(_NOTED_S))
        )
    shown = f"{size_s:.0f}"
    if offset_s > 0:
        detail = _("this clock is {seconds} s ahead of the test server's").format(seconds=shown)
    else:
        detail = _("this clock is {seconds} s behind the test server's").format(seconds=shown)
    advice = _("Find out which of the two is wrong, and let it be synchronised by NTP.")
    return problem(name, detail, advice) if size_s >= _WRONG_S else warning(name, detail, advice)


async def _offset_s(url: str) -> float | None:
    """Return how far our clock is ahead of the server's, None if it does not tell.

    The certificate is not verified: with a wrong clock it could not be, and nothing rests on the answer.
    """
    target = HttpTarget(url=url)
    secure = target.parts.scheme == "https"
    tls = ssl._create_unverified_context() if secure else None  # noqa: S323, SLF001 - see above
    async with asyncio.timeout(_ANSWER_S):
        reader, writer = await asyncio.open_connection(
            target.host, target.port, ssl=tls, limit=MAX_HEAD_BYTES
        )
        try:
            begun_s = time.time()
            writer.write(target.request())
            head = await read_head(reader, b"")
            middle_s = (begun_s + time.time()) / 2
        finally:
            with contextlib.suppress(OSError):
                writer.transport.abort()
    if "date" not in head.headers:
        return None
    server = email.utils.parsedate_to_datetime(head.headers["date"])
    return middle_s - server.timestamp() - _SECOND_S / 2
