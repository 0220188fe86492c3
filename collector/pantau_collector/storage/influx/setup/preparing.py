"""Finds out which version a server is, and has it prepared."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pydantic import SecretStr

from pantau_collector.errors import ConfigError
from pantau_collector.storage.influx.client import Client
from pantau_collector.storage.influx.setup.desk import Admin

if TYPE_CHECKING:
    from pantau_collector.config import InfluxConfig
    from pantau_collector.storage.influx.client import Version
    from pantau_collector.storage.influx.setup.desk import Desk

_SECOND, _THIRD = 2, 3
_NOBODY = Admin(token="-")  # noqa: S106 - the server's own setup asks nobody who they are


def prepare(config: InfluxConfig, admin: Admin, desk: Desk, *, first: bool) -> Version:
    """Prepare the server, or in a check look only; return its version. The desk says what was found.

    `first` makes the administrator on a fresh server. Raises `StoreError` where the server does not answer or
    lets the administrator do nothing, `ConfigError` where something has to be given.
    """
    if first and not (admin.username and admin.password):
        raise ConfigError("a first administrator needs a name and a password")
    with contextlib.closing(Client(_as_admin(config, admin))) as client:
        version = client.version()
        if version.major >= _THIRD:
            _prepare_three(config, client, desk)
        elif version.major == _SECOND:
            _prepare_two(config, admin, desk, first=first)
        else:
            _prepare_one(config, client, admin, desk, first=first)
    return version


def _prepare_one(config: InfluxConfig, client: Client, admin: Admin, desk: Desk, *, first: bool) -> None:
    from pantau_collector.storage.influx.setup import one  # noqa: PLC0415 - one version of three is needed

    setup = one.Setup(config, client, desk)
    if first and not setup.make_admin(admin):
        desk.miss_everything(config, ("database", "user"))
    else:
        setup.run(users=admin.username is not None)


def _prepare_two(config: InfluxConfig, admin: Admin, desk: Desk, *, first: bool) -> None:
    try:
        from pantau_collector.storage.influx.setup import two  # noqa: PLC0415 - 59 MiB
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error}: install pantau[influxdb2], which InfluxDB 2 is prepared with") from None
    if config.org is None:
        raise ConfigError("InfluxDB 2 needs the name of an organisation: set store.influxdb.org")
    with two.connected(config, _NOBODY) as client:
        if first and not two.make_admin(config, client, admin, desk):
            return
        if not first and two.is_fresh(client):
            raise ConfigError(f"{config.url} was never set up: give --setup, --admin and a password for it")
    if not (admin.token or admin.username):
        raise ConfigError("InfluxDB 2 needs its administrator: give a token, or a name and a password")
    with two.connected(config, admin) as client:
        two.Setup(config, client, desk).run()


def _prepare_three(config: InfluxConfig, client: Client, desk: Desk) -> None:
    from pantau_collector.storage.influx.setup import three  # noqa: PLC0415

    three.Setup(config, client, desk).run()


def _as_admin(config: InfluxConfig, admin: Admin) -> InfluxConfig:
    login = {
        "token": SecretStr(admin.token) if admin.token else None,
        "username": admin.username,
        "password": SecretStr(admin.password) if admin.password else None,
    }
    return config if admin.token is None and admin.username is None else config.model_copy(update=login)
