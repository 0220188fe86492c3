"""How each kind of panel is drawn: what the foundation SDK's builders set, and nothing of what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common, heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as commons
from grafana_foundation_sdk.models import heatmap as heatmaps

if TYPE_CHECKING:
    from collections.abc import Callable

    from grafana_foundation_sdk.models.dashboard import Panel as GrafanaPanel

    from pantau_dashboards.spec import Kind, Panel


def draw(panel: Panel) -> GrafanaPanel:
    """Return a panel of this kind, without titles and queries."""
    return _KINDS[panel.kind](panel)


def _lines(panel: Panel) -> GrafanaPanel:
    return (
        _timeseries(panel)
        .draw_style(commons.GraphDrawStyle.LINE)
        .line_width(2)
        .fill_opacity(0)
        .show_points(commons.VisibilityMode.AUTO)
        .build()
    )


def _points(panel: Panel) -> GrafanaPanel:
    return (
        _timeseries(panel)
        .draw_style(commons.GraphDrawStyle.POINTS)
        .show_points(commons.VisibilityMode.ALWAYS)
        .point_size(6)
        .build()
    )


def _bars(panel: Panel) -> GrafanaPanel:
    stacked = common.StackingConfig().mode(commons.StackingMode.NORMAL).group("A")
    return (
        _timeseries(panel)
        .draw_style(commons.GraphDrawStyle.BARS)
        .stacking(stacked)
        .fill_opacity(80)
        .line_width(0)
        .build()
    )


def _timeseries(panel: Panel) -> timeseries.Panel:
    drawn = (
        timeseries.Panel().span_nulls(span_nulls=False).insert_nulls(insert_nulls=False)
    )  # a gap is shown as a gap
    drawn = drawn.legend(_legend(commons.LegendDisplayMode.LIST)).tooltip(_tooltip())
    if panel.limits is not None:
        style = common.GraphThresholdsStyleConfig().mode(commons.GraphThresholdsStyleMode.DASHED)
        drawn = drawn.thresholds_style(style)
    return drawn


def _stat(panel: Panel) -> GrafanaPanel:
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False)
    coloured = panel.limits is not None or panel.words is not None
    return (
        stat.Panel()
        .reduce_options(reduced)
        .color_mode(commons.BigValueColorMode.BACKGROUND if coloured else commons.BigValueColorMode.NONE)
        .graph_mode(commons.BigValueGraphMode.NONE)
        .text_mode(commons.BigValueTextMode.AUTO)
        .build()
    )


def _table(panel: Panel) -> GrafanaPanel:
    drawn = (
        table.Panel()
        .show_header(show_header=True)
        .cell_height(commons.TableCellHeight.SM)
        .filterable(filterable=True)
    )
    if panel.sort_by:
        order = common.TableSortByFieldState().display_name(panel.sort_by).desc(panel.descending)
        drawn = drawn.sort_by([order])
    return drawn.build()


def _timeline(_panel: Panel) -> GrafanaPanel:
    return (
        statetimeline.Panel()
        .span_nulls(span_nulls=False)
        .merge_values(merge_values=True)
        .show_value(commons.VisibilityMode.NEVER)
        .row_height(0.85)
        .line_width(0)
        .fill_opacity(85)
        .legend(_legend(commons.LegendDisplayMode.LIST))
        .tooltip(_tooltip(commons.TooltipDisplayMode.SINGLE))
        .build()
    )


def _heatmap(panel: Panel) -> GrafanaPanel:
    colour = heatmap.HeatmapColorOptions().mode(heatmaps.HeatmapColorMode.SCHEME).scheme("Viridis").steps(64)
    colour = colour.exponent(0.5).reverse(reverse=False).scale(heatmaps.HeatmapColorScale.EXPONENTIAL)
    if panel.minimum is not None:
        colour = colour.min(panel.minimum)
    if panel.maximum is not None:
        colour = colour.max(panel.maximum)
    return (
        heatmap.Panel()
        .calculate(calculate=False)
        .color(colour)
        .cell_gap(1)
        .cell_values(heatmap.CellValues().unit(panel.unit))
        .y_axis(heatmap.YAxisConfig().axis_placement(commons.AxisPlacement.LEFT).reverse(reverse=True))
        .tooltip(
            heatmap.HeatmapTooltip()
            .mode(commons.TooltipDisplayMode.SINGLE)
            .show_color_scale(show_color_scale=True)
        )
        .show_legend()
        .build()
    )


def _legend(mode: commons.LegendDisplayMode) -> common.VizLegendOptions:
    placed = common.VizLegendOptions().display_mode(mode).placement(commons.LegendPlacement.BOTTOM)
    return placed.show_legend(show_legend=True).calcs([])


def _tooltip(mode: commons.TooltipDisplayMode = commons.TooltipDisplayMode.MULTI) -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(mode).sort(commons.SortOrder.DESCENDING)


_KINDS: dict[Kind, Callable[[Panel], GrafanaPanel]] = {
    "lines": _lines,
    "points": _points,
    "bars": _bars,
    "stat": _stat,
    "table": _table,
    "timeline": _timeline,
    "heatmap": _heatmap,
}
