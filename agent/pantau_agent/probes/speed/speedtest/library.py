"""Starting the helper, reading its lines, and what its errors mean."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pantau_agent.probes.failures import ProbeError, error_of
from pantau_agent.probes.speed.child import Child
from pantau_agent.probes.speed.transport.errors import ProtocolError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.probes.speed.transport.connection import Stop

_HELPER = Path(__file__).with_name("helper.py")
_FORBIDDEN = 403
_NOT_THERE_MS = 600_000
"""The library counts an hour for a ping that failed, and divides three of them by six: so much for one."""

Line = dict[str, Any]


def unavailable() -> str | None:
    """Return what to install, None if the library is there."""
    if importlib.util.find_spec("speedtest") is None:
        return "speedtest-cli is not installed: pip install 'pantau[speedtest]'"
    return None


class Lines:
    """Hands out a helper's lines, parsed, as they come."""

    def __init__(self, child: Child, take: Callable[[Line], None]) -> None:
        self._child = child
        self._take = take
        self._read_bytes = 0

    def look(self) -> None:
        """Take the lines that came since the last look. Raises ProbeError for one that tells of an error."""
        output = self._child.output
        while (end := output.find(b"\n", self._read_bytes)) >= 0:
            line = _parsed(bytes(output[self._read_bytes : end]))
            self._read_bytes = end + 1
            self._take(line)
            if "error" in line:
                raise failure_of(line)


def run_helper(stop: Stop, timeout_s: float, take: Callable[[Line, Child], None], *arguments: object) -> None:
    """Run the helper to its end; `take` gets each line. Raises ProbeError and StoppedError."""
    # -P: its own folder has no place among those where modules are looked for.
    command = [sys.executable, "-P", "-W", "ignore", str(_HELPER), *map(str, arguments)]
    with Child(command) as child:
        lines = Lines(child, lambda line: take(line, child))
        child.read_to_end(stop, timeout_s, lines.look)
        lines.look()
        if child.failed():
            raise ProtocolError(f"speedtest-cli fails: {_last_line(child.complaints)}")


def _last_line(complaints: bytearray) -> str:
    return complaints.decode(errors="replace").strip().rpartition("\n")[2]


def _parsed(line: bytes) -> Line:
    try:
        values = json.loads(line)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ProtocolError(f"speedtest-cli prints something else: {line[:60]!r}")
    return values


def ping_ms(line: Line) -> float | None:
    """Return the delay to the server that was chosen, None if a ping failed.

    Raises ProbeError `unreachable` if not one came back.
    """
    found = float(line["ping_ms"])
    if found >= 3 * _NOT_THERE_MS:
        raise ProbeError("unreachable", "none of the servers that speedtest.net names answers")
    return found if found < _NOT_THERE_MS else None


def failure_of(line: Line) -> ProbeError:
    """Return the typed failure for a line that tells of an error."""
    cause, said = line.get("cause", {}), f"{line['error']}: {line.get('text', '')}"
    if line["error"] == "NoMatchedServers":
        return RefusedError("speedtest.net lists no server with this id", 0)
    if line["error"] == "SpeedtestBestServerFailure":
        return ProbeError("unreachable", "speedtest.net names no server that answers")
    if "http_status" in cause:
        return _refused(int(cause["http_status"]))
    if "errno" in cause:
        return error_of(OSError(cause["errno"], os.strerror(cause["errno"])), "ask speedtest.net")
    if cause.get("name"):
        return ProbeError("name_resolution", "look up www.speedtest.net: no answer; is there internet?")
    return ProtocolError(f"speedtest.net: {said}")


def _refused(status: int) -> RefusedError:
    advice = ": test less often, or take another engine" if status == _FORBIDDEN else ""
    return RefusedError(f"speedtest.net refuses to name servers: HTTP {status}{advice}", status)
