"""The agent's configuration.

settings   what can be configured: types, bounds and defaults
presets    what a profile stands for: other defaults
reading    where it comes from: defaults, the profile's, then a TOML file, then the environment
"""

from pantau_agent.config.reading import DEFAULT_PATH, as_json, load
from pantau_agent.config.settings import AgentConfig, BrokerConfig, DeliveryConfig, LatencyTargetConfig

__all__ = [
    "DEFAULT_PATH",
    "AgentConfig",
    "BrokerConfig",
    "DeliveryConfig",
    "LatencyTargetConfig",
    "as_json",
    "load",
]
