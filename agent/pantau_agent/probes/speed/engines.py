"""The engines by name. Adding one means a line here, and its name in the wire's table of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.probes.speed.http.engine import HttpEngine

if TYPE_CHECKING:
    from pantau_agent.config.settings import Engine as EngineName
    from pantau_agent.probes.speed.engine import Engine

ENGINES: dict[EngineName, Engine] = {
    "http": HttpEngine(),
}
