"""The engines by name. Adding one means a line here, and its name in the wire's table of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.probes.speed.http.engine import HttpEngine
from pantau_agent.probes.speed.iperf3.engine import Iperf3Engine
from pantau_agent.probes.speed.ndt7.engine import Ndt7Engine
from pantau_agent.probes.speed.speedtest.compat import SpeedtestCompatEngine
from pantau_agent.probes.speed.speedtest.engine import SpeedtestEngine

if TYPE_CHECKING:
    from pantau_agent.config.settings import Engine as EngineName
    from pantau_agent.probes.speed.engine import Engine

ENGINES: dict[EngineName, Engine] = {
    "http": HttpEngine(),
    "ndt7": Ndt7Engine(),
    "iperf3": Iperf3Engine(),
    "speedtest": SpeedtestEngine(),
    "speedtest-compat": SpeedtestCompatEngine(),
}
