"""Message templates: what happened, how strong, since when, and where to look, in Indonesian and English.

They are Grafana's notification templates (Go's text/template). Local times are made by addition, because the
function that knows time zones is younger than Grafana 11. None ends in white space, which Grafana takes away.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_collector.registry.timezones import WIB, WIT, WITA
from pantau_dashboards.i18n import LANGUAGES, label
from pantau_wire.vocabulary import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantau_collector.registry.timezones import Zone
    from pantau_dashboards.alerting.regencies import Regency
    from pantau_dashboards.i18n import Language

_SINCE = Text("since", "sejak")
_UNTIL = Text("until", "sampai")
_OVER = Text("Over", "Selesai")
_DISTRICT_LENGTH = 8
_NS = 1_000_000_000
MAX_NAMES = 10_000
"""Beyond this many villages, messages name codes only: Grafana parses all names for every message."""

_TITLE = (
    '{{ define "pantau.LANG.title" }}{{ if .Alerts.Firing }}{{ .CommonLabels.alertname }}'
    "{{ else }}OVER: {{ .CommonLabels.alertname }}{{ end }}{{ end }}"
)
_MESSAGE = """\
{{ define "pantau.LANG.message" -}}
{{ if .Alerts.Firing }}{{ (index .Alerts.Firing 0).Annotations.what_LANG }}
{{ range .Alerts.Firing }}
• {{ template "pantau.where" . }}{{ with .Annotations.strength_LANG }}: {{ . }}{{ end }}
  SINCE {{ template "pantau.began" . }}
  {{ template "pantau.base" $ }}{{ .Annotations.dashboard_LANG }}
{{ end }}{{ end -}}
{{ if .Alerts.Resolved }}
OVER:
{{ range .Alerts.Resolved }}• {{ template "pantau.where" . }}: \
SINCE {{ template "pantau.began" . }} UNTIL {{ template "pantau.ended" . }}
{{ end }}{{ end }}{{ end }}"""
_WHERE = (
    '{{ define "pantau.where" }}{{ if .Labels.device }}{{ .Labels.device }}, {{ end }}'
    '{{ if .Labels.village }}{{ template "pantau.name" . }}{{ .Labels.village }}'
    "{{ else if .Labels.regency }}{{ .Labels.place }}"
    "{{ else if .Labels.collector }}{{ .Labels.collector }}{{ else }}Pantau{{ end }}{{ end }}"
)
_BASE = (
    '{{ define "pantau.base" }}{{ if match "/$" .ExternalURL }}{{ reReplaceAll "/$" "" .ExternalURL }}'
    "{{ else }}{{ .ExternalURL }}{{ end }}{{ end }}"
)


def words() -> str:
    """Return the template group that contact points use: `pantau.LANG.title` and `pantau.LANG.message`."""
    shared = [_WHERE, _BASE, _instant("began", "StartsAt"), _instant("ended", "EndsAt")]
    spoken = [_in(pattern, language) for language in LANGUAGES for pattern in (_TITLE, _MESSAGE)]
    return "\n".join([*shared, *spoken])


def names(regencies: Sequence[Regency]) -> str:
    """Return the template group that knows the villages' names, as alerts carry codes only."""
    villages = [village for regency in regencies for village in regency.villages]
    known = villages if len(villages) <= MAX_NAMES else []
    by_district: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for code, name in known:
        by_district[code[:_DISTRICT_LENGTH]].append((code, name))
    body = "\n".join(_district(code, inside) for code, inside in by_district.items())
    return f'{{{{ define "pantau.name" -}}}}\n{body}\n{{{{- end }}}}'


def _in(pattern: str, language: Language) -> str:
    replaced = pattern.replace("LANG", language)
    for word, text in (("SINCE", _SINCE), ("UNTIL", _UNTIL), ("OVER", _OVER)):
        replaced = replaced.replace(word, label(text, language))
    return replaced


def _instant(name: str, field: str) -> str:
    """Return a template that writes one of an alert's times in its own zone."""
    east = "".join(
        f'{{{{ {"else if" if at else "if"} eq .Annotations.zone "{zone.name}" }}}}{_local(field, zone)}'
        for at, zone in enumerate((WIT, WITA))
    )
    return (
        f'{{{{ define "pantau.{name}" }}}}{east}{{{{ else }}}}{_local(field, WIB)}{{{{ end }}}}{{{{ end }}}}'
    )


def _local(field: str, zone: Zone) -> str:
    offset = zone.tzinfo.utcoffset(None)
    offset_ns = int(offset.total_seconds()) * _NS
    return f'{{{{ (.{field}.UTC.Add {offset_ns}).Format "02-01-2006 15:04" }}}} {zone.name}'


def _district(code: str, villages: Iterable[tuple[str, str]]) -> str:
    lines = [
        f'{{{{- if eq .Labels.village "{village}" }}}}{name} {{{{ end -}}}}'
        for village, name in villages
        if name != village
    ]
    return "\n".join([f'{{{{- if eq .Labels.district "{code}" -}}}}', *lines, "{{- end -}}"])
