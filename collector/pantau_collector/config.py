"""The collector's configuration: defaults, then a TOML file, then `PANTAU_COLLECTOR_*`; unknown keys fail.

Nested values in the environment are written with two underscores: `PANTAU_COLLECTOR_BROKER__HOST`.
"""

from __future__ import annotations

import os
import socket
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pantau_collector.errors import ConfigError

_MESSAGES = {"extra_forbidden": "unknown key", "model_type": "a section is wanted here, not a value"}
_ENV_PREFIX = "PANTAU_COLLECTOR_"
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

    @model_validator(mode="after")
    def _encrypted_or_not(self) -> Self:
        if self.ca_file is None and (self.cert_file or self.key_file):
            raise ValueError(
                "cert_file and key_file need ca_file: without it the connection is not encrypted"
            )
        if self.key_file and self.cert_file is None:
            raise ValueError("key_file needs cert_file")
        return self


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


class IdentityConfig(_Section):
    """Where the certificate authorities are kept; only the machine that issues has them."""

    path: Path = Path("/etc/pantau/identity")


class WebConfig(_Section):
    """Where the portal listens. Loopback unless said otherwise."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080


class CollectorConfig(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix=_ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    log_format: Literal["auto", "text", "json"] = "auto"
    broker: BrokerConfig = BrokerConfig()
    store: StoreConfig = StoreConfig()
    ingest: IngestConfig = IngestConfig()
    registry: RegistryConfig = RegistryConfig()
    identity: IdentityConfig = IdentityConfig()
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
    values = _read_toml(file, optional=path is None)
    _check_environment()
    try:
        return CollectorConfig(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, file if values else None)) from None


def _read_toml(file: Path, *, optional: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        if optional and isinstance(error, FileNotFoundError):
            return {}
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


def _our_environment() -> list[str]:
    return sorted(name for name in os.environ if name.upper().startswith(_ENV_PREFIX))


def _check_environment() -> None:
    """Refuse variables that look like ours and name no section; pydantic-settings passes over them."""
    for name in _our_environment():
        section = name.upper().removeprefix(_ENV_PREFIX).partition("__")[0].lower()
        if section not in CollectorConfig.model_fields:
            raise ConfigError(f"the environment has the unknown setting {name}")


def _explain(error: ValidationError, file: Path | None) -> str:
    places = ([str(file)] if file else []) + _our_environment()
    lines = [f"{' with '.join(places)} has {error.error_count()} wrong setting(s):"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = _MESSAGES.get(problem["type"], problem["msg"])
        lines.append(f"  {key}: {message.removeprefix('Value error, ')}")
    return "\n".join(lines)
