"""The health of the device and of the agent on it."""

from __future__ import annotations

from pantau_agent.probes.device.probe import DeviceFiles, DeviceProbe, DeviceTarget

__all__ = ["DeviceFiles", "DeviceProbe", "DeviceTarget"]
