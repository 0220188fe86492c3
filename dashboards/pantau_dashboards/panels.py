"""From a panel's description to Grafana's: titles, queries, units, colours, links, in one language."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import dashboard as models

from pantau_dashboards import looks
from pantau_dashboards.i18n import label, translate
from pantau_dashboards.places import BOARDS, dashboard_path
from pantau_dashboards.query import MIXED, InfluxQuery, datasource
from pantau_dashboards.units import grafana_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pantau_dashboards.colours import Limits, Wording
    from pantau_dashboards.i18n import Language
    from pantau_dashboards.spec import Ask, Field, Panel, Step
    from pantau_wire.schema import Column

_REF_IDS = "ABCDEFGHIJKLMNOP"
_IN_ROW = "${{__data.fields.{0}}}"
_IN_LABELS = "${{__field.labels.{0}}}"


@dataclass(frozen=True, slots=True)
class Translator:
    """Makes panels in one language."""

    language: Language

    def panel(self, panel: Panel, number: int, place: models.GridPos) -> models.Panel:
        """Return Grafana's panel, with this id and place."""
        made = looks.draw(replace(panel, sort_by=self._title_of(panel, panel.sort_by)))
        made.id_val, made.grid_pos = number, place
        made.title, made.description = self.say(panel.title), self.say(panel.about)
        made.interval = panel.interval or None
        made.max_data_points = panel.bins or None
        self._ask(made, panel)
        self._configure(made, panel)
        made.transformations = [_transformation(step) for step in panel.steps] or None
        return made

    def say(self, message: str) -> str:
        """Return a message in the language."""
        return translate(message, self.language)

    def _ask(self, made: models.Panel, panel: Panel) -> None:
        retentions = {ask.statement.retention for ask in panel.asks}
        made.datasource = MIXED if len(retentions) > 1 else datasource(retentions.pop())
        made.targets = [self._query(ask, ref_id) for ask, ref_id in zip(panel.asks, _REF_IDS, strict=False)]

    def _query(self, ask: Ask, ref_id: str) -> InfluxQuery:
        return InfluxQuery(
            ref_id, ask.statement, "table" if ask.table else "time_series", self.say(ask.alias)
        )

    def _configure(self, made: models.Panel, panel: Panel) -> None:
        made.field_config = made.field_config or models.FieldConfigSource()
        if made.field_config.defaults is None:
            made.field_config.defaults = models.FieldConfig()
        defaults = made.field_config.defaults
        defaults.unit = panel.unit
        defaults.no_value = panel.empty
        if panel.kind != "heatmap":  # whose colours show how much, in one scale
            defaults.min_val, defaults.max_val = panel.minimum, panel.maximum
        defaults.color = _colour(panel)
        defaults.thresholds = _thresholds(panel.limits)
        defaults.mappings = self._mappings(panel.words)
        if panel.link:
            defaults.links = [self._link(panel.link, _IN_LABELS)]
        made.field_config.overrides = list(self._overrides(panel))

    def _overrides(self, panel: Panel) -> Iterator[models.DashboardFieldConfigSourceOverrides]:
        origins = {name: column for ask in panel.asks for name, column in ask.statement.origins.items()}
        special = {field.name: field for field in panel.fields}
        if (
            panel.name_label
        ):  # no default: a series that was split has a long name already, which only this replaces
            yield _override("number", {"displayName": _IN_LABELS.format(panel.name_label)}, "byType")
        if panel.kind == "table":
            for name in (name for name in origins if name not in special):
                yield _override(name, self._of_column(name, origins[name]))
        for name, field in special.items():
            shown = self._of_column(name, origins[name]) if name in origins and panel.kind == "table" else {}
            # Series are known by their names in the language, columns by their own.
            yield _override(name if panel.kind == "table" else self.say(name), shown | self._of_field(field))

    def _title_of(self, panel: Panel, name: str) -> str:
        """Return the title of a table's column."""
        given = next((field.title for field in panel.fields if field.name == name), "")
        origins = (ask.statement.origins.get(name) for ask in panel.asks)
        column = next((found for found in origins if found is not None), None)
        if given or column is None:
            return self.say(given or name)
        return label(column.text, self.language)

    def _of_column(self, name: str, column: Column) -> dict[str, object]:
        words: dict[str, object] = {"displayName": label(column.text, self.language)}
        return words | ({} if column.type in ("text", "bool") else {"unit": grafana_unit(name)})

    def _of_field(self, field: Field) -> dict[str, object]:
        found: dict[str, object] = {
            "displayName": self.say(field.title),
            "unit": field.unit,
            "custom.width": field.width,
            "decimals": field.decimals,
            "custom.fillBelowTo": self.say(field.band_to),
        }
        found = {key: value for key, value in found.items() if value not in ("", 0, None)}
        return found | self._of_style(field) | self._of_values(field)

    def _of_style(self, field: Field) -> dict[str, object]:
        found: dict[str, object] = {}
        if field.hidden:  # Grafana 11 reads the first, 13 the second
            found |= {
                "custom.hidden": True,
                "custom.hideFrom": {"legend": True, "tooltip": True, "viz": True},
            }
        if field.colour:
            found["color"] = {"mode": "fixed", "fixedColor": field.colour}
        if field.dashed:
            found |= {"custom.lineStyle": {"fill": "dash", "dash": [8, 6]}, "custom.lineWidth": 1}
        if field.points:
            found |= {"custom.drawStyle": "points", "custom.showPoints": "always", "custom.pointSize": 6}
        if field.band_to:
            found["custom.fillOpacity"] = 15
        return found

    def _of_values(self, field: Field) -> dict[str, object]:
        found: dict[str, object] = {}
        if field.limits is not None:
            found |= {"thresholds": _thresholds(field.limits), **_CELL}
        if field.words is not None:
            found |= {"mappings": self._mappings(field.words), **_CELL}
        if field.pattern:
            found["mappings"] = [_shortened(field.pattern)]
        if field.link:
            found["links"] = [self._link(field.link, _IN_ROW)]
        return found

    def _link(self, board: str, value: str) -> models.DashboardLink:
        values = [(level, value.format(level)) for level in BOARDS[board].levels]
        path = dashboard_path(board, self.language, values)
        return in_sight(
            models.DashboardLink(
                title=self.say(BOARDS[board].title),
                type_val=models.DashboardLinkType.LINK,
                url=path + ("&" if values else "?") + "${__url_time_range}",
            )
        )

    def _mappings(self, words: Wording | None) -> list[models.ValueMapping] | None:
        if words is None:
            return None
        results = {
            value: models.ValueMappingResult(text=self.say(text), color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(words.items())
        }
        return [models.ValueMap(options=results)]


def in_sight(link: models.DashboardLink) -> models.DashboardLink:
    """Return the link without the library's fixed placement, which would hide it in a menu."""
    link.placement = None  # type: ignore[assignment]
    return link


_CELL: dict[str, object] = {"custom.cellOptions": {"type": "color-background", "mode": "basic"}}


def _colour(panel: Panel) -> models.FieldColor:
    by_value = panel.kind in ("stat", "table", "timeline") and (panel.limits or panel.words)
    mode = models.FieldColorModeId.THRESHOLDS if by_value else models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    return models.FieldColor(mode=mode)


def _thresholds(limits: Limits | None) -> models.ThresholdsConfig | None:
    if limits is None:
        return None
    steps = [models.Threshold(value=None, color=limits.base)]
    steps += [models.Threshold(value=value, color=colour) for value, colour in limits.steps]
    return models.ThresholdsConfig(mode=models.ThresholdsMode.ABSOLUTE, steps=steps)


def _shortened(pattern: str) -> models.RegexMap:
    result = models.ValueMappingResult(text="$1", index=0)
    return models.RegexMap(options=models.DashboardRegexMapOptions(pattern=pattern, result=result))


def _override(
    name: str, properties: Mapping[str, object], matcher: str = "byName"
) -> models.DashboardFieldConfigSourceOverrides:
    values = [models.DynamicConfigValue(id_val=key, value=value) for key, value in properties.items()]
    return models.DashboardFieldConfigSourceOverrides(
        matcher=models.MatcherConfig(id_val=matcher, options=name), properties=values
    )


def _transformation(step: Step) -> models.DataTransformerConfig:
    only = models.MatcherConfig(id_val="byRefId", options=step.of) if step.of else None
    return models.DataTransformerConfig(id_val=step.id, options=step.options, filter_val=only)
