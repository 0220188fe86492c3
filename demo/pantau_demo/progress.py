"""What the person at the terminal sees while the demo runs: each speed result, and a sign of life."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pantau_demo.stack import ask_portal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_demo.stack import Stack

_LIFE_SIGN_S = 10.0
_MEGA = 1e6


class Ticker:
    """Asks the collector now and then and says what is new."""

    def __init__(self, started: Stack, say: Callable[[str], None]) -> None:
        """Begin to count the time."""
        self._stack = started
        self._say = say
        self._began = time.monotonic()
        self._last_life_sign_s = 0.0
        self._seen_speed_ns = 0
        self._seen_first = False

    @property
    def elapsed_s(self) -> float:
        """Seconds since the parts were started."""
        return time.monotonic() - self._began

    def tick(self) -> None:
        """Look once, and say what is new."""
        found = ask_portal(self._stack, f"api/v1/devices/{self._stack.device}")
        if found is None:
            return
        latest: dict[str, Any] = found["latest"]
        speed = latest.get("speed")
        if speed is not None and speed["time_ns"] > self._seen_speed_ns:
            self._seen_speed_ns = speed["time_ns"]
            self._line(_speed_text(speed["values"]))
        elif self.elapsed_s - self._last_life_sign_s >= _LIFE_SIGN_S or (latest and not self._seen_first):
            self._line(_life_text(found["counts"], latest))
        self._seen_first = self._seen_first or bool(latest)

    def _line(self, text: str) -> None:
        self._last_life_sign_s = self.elapsed_s
        self._say(f"  {self.elapsed_s:6.1f} s  {text}")


def _speed_text(values: dict[str, Any]) -> str:
    if values["failure"] is not None:
        return f"speed test failed: {values['failure']}: {values['failure_detail']}"
    down, up = values["download_goodput_bps"], values["upload_goodput_bps"]
    return (
        f"speed: {down / _MEGA:,.0f} Mbit/s down, {up / _MEGA:,.0f} up"
        f" (limited by: {values['limited_by']}; all on this machine)"
    )


def _life_text(counts: dict[str, int], latest: dict[str, Any]) -> str:
    text = f"{sum(counts.values())} measurements stored"
    latency = latest.get("latency", {}).get("values", {})
    if latency.get("rtd_p50_ms") is not None:
        text += f", round-trip delay {latency['rtd_p50_ms']:.2f} ms"
    if "speed" not in latest:
        text += ", first speed test under way"
    return text
