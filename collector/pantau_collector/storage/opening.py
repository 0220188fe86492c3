"""The one place that knows which store the configuration means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantau_collector.config import StoreConfig
    from pantau_collector.storage.base import Store


def open_store(config: StoreConfig) -> Store:
    """Return the configured store; close it after use. Raises `StoreError` where it cannot be opened."""
    if config.kind == "influxdb":
        from pantau_collector.storage.influx.store import InfluxStore  # noqa: PLC0415 - the other costs its memory

        return InfluxStore(config.influxdb)
    from pantau_collector.storage.sqlite import SqliteStore  # noqa: PLC0415

    return SqliteStore(config.path)
