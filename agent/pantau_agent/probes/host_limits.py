"""What of this device may limit a speed test: the rate of its link, and a processor that is slowed down."""

from __future__ import annotations

from typing import NamedTuple

from pantau_agent.probes import attachment, throttling, wifi


class HostLimits(NamedTuple):
    """The limits at one moment; None where unknown.

    `negotiated_bps` is the wired link's rate, `wifi_rate_bps` the rate at which Wi-Fi frames were last sent:
    of that, about half is left for data.
    """

    negotiated_bps: float | None = None
    wifi_rate_bps: float | None = None
    throttled: bool | None = None
    half_duplex: bool | None = None


def read(interface: str | None) -> HostLimits:
    """Return the limits that hold for tests over `interface`, None for an unknown one; takes a few ms."""
    throttled = throttling.read().now
    if interface is None:
        return HostLimits(throttled=throttled)
    attached = attachment.attachment(interface)
    return HostLimits(
        negotiated_bps=attached.negotiated_bps,
        wifi_rate_bps=wifi.wifi_link(interface).rate_bps if attachment.medium(interface) == "wifi" else None,
        throttled=throttled,
        half_duplex=attached.half_duplex,
    )
