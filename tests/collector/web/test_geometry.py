"""Plots are pure functions: whatever is measured, they stay inside, and never draw what is missing."""

from __future__ import annotations

import math
import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pantau_collector.registry.timezones import WIB, WIT
from pantau_collector.storage.base import Point
from pantau_collector.web import charts, geometry
from pantau_collector.web.charts import CHARTS, Plot, Window
from pantau_wire.schema import columns

S = 1_000_000_000
SINCE, UNTIL = 1_795_320_000 * S, 1_795_323_600 * S
RATE = st.none() | st.floats(0, 1e15)
TIMES = st.lists(st.integers(SINCE, UNTIL - 1), max_size=40, unique=True).map(sorted)
LATENCY, SPEED = CHARTS[2], CHARTS[0]


def point(kind: str, time_ns: int, seq: int, **values: object) -> Point:
    blank: dict[str, object] = dict.fromkeys(column.name for column in columns(kind))
    return Point(kind, "d", time_ns, "s", seq, "b", 0, "synced", {**blank, **values})  # type: ignore[arg-type]


def plot_of(chart: charts.Chart, points: list[Point]) -> Plot:
    [(key, some)] = charts.groups(chart, points)
    return charts.build(chart, key, some, Window(SINCE, UNTIL, WIB, "id"))


def latency(time_ns: int, seq: int, p50: float | None, **values: object) -> Point:
    spread = {} if p50 is None else {"rtd_min_ms": p50, "rtd_p95_ms": p50}
    return point(
        "latency", time_ns, seq, target="testpoint", method="icmp", rtd_p50_ms=p50, **spread | values
    )


@settings(deadline=None)
@given(TIMES, st.data())
def test_every_coordinate_is_finite_and_inside_the_picture(times: list[int], data: st.DataObject) -> None:
    points = [
        point(
            "speed",
            time_ns,
            seq,
            engine="http",
            download_goodput_bps=data.draw(RATE),
            upload_goodput_bps=data.draw(RATE),
            failure=data.draw(st.sampled_from([None, "timeout"])),
        )
        for seq, time_ns in enumerate(times)
    ]
    points += [
        latency(
            one,
            seq,
            data.draw(st.none() | st.floats(0, 86_400_000)),
            rt_loss_ratio=data.draw(st.floats(0, 1)),
        )
        for seq, one in enumerate(times)
    ]
    for chart in (SPEED, LATENCY):
        mine = [one for one in points if one.kind == chart.kind]
        if mine:
            inside(plot_of(chart, mine))


def inside(plot: Plot) -> None:
    strip = plot.strip.marks if plot.strip else []
    marks = [mark for series in plot.series for mark in series.marks] + plot.failures + strip
    spots = [(mark.x, mark.y) for mark in marks]
    for path in [*plot.bands, *(path for series in plot.series for path in series.paths)]:
        spots += [(float(x), float(y)) for x, y in re.findall(r"([^MLZ,]+),([^MLZ,]+)", path)]
    for x, y in spots:
        assert math.isfinite(x)
        assert charts.LEFT <= x <= charts.RIGHT
        assert 0 <= y <= plot.height
    assert all(charts.LEFT <= tick.at <= charts.RIGHT for tick in plot.x_ticks)
    assert all(charts.TOP <= tick.at <= charts.BOTTOM for tick in plot.y_ticks)


@given(st.floats(0, 1e300), st.integers(1, 10))
def test_ticks_begin_at_zero_reach_the_largest_value_and_are_few(largest: float, wanted: int) -> None:
    found = geometry.ticks(largest, wanted)
    assert found[0] == 0
    assert found == sorted(set(found))
    assert found[-1] >= largest * (1 - 1e-6)
    assert 2 <= len(found) <= wanted + 2


@given(st.integers(0, 4_000_000_000), st.integers(1, 30 * 86_400), st.sampled_from([7, 8, 9]))
def test_time_ticks_are_round_on_the_local_clock(since: int, span: int, hours: int) -> None:
    found = geometry.time_ticks(since, since + span, hours * 3600)
    assert len(found) <= 7
    assert all(since <= tick <= since + span for tick in found)
    if len(found) > 1:
        step = found[1] - found[0]
        assert all((tick + hours * 3600) % step == 0 for tick in found)


def test_a_silence_of_more_than_two_and_a_half_intervals_breaks_the_line() -> None:
    times = [0, 60, 120, 269, 420, 480]
    runs = geometry.segments(times, lambda time: time, lambda _: 1.0)
    assert runs == [[0, 60, 120, 269], [420, 480]]


def test_a_missing_value_breaks_the_line_and_is_not_drawn() -> None:
    times = [0, 60, 120, 180, 240]
    runs = geometry.segments(times, lambda time: time, lambda time: None if time == 120 else 1.0)
    assert runs == [[0, 60], [180, 240]]


@given(st.lists(st.integers(0, 10**6), min_size=1, unique=True).map(sorted))
def test_no_run_bridges_a_gap(times: list[int]) -> None:
    longest = geometry.GAP_INTERVALS * geometry.expected_interval(times)
    runs = geometry.segments(times, lambda time: time, lambda _: 1.0)
    assert [time for run in runs for time in run] == times
    assert all(later - earlier <= longest for run in runs for earlier, later in pairwise(run))


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300), st.integers(1, 40))
def test_thinning_keeps_extremes_order_and_only_what_was_measured(values: list[float], bins: int) -> None:
    samples = list(enumerate(values))
    kept = geometry.thin(samples, bins, lambda sample: sample[0], lambda sample: (sample[1], sample[1]))
    assert len(kept) <= max(2 * bins, 2)
    assert kept == [sample for sample in samples if sample in set(kept)]
    assert {min(values), max(values)} <= {value for _, value in kept}


def test_a_lost_packet_leaves_a_hole_in_the_band_and_a_full_bar_of_loss() -> None:
    points = [latency(SINCE + seq * 60 * S, seq, 20.0, rt_loss_ratio=0.0) for seq in range(5)]
    points[2] = latency(SINCE + 120 * S, 2, None, rt_loss_ratio=1.0, failure="timeout")
    plot = plot_of(LATENCY, points)
    assert len(plot.bands) == len(plot.series[0].paths) == 2
    assert plot.strip is not None
    assert plot.strip.marks[2].y == charts.STRIP_TOP
    assert [(mark.seq, mark.value) for mark in plot.failures] == [(2, "timeout")]
    assert "tidak ada jawaban tepat waktu" in plot.failures[0].title


def test_the_unit_follows_the_largest_value() -> None:
    plot = plot_of(SPEED, [point("speed", SINCE, 1, engine="http", download_goodput_bps=38.16e6)])
    assert plot.unit == "Mbit/s"
    assert [tick.label for tick in plot.y_ticks] == ["0", "10", "20", "30", "40"]
    assert (
        plot.series[0].marks[0].title
        == "22 Nov 2026 11.00.00 WIB\nKecepatan unduh: 38,16\N{NO-BREAK SPACE}Mbit/s"
    )


def test_hours_on_the_axis_are_local() -> None:
    only = point("speed", SINCE, 1, engine="http", download_goodput_bps=1.0)
    plot = charts.build(SPEED, ("http",), [only], Window(SINCE, UNTIL, WIT, "en"))
    assert [tick.label for tick in plot.x_ticks] == [f"13:{minute}0" for minute in range(6)] + ["14:00"]
