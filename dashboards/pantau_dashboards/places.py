"""Where things stand in Grafana: uids of data sources, folders and dashboards, and the links between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.storage.series import AREA_TAGS, Retention
from pantau_dashboards.i18n import marked as _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_dashboards.i18n import Language

DATASOURCES: dict[Retention, str] = {
    "raw": "pantau-raw",
    "rollup": "pantau-rollup",
    "history": "pantau-history",
}
"""The data source's uid for each database, by how long it keeps."""

DATABASE_SUFFIXES: dict[Retention, str] = {"raw": "", "rollup": "_rollup", "history": "_history"}
"""What follows the configured database's name (`store.influxdb.database`)."""

FOLDERS: dict[Language, tuple[str, str]] = {
    "id": ("pantau-id", "Pantau"),
    "en": ("pantau-en", "Pantau (English)"),
}
"""The folder's uid and title for each language."""

LEVELS = tuple(reversed(AREA_TAGS))
"""From province to village: the order in which a person chooses."""


@dataclass(frozen=True, slots=True)
class Place:
    """A dashboard's title (a message id), and the levels of area that a link to it has to name."""

    title: str
    levels: tuple[str, ...]


BOARDS: dict[str, Place] = {
    "national": Place(_("Pantau: the nation"), ()),
    "regency": Place(_("Pantau: a regency"), LEVELS[:2]),
    "village": Place(_("Pantau: a village"), LEVELS),
    "surge": Place(_("Pantau: traffic surges"), LEVELS[:2]),
    "month": Place(_("Pantau: the month's SLA"), LEVELS[:1]),
    "technician": Place(_("Pantau: devices"), LEVELS),
    "pipeline": Place(_("Pantau: health of the pipeline"), ()),
}


def dashboard_uid(board: str, language: Language) -> str:
    """Return a dashboard's uid, such as `pantau-id-village`: the same scheme in both folders."""
    return f"pantau-{language}-{board}"


def dashboard_path(board: str, language: Language, values: Iterable[tuple[str, str]] = ()) -> str:
    """Return the path of a dashboard with its variables set; values may be Grafana's `${...}`."""
    query = "&".join(f"var-{name}={value}" for name, value in values)
    return f"/d/{dashboard_uid(board, language)}" + (f"?{query}" if query else "")


def village_path(language: Language) -> str:
    """Return the village dashboard's path, with a place in braces for the code of each level."""
    return dashboard_path("village", language, [(level, f"{{{level}}}") for level in LEVELS])
