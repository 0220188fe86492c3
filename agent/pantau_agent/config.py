"""The agent's configuration: defaults, then a TOML file, then `PANTAU_AGENT_*`; unknown keys fail.

Nested values in the environment are written with two underscores: `PANTAU_AGENT_BROKER__HOST`.
"""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pantau_agent.errors import ConfigError
from pantau_wire import topics
from pantau_wire.errors import WireError

DEFAULT_PATH = "/etc/pantau/agent.toml"
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400)]


def _device_id(value: str) -> str:
    try:
        return topics.check_device_id(value)
    except WireError as error:
        raise ValueError(str(error)) from None


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerConfig(_Section):
    """Where measurements are published. With `ca_file` the connection is TLS."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 60
    reconnect_spread_s: Annotated[float, Field(ge=0, le=3600)] = 300.0


class SpoolConfig(_Section):
    """How much is kept on disk, and how often the disk is written."""

    path: Path = Path("/var/lib/pantau-agent/spool.db")
    max_bytes: Annotated[int, Field(ge=1_000_000)] = 500_000_000
    max_age_s: Annotated[float, Field(ge=3600)] = 60 * 86_400.0
    commit_interval_s: PositiveSeconds = 60.0


class DeliveryConfig(_Section):
    """How eagerly the spool is emptied."""

    window_envelopes: Annotated[int, Field(ge=3, le=8)] = 8
    window_reserved_live: Annotated[int, Field(ge=1, le=2)] = 2
    envelope_records: Annotated[int, Field(ge=1, le=1000)] = 100
    first_resend_s: PositiveSeconds = 30.0
    max_resend_s: PositiveSeconds = 900.0
    backlog_records_per_s: Annotated[float, Field(gt=0)] = 50.0
    stop_grace_s: Annotated[float, Field(ge=0, le=300)] = 5.0


class TrafficConfig(_Section):
    """Bytes through one interface; without a name, the one of the default route."""

    enabled: bool = True
    interface: str | None = None
    period_s: PositiveSeconds = 60.0
    sample_s: PositiveSeconds = 10.0


class LatencyTargetConfig(_Section):
    """One target of the latency probe; a gateway without a host is the default route's."""

    target: Literal["gateway", "testpoint", "internet"]
    host: str | None = None
    tcp_port: Annotated[int, Field(ge=1, le=65_535)] = 80
    method: Literal["auto", "icmp", "tcp"] = "auto"


class LatencyConfig(_Section):
    """Round-trip delay and loss to each target, packets spread evenly over most of the period."""

    targets: tuple[LatencyTargetConfig, ...] = ()
    period_s: PositiveSeconds = 60.0
    packets_count: Annotated[int, Field(ge=2, le=600)] = 20
    timeout_s: PositiveSeconds = 2.0


class SpeedConfig(_Section):
    """Download and upload goodput against a server that speaks LibreSpeed's dialect."""

    url: str | None = None
    period_s: Annotated[float, Field(gt=0, le=7 * 86_400)] = 6 * 3600.0
    download_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    upload_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    download_discard_s: Annotated[float, Field(ge=0, le=30)] = 1.5
    upload_discard_s: Annotated[float, Field(ge=0, le=30)] = 3.0
    streams_count: Annotated[int, Field(ge=1, le=32)] = 4
    max_bytes: Annotated[int, Field(ge=100_000)] | None = None


class PeriodConfig(_Section):
    """How often a probe without a target runs."""

    enabled: bool = True
    period_s: PositiveSeconds = 60.0


class LinkConfig(PeriodConfig):
    """The state of the device's own attachment; asking the gateway sends it one packet a period."""

    ask_gateway: bool = False


class AgentConfig(BaseSettings):
    """Everything that can be configured.

    Without any configuration nothing is sent anywhere but to the broker: targets are named by whoever
    installs the agent.
    """

    model_config = SettingsConfigDict(
        env_prefix="PANTAU_AGENT_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    device: Annotated[str, AfterValidator(_device_id)] = Field(default_factory=socket.gethostname)
    language: Literal["id", "en"] | None = None
    log_format: Literal["auto", "text", "json"] = "auto"
    start_spread_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    broker: BrokerConfig = BrokerConfig()
    spool: SpoolConfig = SpoolConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    traffic: TrafficConfig = TrafficConfig()
    latency: LatencyConfig = LatencyConfig()
    speed: SpeedConfig = SpeedConfig()
    link: LinkConfig = LinkConfig()
    device_health: PeriodConfig = PeriodConfig()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, whose values come in as arguments."""
        return env_settings, init_settings


def load(path: Path | None) -> AgentConfig:
    """Return the configuration; raises `ConfigError` naming each wrong key.

    Without a path the default file is read if it is there; a path that is given must be there.
    """
    file = path or Path(DEFAULT_PATH)
    values: dict[str, Any] = {}
    if path is not None or file.exists():
        values = _read_toml(file)
    try:
        return AgentConfig(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, file if values else None)) from None


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


def _explain(error: ValidationError, file: Path | None) -> str:
    where = str(file) if file else "the environment (PANTAU_AGENT_*)"
    lines = [f"{where} has {error.error_count()} wrong setting(s):"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = "unknown key" if problem["type"] == "extra_forbidden" else problem["msg"]
        lines.append(f"  {key}: {message.removeprefix('Value error, ')}")
    return "\n".join(lines)
