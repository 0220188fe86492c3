"""InfluxDB 2.x: organisation, buckets, DBRP mappings and scoped tokens, through the vendor's client library.

The library takes 59 MiB, so only this module imports it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import urllib3
from influxdb_client import (
    Authorization,
    BucketRetentionRules,
    DBRPCreate,
    DBRPsService,
    InfluxDBClient,
    OnboardingRequest,
    Permission,
    PermissionResource,
    SetupService,
)
from influxdb_client.rest import ApiException

from pantau_collector.errors import StoreRefusesError, StoreUnavailableError
from pantau_collector.storage.influx.answers import one_line
from pantau_collector.storage.influx.setup.desk import (
    ROLES,
    Admin,
    Database,
    Desk,
    Role,
    in_days,
    settings,
    wanted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.config import InfluxConfig

_POLICY = "autogen"
_NOT_FOUND = 404
_ACTIONS: dict[Role, tuple[str, ...]] = {"collector": ("read", "write"), "grafana": ("read",)}


@contextlib.contextmanager
def connected(config: InfluxConfig, admin: Admin) -> Iterator[InfluxDBClient]:
    """Yield a client that logs in as the administrator; raises `StoreError` where the server says no."""
    ca_file = str(config.ca_file) if config.ca_file else None
    login = (
        {"token": admin.token} if admin.token else {"username": admin.username, "password": admin.password}
    )
    client = InfluxDBClient(
        config.url, timeout=int(config.timeout_s * 1000), org=config.org, ssl_ca_cert=ca_file, **login
    )
    try:
        with client:
            yield client
    except ApiException as error:
        said = one_line(str(error.message or error.reason))
        raise StoreRefusesError(f"InfluxDB answers {error.status}: {said}") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreUnavailableError(f"{config.url}: {error}") from error


def is_fresh(client: InfluxDBClient) -> bool:
    """Return whether nobody has set this server up yet."""
    return bool(SetupService(client.api_client).get_setup().allowed)


def make_admin(config: InfluxConfig, client: InfluxDBClient, admin: Admin, desk: Desk) -> bool:
    """Set a fresh server up; return whether somebody did so, now or before."""
    fresh = is_fresh(client)
    raw = wanted(config)[0]
    request = OnboardingRequest(
        username=admin.username,
        password=admin.password,
        org=config.org,
        bucket=raw.name,
        retention_period_seconds=raw.keep_s,
    )
    service = SetupService(client.api_client)
    desk.ensure("admin", str(admin.username), lambda: service.post_setup(request), there=not fresh)
    if fresh and desk.check:
        desk.miss_everything(config, ("organization", "bucket", "mapping", "token"))
    return not (fresh and desk.check)


class Setup:
    """Prepares one server of version 2."""

    def __init__(self, config: InfluxConfig, client: InfluxDBClient, desk: Desk) -> None:
        """Look at nothing yet."""
        self._config = config
        self._client = client
        self._desk = desk
        self._org_id = ""

    def run(self) -> None:
        """Make what is missing, in the order in which one needs the other."""
        self._organization()
        ids = {database.name: self._bucket(database) for database in wanted(self._config)}
        for name, bucket_id in ids.items():
            self._mapping(name, bucket_id)
        for role in ROLES:
            self._token(role, [bucket_id for bucket_id in ids.values() if bucket_id])

    def _organization(self) -> None:
        name = self._config.org
        api = self._client.organizations_api()

        def make() -> None:
            self._org_id = api.create_organization(name).id

        found = _or_nothing(lambda: api.find_organizations(org=name))
        if found:
            self._org_id = found[0].id
        self._desk.ensure("organization", str(name), make, there=bool(found))

    def _bucket(self, database: Database) -> str:
        """Return the bucket's id, empty where a check found none."""
        api = self._client.buckets_api()
        asked = {"org_id": self._org_id, "name": database.name}
        found = self._org_id and _or_nothing(lambda: api.find_buckets(**asked).buckets)
        rules = [
            BucketRetentionRules(
                type="expire",
                every_seconds=database.keep_s or 0,
                shard_group_duration_seconds=database.shard_s,
            )
        ]
        if found:
            bucket = found[0]
            keeps_s = next((rule.every_seconds for rule in bucket.retention_rules), 0) or None

            def change() -> None:
                bucket.retention_rules = rules
                api.update_bucket(bucket)

            self._desk.keep_for("bucket", database, keeps_s, change)
            return str(bucket.id)
        made: list[Any] = []

        def make() -> None:
            made.append(api.create_bucket(bucket_name=database.name, org=self._org_id, retention_rules=rules))

        self._desk.ensure("bucket", database.name, make, there=False, detail=in_days(database.keep_s))
        return str(made[0].id) if made else ""

    def _mapping(self, name: str, bucket_id: str) -> None:
        """Map a database of InfluxQL's to its bucket: old versions of 2 do not do so by themselves."""
        service = DBRPsService(self._client.api_client)
        found = bucket_id and service.get_dbr_ps(org_id=self._org_id, db=name, bucket_id=bucket_id).content
        there = any(mapping.default for mapping in found or ())
        request = DBRPCreate(
            org_id=self._org_id, bucket_id=bucket_id, database=name, retention_policy=_POLICY, default=True
        )
        self._desk.ensure("mapping", name, lambda: service.post_dbrp(request), there=there)

    def _token(self, role: Role, bucket_ids: list[str]) -> None:
        api = self._client.authorizations_api()
        name = f"{self._config.database}-{role}"
        known = api.find_authorizations(org_id=self._org_id) if self._org_id else []
        old = [found for found in known if found.description == name]

        def make() -> None:
            asked = Authorization(
                org_id=self._org_id, permissions=self._permissions(role, bucket_ids), description=name
            )
            token = str(api.create_authorization(authorization=asked).token)
            self._desk.secrets[role] = settings(self._config, role, {"token": token})
            for former in old:
                api.delete_authorization(former)

        there = bool(old) and not self._desk.new_secrets
        self._desk.ensure("token", name, make, there=there, detail=" + ".join(_ACTIONS[role]))

    def _permissions(self, role: Role, bucket_ids: list[str]) -> list[Permission]:
        return [
            Permission(action, PermissionResource("buckets", id=bucket_id, org_id=self._org_id))
            for bucket_id in bucket_ids
            for action in _ACTIONS[role]
        ]


def _or_nothing(ask: Any) -> Any:
    try:
        return ask()
    except ApiException as error:
        if error.status == _NOT_FOUND:
            return None
        raise
