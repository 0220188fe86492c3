"""What a measurement says to a person: a card of labelled lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pantau_agent.live.screens import print_line
from pantau_agent.live.sparkline import sparkline
from pantau_agent.live.words import ABSENT
from pantau_wire.fields import Latency, Speed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from pantau_agent.live.words import Words
    from pantau_wire.fields import AnyMeasurement, LimitedBy

Tone = Literal["plain", "good", "bad"]

_STYLES = {"good": "green", "bad": "red", "plain": ""}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a card; `series` is what a terminal may draw beside the value."""

    label: str
    value: str
    tone: Tone = "plain"
    series: tuple[float, ...] = ()


def print_card(console: Console, words: Words, measurement: AnyMeasurement) -> None:
    """Print a panel on a terminal, else plain lines."""
    title, rows = rows_of(measurement, words)
    if console.is_terminal:
        console.print(_panel(title, rows, draws=_draws(console)))
        return
    print_line(console, f"\n{title}")
    for row in rows:
        print_line(console, f"  {row.label}: {row.value}")


def _draws(console: Console) -> bool:
    """Tell whether the terminal has the block characters."""
    return console.encoding.startswith("utf") and not console.is_dumb_terminal and not console.legacy_windows


def _panel(title: str, rows: Sequence[Row], *, draws: bool) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        value = Text(row.value, style=_STYLES[row.tone])
        if draws and row.series:
            value.append(f"  {sparkline(row.series)}")
        table.add_row(row.label, value)
    return Panel(table, title=Text(title), expand=False)


def rows_of(measurement: AnyMeasurement, words: Words) -> tuple[str, list[Row]]:
    """Return the title of a measurement's card and its lines."""
    if isinstance(measurement, Speed):
        title, rows = words.speed(measurement.engine), _speed_rows(measurement, words)
    elif isinstance(measurement, Latency):
        title, rows = words.target(measurement.target), _latency_rows(measurement, words)
    else:
        title, rows = type(measurement).__name__, []
    return title, [*rows, *_failure_rows(measurement, words)]


def _speed_rows(speed: Speed, words: Words) -> list[Row]:
    _ = words.translate
    down_bps, up_bps = speed.download_goodput_bps, speed.upload_goodput_bps
    return [
        Row(_("Server"), speed.server or ABSENT),
        Row(_("Download"), words.mbits(down_bps), _tone(down_bps), speed.download_series_bps or ()),
        Row(_("Upload"), words.mbits(up_bps), _tone(up_bps), speed.upload_series_bps or ()),
        Row(_("Delay while idle"), words.number(speed.idle_rtd_p50_ms, "ms")),
        Row(_("Delay while downloading"), words.number(speed.loaded_rtd_down_p50_ms, "ms")),
        Row(_("Delay while uploading"), words.number(speed.loaded_rtd_up_p50_ms, "ms")),
        *_responsiveness(speed, words),
        *_end(speed, words),
        *_limit(speed.limited_by, speed.limit_detail, words),
        *_doubts(speed, words),
        *_cost(speed, words),
    ]


def _responsiveness(speed: Speed, words: Words) -> Iterator[Row]:
    _ = words.translate
    figures = (speed.download_responsiveness_rpm, speed.upload_responsiveness_rpm)
    down, up = (words.number(rpm, "RPM", 0) if rpm is not None else None for rpm in figures)
    yield from _each_way(_("Responsiveness"), down, up, words)


def _end(speed: Speed, words: Words) -> Iterator[Row]:
    _ = words.translate
    reasons = (speed.download_ended_by, speed.upload_ended_by)
    down, up = (words.end(reason) if reason is not None else None for reason in reasons)
    yield from _each_way(_("Ended"), down, up, words)


def _each_way(label: str, down: str | None, up: str | None, words: Words) -> Iterator[Row]:
    """Yield a line of what is known of each direction; one text where both are the same."""
    _ = words.translate
    if down is not None and down == up:
        yield Row(label, down)
    elif down is not None or up is not None:
        named = ((_("Download"), down), (_("Upload"), up))
        yield Row(label, ", ".join(f"{name}: {value}" for name, value in named if value is not None))


def _limit(limited_by: LimitedBy | None, detail: str | None, words: Words) -> Iterator[Row]:
    _ = words.translate
    if limited_by is not None:
        value = words.limit(limited_by) + (f" ({detail})" if detail else "")
        yield Row(_("Limited by"), value, "good" if limited_by == "none" else "bad")


def _doubts(speed: Speed, words: Words) -> Iterator[Row]:
    _ = words.translate
    if speed.interface_ratio_suspect:
        text = _("the interface carried {down} and {up} times what was counted (download, upload)")
        ratios = (speed.download_interface_ratio, speed.upload_interface_ratio)
        down, up = (words.number(ratio, "", 2).strip() for ratio in ratios)
        yield Row(_("Doubtful"), text.format(down=down, up=up), "bad")


def _cost(speed: Speed, words: Words) -> Iterator[Row]:
    _ = words.translate
    if speed.download_bytes is not None or speed.upload_bytes is not None:
        used_bytes = (speed.download_bytes or 0) + (speed.upload_bytes or 0)
        yield Row(_("Data used"), words.megabytes(used_bytes))
    if speed.line_wait_s:
        yield Row(_("Waited for the line"), words.number(speed.line_wait_s, "s", 0))


def _latency_rows(latency: Latency, words: Words) -> list[Row]:
    _ = words.translate
    ratio, sent, received = latency.rt_loss_ratio, latency.sent_count, latency.received_count
    counts = f" ({received}/{sent})" if sent is not None else ""
    return [
        Row(_("Server"), f"{latency.server or ABSENT} ({latency.method})"),
        Row(_("Delay"), words.number(latency.rtd_p50_ms, "ms")),
        Row(_("Delay, 95th percentile"), words.number(latency.rtd_p95_ms, "ms")),
        Row(_("Delay variation"), words.number(latency.rtd_pdv_p95_ms, "ms")),
        Row(_("Lost packets"), words.percent(ratio) + counts, "bad" if ratio else "plain"),
        *([Row(_("What to do"), words.advice("unreachable"))] if received == 0 and sent else []),
    ]


def _failure_rows(measurement: AnyMeasurement, words: Words) -> list[Row]:
    _ = words.translate
    if measurement.failure is None:
        return []
    return [
        Row(_("Failed"), words.failure(measurement.failure), "bad"),
        Row(_("What to do"), words.advice(measurement.failure)),
        Row(_("Detail"), measurement.failure_detail or ABSENT),
    ]


def _tone(value: float | None) -> Tone:
    return "good" if value is not None else "bad"
