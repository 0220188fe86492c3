"""InfluxDB 1.x: databases with their retention policy, and users with their rights, by InfluxQL."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from pantau_collector.errors import StoreRefusesError
from pantau_collector.storage.influx import questions
from pantau_collector.storage.influx.setup.desk import (
    ROLES,
    Admin,
    Database,
    Desk,
    Login,
    Role,
    in_days,
    settings,
    wanted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantau_collector.config import InfluxConfig
    from pantau_collector.storage.influx.client import Client

_POLICY = "autogen"  # what the server calls the policy that it makes itself
_DURATION = re.compile(r"(\d+)([hms])")
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_PASSWORD_BYTES = 24
_RIGHTS: dict[Role, tuple[str, str]] = {
    "collector": ("ALL", "ALL PRIVILEGES"),
    "grafana": ("READ", "READ"),
}


class Setup:
    """Prepares one server of version 1."""

    def __init__(self, config: InfluxConfig, client: Client, desk: Desk) -> None:
        """Look at nothing yet."""
        self._config = config
        self._client = client
        self._desk = desk

    def make_admin(self, admin: Admin) -> bool:
        """Make the first administrator; return whether there is one, now or before."""
        try:
            there = any(is_admin for _, is_admin in self._rows("SHOW USERS"))
        except StoreRefusesError as error:
            if "create admin user first" not in str(error):
                raise
            there = False
        statement = (
            f'CREATE USER "{admin.username}" WITH PASSWORD {questions.text(admin.password or "")}'
            " WITH ALL PRIVILEGES"
        )
        self._desk.ensure("admin", str(admin.username), lambda: self._rows(statement), there=there)
        return there or not self._desk.check

    def run(self, *, users: bool) -> None:
        """Make databases, and users where the server asks who somebody is."""
        there = {name for (name,) in self._rows("SHOW DATABASES")}
        for database in wanted(self._config):
            self._database(database, there=database.name in there)
        if users:
            known = {name for name, _ in self._rows("SHOW USERS")}
            for role in ROLES:
                self._user(role, known)

    def _database(self, database: Database, *, there: bool) -> None:
        policy = self._config.retention_policy
        name = policy if policy and database.name == self._config.database else _POLICY
        options = _options(database)
        if not there:
            create = f'CREATE DATABASE "{database.name}" WITH {options} NAME "{name}"'
            self._desk.ensure(
                "database",
                database.name,
                lambda: self._rows(create),
                there=False,
                detail=in_days(database.keep_s),
            )
            return
        policies = {
            row[0]: _seconds(row[1]) for row in self._rows(f'SHOW RETENTION POLICIES ON "{database.name}"')
        }
        words = "ALTER" if name in policies else "CREATE"
        default = "" if policy else " DEFAULT"
        change = f'{words} RETENTION POLICY "{name}" ON "{database.name}" {options}{default}'
        self._desk.keep_for("database", database, policies.get(name, 0), lambda: self._rows(change))

    def _user(self, role: Role, known: set[str]) -> None:
        name = f"{self._config.database}-{role}"
        there = name in known
        if not there or self._desk.new_secrets:
            self._give_password(role, name, there=there)
        else:
            self._desk.ensure("user", name, lambda: None, there=True)
        for database in wanted(self._config):
            self._grant(role, name, database.name, known)

    def _give_password(self, role: Role, name: str, *, there: bool) -> None:
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        statement = (
            f"SET PASSWORD FOR \"{name}\" = '{password}'"
            if there
            else f"CREATE USER \"{name}\" WITH PASSWORD '{password}'"
        )

        def make() -> None:
            self._rows(statement)
            login: dict[Login, str] = {"username": name, "password": password}
            self._desk.secrets[role] = settings(self._config, role, login)

        self._desk.ensure("user", name, make, there=False)

    def _grant(self, role: Role, user: str, database: str, known: set[str]) -> None:
        right, shown = _RIGHTS[role]
        found: Mapping[str, str] = {}
        if user in known:
            found = {row[0]: row[1] for row in self._rows(f'SHOW GRANTS FOR "{user}"')}
        grant = f'GRANT {right} ON "{database}" TO "{user}"'
        there = found.get(database) == shown
        self._desk.ensure("user", user, lambda: self._rows(grant), there=there, detail=f"{right} {database}")

    def _rows(self, statement: str) -> list[list[str]]:
        return [values for _, table in self._client.ask(statement) for values in table.values]


def _options(database: Database) -> str:
    kept = "INF" if database.keep_s is None else f"{database.keep_s}s"
    return f"DURATION {kept} REPLICATION 1 SHARD DURATION {database.shard_s}s"


def _seconds(duration: str) -> int | None:
    """Return the seconds of a duration like `2880h0m0s`; 0 is for ever."""
    return sum(int(count) * _SECONDS[unit] for count, unit in _DURATION.findall(duration)) or None
