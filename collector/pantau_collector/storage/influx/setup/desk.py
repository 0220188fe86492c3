"""What a server should have, what it was found to have, and what was done about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

from pantau_collector.storage.influx.series import database_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pantau_collector.config import InfluxConfig
    from pantau_collector.storage.seriestypes import Retention

What = Literal["admin", "organization", "bucket", "database", "mapping", "token", "user"]
State = Literal["there", "missing", "made", "differs", "changed", "kept"]
"""`missing` and `differs` are what a check finds; `kept` differs and stays so, because data would be lost."""

Role = Literal["collector", "grafana"]
ROLES: tuple[Role, ...] = ("collector", "grafana")
Login = Literal["token", "username", "password"]
DAY_S = 86_400
_SHARD_DAYS: dict[Retention, int] = {"raw": 1, "rollup": 7, "history": 28}


@dataclass(frozen=True, slots=True)
class Admin:
    """Who may change the server: a token, or a name with a password, or nobody where all may."""

    token: str | None = None
    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Database:
    """A database or bucket. `keep_s` None is for ever; `shard_s` is what is deleted together."""

    name: str
    keep_s: int | None
    shard_s: int


class Item(msgspec.Struct, frozen=True):
    """One thing that the server should have."""

    what: What
    name: str
    state: State
    detail: str = ""


@dataclass(slots=True)
class Desk:
    """Does what is missing, or in a check only says so.

    `secrets` are the settings that each role needs to log in: shown once, kept nowhere.
    """

    check: bool
    shorten: bool = False
    new_secrets: bool = False
    items: list[Item] = field(default_factory=list)
    secrets: dict[Role, dict[str, str]] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        """How much was done, or in a check would be."""
        return sum(item.state not in ("there", "kept") for item in self.items)

    def ensure(
        self, what: What, name: str, make: Callable[[], object], *, there: bool, detail: str = ""
    ) -> None:
        """Make what is not there."""
        if not there and not self.check:
            make()
        state: State = "there" if there else "missing" if self.check else "made"
        self.items.append(Item(what, name, state, detail))

    def miss_everything(self, config: InfluxConfig, kinds: Sequence[What]) -> None:
        """Say in a check what a server will need that answers no question yet."""
        databases = [database.name for database in wanted(config)]
        logins = [f"{config.database}-{role}" for role in ROLES]
        names = {"organization": [str(config.org)], "token": logins, "user": logins}
        self.items += [Item(what, name, "missing") for what in kinds for name in names.get(what, databases)]

    def keep_for(
        self, what: What, database: Database, keeps_s: int | None, change: Callable[[], object]
    ) -> None:
        """Change how long an existing database keeps its data; shorter only where that is allowed."""
        state: State = "there"
        if keeps_s != database.keep_s:
            state = "differs" if self.check else "changed"
            if _is_shorter(database.keep_s, keeps_s) and not self.shorten:
                state = "kept"
        if state == "changed":
            change()
        self.items.append(Item(what, database.name, state, _change(keeps_s, database.keep_s)))


def wanted(config: InfluxConfig) -> list[Database]:
    """Return the databases that the configuration means."""
    days: dict[Retention, int | None] = {
        "raw": config.retention.raw_days,
        "rollup": config.retention.rollup_days,
        "history": None,
    }
    return [
        Database(
            database_of(config, retention),
            None if kept is None else kept * DAY_S,
            _SHARD_DAYS[retention] * DAY_S,
        )
        for retention, kept in days.items()
    ]


def settings(config: InfluxConfig, role: Role, login: Mapping[Login, str]) -> dict[str, str]:
    """Return the variables of a login: the collector's settings, or what Grafana's data sources name."""
    if role == "collector":
        return {f"PANTAU_COLLECTOR_STORE__INFLUXDB__{name.upper()}": value for name, value in login.items()}
    place = {"PANTAU_INFLUX_URL": config.url, "PANTAU_INFLUX_DATABASE": config.database}
    return place | {f"PANTAU_INFLUX_{_short(name)}": value for name, value in login.items()}


def _short(name: Login) -> str:
    return name.upper().removesuffix("NAME")  # USER, as Grafana calls it


def in_days(keep_s: int | None) -> str:
    """Return how long something is kept, for people."""
    return "∞" if keep_s is None else f"{keep_s / DAY_S:g} d"


def _change(keeps_s: int | None, wanted_s: int | None) -> str:
    return in_days(keeps_s) if keeps_s == wanted_s else f"{in_days(keeps_s)} → {in_days(wanted_s)}"


def _is_shorter(wanted_s: int | None, keeps_s: int | None) -> bool:
    return wanted_s is not None and (keeps_s is None or wanted_s < keeps_s)
