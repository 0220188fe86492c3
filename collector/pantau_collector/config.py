"""The collector's configuration: defaults, then a TOML file, then `PANTAU_COLLECTOR_*`; unknown keys fail.

Nested values in the environment are written with two underscores: `PANTAU_COLLECTOR_BROKER__HOST`.
"""

from __future__ import annotations

import math
import os
import re
import socket
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pantau_collector import addresses
from pantau_collector.errors import ConfigError
from pantau_wire import enrolment
from pantau_wire.envelope import MAX_PAYLOAD_BYTES, MAX_RECORDS

_MESSAGES = {"extra_forbidden": "unknown key", "model_type": "a section is wanted here, not a value"}
_ENV_PREFIX = "PANTAU_COLLECTOR_"
DEFAULT_PATH = Path("/etc/pantau/collector.toml")
Port = Annotated[int, Field(ge=1, le=65_535)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400)]
_ONE_WORD = r"^[A-Za-z0-9_.-]{1,100}$"
_PRINTABLE = r"^[^\x00-\x1f\x7f]{1,200}$"
_HEADER_WORD = re.compile(r"[\x21-\x7e]{1,1000}")
_HTTP_URL = re.compile(r"https?://[A-Za-z0-9._\[\]:-]+(/[A-Za-z0-9._/-]*)?")
Rate = Annotated[float, Field(gt=0, le=10_000_000)]


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


class RetentionConfig(_Section):
    """How long InfluxDB keeps raw points, and five-minute and hourly rows; daily rows stay for ever.

    A spool keeps for 60 days what could not be sent: raw points must still have a place then. The server is
    set up so by `pantau-collector init`.
    """

    raw_days: Annotated[int, Field(ge=61, le=36_500)] = 120
    rollup_days: Annotated[int, Field(ge=93, le=36_500)] = 397

    @model_validator(mode="after")
    def _rollups_outlive_points(self) -> Self:
        if self.rollup_days < self.raw_days:
            raise ValueError("rollup_days must not be less than raw_days: rollups would go before points")
        return self


class InfluxConfig(_Section):
    """An InfluxDB to write to and ask: 1.6 or later, 2 or 3.

    `database` is the bucket's name on 2; two more are named after it, with `_rollup` and `_history`. `server`
    is asked for where it is `auto`. Log in with a `token`, or with `username` and `password`.
    """

    url: str = "http://127.0.0.1:8086"
    server: Literal["auto", "1.6", "1.8", "2", "3"] = "auto"
    database: Annotated[str, Field(pattern=_ONE_WORD)] = "pantau"
    retention_policy: Annotated[str, Field(pattern=_ONE_WORD)] | None = None
    org: Annotated[str, Field(pattern=_PRINTABLE)] | None = None
    token: SecretStr | None = None
    username: Annotated[str, Field(pattern=_PRINTABLE)] | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    timeout_s: Annotated[float, Field(ge=1, le=300)] = 30.0
    retention: RetentionConfig = RetentionConfig()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not _HTTP_URL.fullmatch(self.url):
            raise ValueError("url must be like https://influxdb.example.id:8086, without a login in it")
        if self.token is not None and self.username is not None:
            raise ValueError("log in with a token, or with username and password, not with both")
        if self.token is not None and not _HEADER_WORD.fullmatch(self.token.get_secret_value()):
            raise ValueError("token must be one word, as InfluxDB shows it")
        if self.password is not None and self.username is None:
            raise ValueError("password needs username")
        if self.ca_file is not None and not self.url.startswith("https:"):
            raise ValueError("ca_file needs a url with https: without it the connection is not encrypted")
        if self.server == "2" and (self.org is None or self.token is None):
            raise ValueError('server = "2" needs org and token')
        return self


class StoreConfig(_Section):
    """Where measurements, and what our own decoder refused, are kept.

    The dead letters of a device are bounded in number and in megabytes (10^6 bytes), and those of all devices
    together: the oldest make room, and stay counted.
    """

    kind: Literal["sqlite", "influxdb"] = "sqlite"
    path: Path = Path("/var/lib/pantau-collector/pantau.db")
    influxdb: InfluxConfig = InfluxConfig()
    dead_letters_path: Path = Path("/var/lib/pantau-collector/dead-letters.db")
    dead_letters_per_device: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    dead_letters_mb_per_device: Annotated[int, Field(ge=1, le=100_000)] = 20
    dead_letters_mb: Annotated[int, Field(ge=1, le=10_000_000)] = 2000

    @model_validator(mode="after")
    def _means_one_store(self) -> Self:
        if self.kind == "sqlite" and "influxdb" in self.model_fields_set:
            raise ValueError('the section influxdb counts with kind = "influxdb" only')
        return self

    @model_validator(mode="after")
    def _room_for_one_device(self) -> Self:
        if self.dead_letters_mb < 2 * self.dead_letters_mb_per_device:
            raise ValueError(
                "dead_letters_mb must be twice dead_letters_mb_per_device, or one device takes all of it"
            )
        return self


class IngestConfig(_Section):
    """How records are gathered before they are written, and when a device may come back.

    `waiting_mb` (10^6 bytes, inflated) may wait to be written; beyond it the broker waits. What a device may
    send in the long run stands in `device_…_per_s`, and what it has not used of the last `device_burst_s` may
    come at once. Old records that would wait longer than `backlog_wait_s` are put off, so that new ones need
    not wait behind them. `device_keys` bounds how many different keys of points a device may use in a day.
    """

    batch_records: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    batch_delay_s: Annotated[float, Field(gt=0, le=5)] = 0.2
    unregistered_retry_s: PositiveSeconds = 300.0
    newer_agent_retry_s: PositiveSeconds = 3600.0
    store_retry_s: PositiveSeconds = 30.0
    waiting_mb: Annotated[int, Field(ge=1, le=100_000)] = 16
    backlog_wait_s: Annotated[float, Field(gt=0, le=3600)] = 2.0
    device_envelopes_per_s: Rate = 20.0
    device_records_per_s: Rate = 500.0
    device_kb_per_s: Rate = 200.0
    device_burst_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    device_keys: Annotated[int, Field(ge=1, le=100_000)] = 500

    @model_validator(mode="after")
    def _the_largest_envelope_passes(self) -> Self:
        entries = 2 * MAX_RECORDS  # measurements, and dropped ranges
        wanted = {
            "device_envelopes_per_s": (self.device_envelopes_per_s, 1),
            "device_records_per_s": (self.device_records_per_s, entries),
            "device_kb_per_s": (self.device_kb_per_s, MAX_PAYLOAD_BYTES / 1000),
        }
        for name, (rate, amount) in wanted.items():
            if rate * self.device_burst_s < amount:
                least = math.ceil(amount / self.device_burst_s * 1000) / 1000
                raise ValueError(
                    f"{name} must be {least:g} or more with this device_burst_s:"
                    " the largest envelope would never be taken"
                )
        return self


class RegistryConfig(_Section):
    """Which devices there are, and in which villages they stand."""

    path: Path = Path("/etc/pantau/devices.csv")


class IdentityConfig(_Section):
    """Where the certificate authorities are kept; only the machine that issues has them.

    `reload_command` has the broker read its revocation list again, such as `["systemctl", "reload",
    "mosquitto"]`.
    """

    path: Path = Path("/etc/pantau/identity")
    reload_command: tuple[str, ...] = ()


class EnrolmentConfig(_Section):
    """Enrolment by token at the portal, on the machine that has the authorities; without `broker_host` none.

    `broker_host` and `broker_port` are what devices are told, and `url` is the portal's address as they reach
    it, for the invitations.
    """

    url: str | None = None
    broker_host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")] | None = None
    broker_port: Port = 8883

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.url is not None:
            enrolment.check_url(self.url)
        if self.broker_host is None and self.model_fields_set:
            raise ValueError("broker_host is missing: the broker's name or address as devices reach it")
        return self


class TokenConfig(_Section):
    """Tokens for testpoints that take only devices of ours; without `key_file` none are given.

    `key_file` is the private key of `pantau-collector testpoint-key`. A token is good for `token_valid_s`,
    and each device is given a new one every `token_renew_s`.
    """

    key_file: Path | None = None
    token_valid_s: Annotated[float, Field(ge=3600, le=604_800)] = 86_400.0
    token_renew_s: Annotated[float, Field(ge=60, le=302_400)] = 7200.0

    @model_validator(mode="after")
    def _renewed_in_time(self) -> Self:
        if self.token_renew_s > self.token_valid_s / 2:
            raise ValueError("token_renew_s must be at most half of token_valid_s: one ack may be lost")
        return self


class WebConfig(_Section):
    """Where the portal listens, and who is let in.

    On loopback it is open until the first account is made. Elsewhere, and behind a reverse proxy, it wants
    TLS and a login. `allowed_hosts` are the names that people use for it; a request under another one is
    refused, because a foreign page may have had its own name point at us (DNS rebinding).
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    cert_file: Path | None = None
    key_file: Path | None = None
    behind_proxy: bool = False
    allowed_hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")], ...] = ()
    access_path: Path = Path("/var/lib/pantau-collector/access.db")
    session_idle_s: PositiveSeconds = 3600.0
    session_max_s: PositiveSeconds = 43_200.0
    requests_per_minute: Annotated[int, Field(ge=10, le=1_000_000)] = 1200

    @property
    def exposed(self) -> bool:
        """Whether others than this machine's users can reach the portal."""
        return self.behind_proxy or not addresses.is_loopback(self.host)

    @property
    def encrypted(self) -> bool:
        """Whether browsers reach the portal by TLS, ours or the proxy's."""
        return self.behind_proxy or self.cert_file is not None

    @model_validator(mode="after")
    def _never_open_to_others(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if self.session_idle_s > self.session_max_s:
            raise ValueError("session_idle_s must not be longer than session_max_s")
        if addresses.is_loopback(self.host) or not self.enabled:
            return self
        if self.behind_proxy:
            raise ValueError("behind_proxy needs a host on loopback, where only the proxy reaches the portal")
        if self.cert_file is None:
            raise ValueError(
                f"host {self.host!r} can be reached from elsewhere: give cert_file and key_file for TLS, or"
                " stay on 127.0.0.1 with behind_proxy = true and a reverse proxy with TLS on this machine"
            )
        if addresses.is_everywhere(self.host) and not self.allowed_hosts:
            raise ValueError("allowed_hosts is empty: list the names under which people reach the portal")
        return self


class SlaConfig(_Section):
    """How months are judged. `profiles`: the file of SLA profiles; without one nobody's contract is known."""

    profiles: Path | None = None


class ExportsConfig(_Section):
    """Months as files. `letterhead` stands on every PDF: whose report it is, then address and the like."""

    letterhead: Annotated[tuple[Annotated[str, Field(pattern=_PRINTABLE)], ...], Field(max_length=5)] = ()


class AnalysisConfig(_Section):
    """The analysis: a process of its own beside the collector. Of several collectors one at a time does it.

    A five-minute window is computed `grace_s` after its end, and again when it can be settled. Windows older
    than `recompute_days` stay as they are, because their measurements may be gone. Who does not renew the
    lease within `lease_s` loses it. `surge_path` is a folder for what the surge detector remembers, by
    default beside the dead letters: 37 MB for each 400 villages, made again from the store if lost.
    """

    enabled: bool = True
    grace_s: Annotated[float, Field(ge=10, le=600)] = 90.0
    recompute_days: Annotated[int, Field(ge=1, le=36_500)] = 110
    lease_s: Annotated[float, Field(ge=5, le=600)] = 60.0
    surge_path: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _contracts_have_moved(cls, given: Any) -> Any:
        if isinstance(given, dict) and "contracts" in given:
            raise ValueError(
                "contracts has moved: write each as a table [[profile]] with contracted_download_bps and"
                " contracted_upload_bps into the file that sla.profiles names"
            )
        return given


class SmtpConfig(_Section):
    """The mail server that takes notifications by e-mail."""

    host: str
    port: Port = 587
    sender: Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$")]
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _logs_in_safely(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if self.password is not None and self.security == "none" and not addresses.is_loopback(self.host):
            raise ValueError('security = "none" would send the password readable for all')
        return self


class NotificationConfig(_Section):
    """Messages by e-mail, Telegram and webhook, for installations without Grafana; without `contacts` none.

    `contacts` is the same file that `pantau-dashboards build` takes. A contact gets a message at most each
    `every_s`, with everything since the last one; what calls for people (`page`) after `page_every_s`.
    `outbox` keeps what is not sent yet, by default beside the dead letters.
    """

    contacts: Path | None = None
    least: Literal["info", "page"] = "info"
    every_s: Annotated[float, Field(ge=10, le=86_400)] = 300.0
    page_every_s: Annotated[float, Field(ge=10, le=86_400)] = 60.0
    outbox: Path | None = None
    portal_url: str | None = None
    smtp: SmtpConfig | None = None

    @model_validator(mode="after")
    def _is_a_url(self) -> Self:
        if self.portal_url is not None and not _HTTP_URL.fullmatch(self.portal_url):
            raise ValueError("portal_url must be like https://pantau.example.id")
        return self


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
    enrolment: EnrolmentConfig = EnrolmentConfig()
    testpoint: TokenConfig = TokenConfig()
    analysis: AnalysisConfig = AnalysisConfig()
    notification: NotificationConfig = NotificationConfig()
    sla: SlaConfig = SlaConfig()
    exports: ExportsConfig = ExportsConfig()
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
