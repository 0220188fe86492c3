"""Turns states and numbers into the reader's language. Message ids are English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.probes.base import Phase, Progress
    from pantau_wire.fields import EndedBy, Failure, LimitedBy

ABSENT = "-"
_MEGA = 1_000_000
_PERCENT = 100


class Words:
    """The words of one language; `translate` is a catalogue's gettext."""

    def __init__(self, translate: Callable[[str], str]) -> None:
        self.translate = translate
        # The last character is what stands between whole number and fraction.
        _ = translate
        self._point = _("decimal point: .")[-1]

    def number(self, value: float | None, unit: str, digits: int = 1) -> str:
        """Return a number with its unit, a dash if it is absent."""
        if value is None:
            return ABSENT
        return f"{value:.{digits}f} {unit}".replace(".", self._point, 1)

    def mbits(self, bps: float | None) -> str:
        """Return a rate in Mbit/s."""
        return self.number(bps / _MEGA if bps is not None else None, "Mbit/s", 2)

    def megabytes(self, count: int) -> str:
        """Return an amount of data in MB (10^6 bytes)."""
        return self.number(count / _MEGA, "MB")

    def percent(self, ratio: float | None) -> str:
        """Return a ratio in percent."""
        return self.number(ratio * _PERCENT if ratio is not None else None, "%")

    def numbers(self, progress: Progress) -> str:
        """Return what is known at this moment: rate and round trip."""
        parts = []
        if progress.rate_bps is not None:
            parts.append(self.mbits(progress.rate_bps))
        if progress.rtd_ms is not None:
            parts.append(self.number(progress.rtd_ms, "ms"))
        return "   ".join(parts)

    def job(self, name: str, target: Any) -> str:
        """Return a job's title, and where it goes if the target tells."""
        _ = self.translate
        titles = {
            "latency-gateway": _("Delay to the gateway"),
            "latency-testpoint": _("Delay to the test server"),
            "latency-internet": _("Delay to the internet"),
        }
        title = self.speed(name.partition("-")[2]) if name.startswith("speed") else titles.get(name, name)
        servers = ", ".join(getattr(target, "servers", ()))
        where = getattr(target, "url", None) or getattr(target, "host", None) or servers
        return f"{title} ({where})" if where else title

    def speed(self, engine: str) -> str:
        """Return the title of a speed test; the engine of ours needs no name."""
        _ = self.translate
        return (
            _("Speed test") if engine in ("", "http") else _("Speed test with {engine}").format(engine=engine)
        )

    def phase(self, phase: Phase) -> str:
        """Return what a probe is doing."""
        _ = self.translate
        return {
            "idle": _("Delay while idle"),
            "download": _("Download"),
            "upload": _("Upload"),
            "probes": _("Delay"),
            "waiting": _("The server is busy: waiting"),
            "waiting_line": _("Other traffic on the line: waiting"),
        }[phase]

    def target(self, target: Literal["gateway", "testpoint", "internet"]) -> str:
        """Return whom a latency probe asked."""
        return self.job(f"latency-{target}", None)

    def end(self, ended_by: EndedBy) -> str:
        """Return why a direction of a speed test ended."""
        _ = self.translate
        return {
            "time": _("after the full time"),
            "stable": _("as soon as the rate was stable"),
            "budget": _("because its data was used up"),
        }[ended_by]

    def limit(self, limited_by: LimitedBy) -> str:
        """Return what held a speed test back."""
        _ = self.translate
        return {
            "none": _("only the line"),
            "device": _("this device"),
            "busy_line": _("other traffic on the line"),
            "budget": _("the data budget"),
            "server": _("the test server"),
        }[limited_by]

    def failure(self, failure: Failure) -> str:
        """Return why a measurement failed."""
        _ = self.translate
        return {
            "unreachable": _("nobody answers"),
            "timeout": _("it did not end in time"),
            "refused": _("the server refused"),
            "busy": _("the test server has no place free"),
            "name_resolution": _("the server's name is not known"),
            "protocol": _("something else than a test server answers"),
            "permission": _("this machine does not permit it"),
            "unsupported": _("this machine cannot do it"),
            "budget": _("the data budget does not allow it"),
            "internal": _("a fault of this program"),
        }[failure]

    def advice(self, failure: Failure) -> str:
        """Return what to do about a failure."""
        _ = self.translate
        return {
            "unreachable": _("Check cable or Wi-Fi, and whether the router has power and internet."),
            "timeout": _("The line may be very slow or broken off. Try again in a few minutes."),
            "refused": _(
                "Check address and port of the server in the configuration; with HTTP 401 see the detail."
            ),
            "busy": _("Try again in a few minutes."),
            "name_resolution": _("Check the server's name in the configuration, then the router's DNS."),
            "protocol": _("Check the address; a login page of this network may stand in between."),
            "permission": _("Install the agent by its role, or choose another method in the configuration."),
            "unsupported": _("Check the configuration; the detail says what is missing."),
            "budget": _("Wait for next month, or raise the budget in the configuration."),
            "internal": _("Please report it together with the detail."),
        }[failure]
