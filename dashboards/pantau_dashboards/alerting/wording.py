"""What a rule says: annotations in both languages, with Grafana's template functions where values stand.

Written without `$`, which Grafana's files would take for an environment variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.storage.series import DEVICE_TAGS
from pantau_dashboards.i18n import LANGUAGES, label
from pantau_dashboards.places import LEVELS, dashboard_path

if TYPE_CHECKING:
    from pantau_dashboards.alerting.kind import Format, Kind
    from pantau_dashboards.i18n import Language

_FORMATS: dict[Format, str] = {
    "number": '{{{{ printf "%.1f" .Values.{name}.Value }}}}',
    "count": '{{{{ printf "%.0f" .Values.{name}.Value }}}}',
    "percent": "{{{{ humanizePercentage .Values.{name}.Value }}}}",
}


def annotations_of(kind: Kind, zone: str) -> dict[str, str]:
    """Return a rule's annotations: `what_`, `strength_` and `dashboard_` in each language, and the zone."""
    found = {"zone": zone} if zone else {}
    for language in LANGUAGES:
        found[f"what_{language}"] = label(kind.what, language)
        found[f"strength_{language}"] = _strength(kind, language)
        found[f"dashboard_{language}"] = _dashboard(kind, language)
    return found


def _strength(kind: Kind, language: Language) -> str:
    """Return how strong it is; nothing where the rule fires because there is no data at all."""
    name, form = kind.shown
    text = label(kind.strength, language).replace("{value}", _FORMATS[form].format(name=name))
    return "{{ if .Values }}" + text + "{{ end }}"


def _dashboard(kind: Kind, language: Language) -> str:
    """Return the path of the dashboard that shows the place; Grafana fills the places in."""
    if kind.scope == "pipeline":
        return dashboard_path("pipeline", language)
    tags = kind.measures[0].tags
    board = "technician" if tags == DEVICE_TAGS else "village" if "village" in tags else "regency"
    values = [(level, f"{{{{ .Labels.{level} }}}}") for level in LEVELS if level in tags]
    return _unquoted(dashboard_path(board, language, values))


def _unquoted(path: str) -> str:
    return path.replace("%7B", "{").replace("%7D", "}").replace("%20", " ")
