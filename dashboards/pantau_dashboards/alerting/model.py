"""Rules as they are before they become Grafana's: neither the file's shape nor the API's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Query:
    """One InfluxQL query: the data source's uid, and how far back from now it reads (seconds)."""

    name: str
    text: str
    datasource: str
    range_s: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: queries, each reduced to its last value under its name, then `computed`, then `condition`."""

    uid: str
    title: str
    queries: tuple[Query, ...]
    computed: tuple[tuple[str, str], ...]
    condition: str
    wait_s: int
    no_data: str
    on_error: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that Grafana evaluates one after the other, every `interval_s` seconds."""

    name: str
    interval_s: int
    rules: tuple[Rule, ...]
