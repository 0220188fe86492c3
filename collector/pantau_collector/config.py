"""The collector's configuration: defaults, then a TOML file, then `PANTAU_COLLECTOR_*`; unknown keys fail.

Nested values in the environment are written with two underscores: `PANTAU_COLLECTOR_BROKER__HOST`.
"""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pantau_collector.errors import ConfigError

DEFAULT_PATH = Path("/etc/pantau/collector.toml")
Port = Annotated[int, Field(ge=1, le=65_535)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerConfig(_Section):
    """The broker to subscribe at. With `ca_file` the connection is TLS."""

    host: str = "127.0.0.1"
    port: Port = 1883
    client_id: Annotated[str, Field(pattern=r"^collector-[A-Za-z0-9._-]{1,50}$")] = Field(
        default_factory=lambda: f"collector-{socket.gethostname()[:40]}"
    )
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=600)] = 15
    receive_max: Annotated[int, Field(ge=100, le=65_535)] = 2000
    reconnect_max_s: PositiveSeconds = 10.0


class StoreConfig(_Section):
    """Where measurements, and what our own decoder refused, are kept."""

    path: Path = Path("/var/lib/pantau-collector/pantau.db")
    dead_letters_path: Path = Path("/var/lib/pantau-collector/dead-letters.db")


class IngestConfig(_Section):
    """How records are gathered before they are written, and when a device may come back."""

    batch_records: Annotated[int, Field(ge=1, le=100_000)] = 5000
    batch_delay_s: Annotated[float, Field(gt=0, le=5)] = 0.2
    unregistered_retry_s: PositiveSeconds = 300.0
    newer_agent_retry_s: PositiveSeconds = 3600.0
    store_retry_s: PositiveSeconds = 30.0


class RegistryConfig(_Section):
    """Which devices there are, and in which villages they stand."""

    path: Path = Path("/etc/pantau/devices.csv")


class WebConfig(_Section):
    """Where the portal listens. Loopback unless said otherwise."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080


class CollectorConfig(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="PANTAU_COLLECTOR_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    log_format: Literal["auto", "text", "json"] = "auto"
    broker: BrokerConfig = BrokerConfig()
    store: StoreConfig = StoreConfig()
    ingest: IngestConfig = IngestConfig()
    registry: RegistryConfig = RegistryConfig()
    web: WebConfig = WebConfig()

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


def load(path: Path | None) -> CollectorConfig:
    """Return the configuration; raises `ConfigError` naming each wrong key.

    Without a path the default file is read if it is there; a path that is given must be there.
    """
    file = path or DEFAULT_PATH
    values = _read_toml(file) if path is not None or file.exists() else {}
    try:
        return CollectorConfig(**values)
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
    where = str(file) if file else "the environment (PANTAU_COLLECTOR_*)"
    lines = [f"{where} has {error.error_count()} wrong setting(s):"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = "unknown key" if problem["type"] == "extra_forbidden" else problem["msg"]
        lines.append(f"  {key}: {message.removeprefix('Value error, ')}")
    return "\n".join(lines)
