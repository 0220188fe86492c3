"""What `pantau-agent test` shows: live progress while it measures, and a card of results at the end.

On a terminal rich draws bars; anywhere else there are plain lines; with `as_json` one JSON object and
nothing else. Message ids are English; `translate` puts them into the reader's language.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from pantau_agent.probes.base import Context
from pantau_agent.scheduler import measure
from pantau_wire.fields import Latency, Speed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.progress import TaskID

    from pantau_agent.probes.base import Phase, Progress
    from pantau_agent.scheduler import Job
    from pantau_wire.fields import AnyMeasurement, Failure, LimitedBy

_MEGA = 1_000_000
_PERCENT = 100
_ABSENT = "-"
_STYLES = {"good": "green", "bad": "red", "plain": ""}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a card."""

    label: str
    value: str
    tone: Literal["plain", "good", "bad"] = "plain"


class Words:
    """Turns states and numbers into the reader's language."""

    def __init__(self, translate: Callable[[str], str]) -> None:
        self.translate = translate
        # The last character is what stands between whole number and fraction.
        _ = translate
        self._point = _("decimal point: .")[-1]

    def number(self, value: float | None, unit: str, digits: int = 1) -> str:
        """Return a number with its unit, a dash if it is absent."""
        if value is None:
            return _ABSENT
        return f"{value:.{digits}f} {unit}".replace(".", self._point, 1)

    def mbits(self, bps: float | None) -> str:
        """Return a rate in Mbit/s."""
        return self.number(bps / _MEGA if bps is not None else None, "Mbit/s", 2)

    def numbers(self, progress: Progress) -> str:
        """Return what is known at this moment: rate and round trip."""
        parts = []
        if progress.rate_bps is not None:
            parts.append(self.mbits(progress.rate_bps))
        if progress.rtd_ms is not None:
            parts.append(self.number(progress.rtd_ms, "ms"))
        return "   ".join(parts)

    def job(self, name: str, target: Any) -> str:
        """Return a job's title."""
        _ = self.translate
        titles = {
            "speed": _("Speed test"),
            "latency-gateway": _("Delay to the gateway"),
            "latency-testpoint": _("Delay to the test server"),
            "latency-internet": _("Delay to the internet"),
        }
        where = getattr(target, "url", None) or getattr(target, "host", None)
        return f"{titles.get(name, name)} ({where})" if where else titles.get(name, name)

    def phase(self, phase: Phase) -> str:
        """Return what a probe is doing."""
        _ = self.translate
        return {
            "idle": _("Delay while idle"),
            "download": _("Download"),
            "upload": _("Upload"),
            "probes": _("Delay"),
            "waiting": _("The server is busy: waiting"),
        }[phase]

    def target(self, target: Literal["gateway", "testpoint", "internet"]) -> str:
        """Return whom a latency probe asked."""
        return self.job(f"latency-{target}", None)

    def limit(self, limited_by: LimitedBy) -> str:
        """Return what held a speed test back."""
        _ = self.translate
        return {
            "none": _("only the line"),
            "device": _("this device: its processor was fully busy"),
            "busy_line": _("other traffic on the line"),
            "budget": _("the data budget"),
            "server": _("the test server"),
        }[limited_by]

    def failure(self, failure: Failure) -> str:
        """Return why a measurement failed."""
        _ = self.translate
        return {
            "unreachable": _("nobody answers"),
            "timeout": _("it did not end in time"),
            "refused": _("the server refused"),
            "busy": _("the test server has no place free"),
            "name_resolution": _("the server's name is not known"),
            "protocol": _("something else than a test server answers"),
            "permission": _("this machine does not permit it"),
            "unsupported": _("this machine cannot do it"),
            "budget": _("the data budget does not allow it"),
            "internal": _("a fault of this program"),
        }[failure]

    def advice(self, failure: Failure) -> str:
        """Return what to do about a failure."""
        _ = self.translate
        return {
            "unreachable": _("Check cable or Wi-Fi, and whether the router has power and internet."),
            "timeout": _("The line may be very slow or broken off. Try again in a few minutes."),
            "refused": _("Check address and port of the server in the configuration."),
            "busy": _("Try again in a few minutes."),
            "name_resolution": _("Check the server's name in the configuration, then the router's DNS."),
            "protocol": _("Check the address; a login page of this network may stand in between."),
            "permission": _("Install the agent by its role, or choose another method in the configuration."),
            "unsupported": _("Check the configuration; the detail says what is missing."),
            "budget": _("Wait for next month, or raise the budget in the configuration."),
            "internal": _("Please report it together with the detail."),
        }[failure]


async def run_live(
    jobs: Sequence[Job],
    translate: Callable[[str], str],
    *,
    as_json: bool = False,
    console: Console | None = None,
    context_factory: Callable[[Callable[[Progress], None]], Context] | None = None,
) -> list[AnyMeasurement]:
    """Run the jobs one after the other, show them, and return their measurements in the same order.

    `context_factory` makes a job's context around the given progress callback; by default a fresh one.
    """
    console = console or Console()
    words = Words(translate)
    make_context = context_factory or (lambda on_progress: Context(on_progress=on_progress))
    measurements = []
    with _screen(console, words, as_json=as_json) as screen:
        for job in jobs:
            screen.begin(words.job(job.name, job.target))
            _, measurement = await measure(job, make_context(screen.show))
            screen.end()
            measurements.append(measurement)
    if as_json:
        _print_json(measurements)
    else:
        _print_card(console, words, measurements)
    return measurements


class _Screen:
    """Where progress is shown; this one shows nothing, and the others build on it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the showing."""

    def begin(self, title: str) -> None:
        """Take note that a job begins."""

    def show(self, progress: Progress) -> None:
        """Take note that the job has come further."""

    def end(self) -> None:
        """Take note that the job is done."""


def _screen(console: Console, words: Words, *, as_json: bool) -> _Screen:
    if as_json:
        return _Screen()
    return _BarScreen(console, words) if console.is_terminal else _LineScreen(console, words)


class _LineScreen(_Screen):
    """A line for each job and for each of its phases."""

    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self._words = words
        self._phase: str | None = None

    def begin(self, title: str) -> None:
        """Print the job's title."""
        self._phase = None
        _print_line(self._console, title)

    def show(self, progress: Progress) -> None:
        """Print the phase if it is a new one."""
        if progress.phase != self._phase:
            self._phase = progress.phase
            _print_line(self._console, f"  {self._words.phase(progress.phase)} …")


class _BarScreen(_Screen):
    """A bar for each phase, with the current rate and the last round trip beside it."""

    def __init__(self, console: Console, words: Words) -> None:
        self._words = words
        self._phase: str | None = None
        self._bar: TaskID | None = None
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=console,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, title: str) -> None:
        """Start a bar that shows no amount yet."""
        self._phase = None
        self._bar = self._bars.add_task(title, total=None, numbers="")

    def show(self, progress: Progress) -> None:
        """Move the phase's bar; the first phase takes over the job's own."""
        if self._bar is None:
            return
        if progress.phase != self._phase:
            if self._phase is not None:
                self._fill()
                self._bar = self._bars.add_task("", total=1.0, numbers="")
            self._phase = progress.phase
        share = min(progress.elapsed_s / progress.expected_s, 1.0) if progress.expected_s > 0 else 1.0
        self._bars.update(
            self._bar,
            description=self._words.phase(progress.phase),
            total=1.0,
            completed=share,
            numbers=self._words.numbers(progress),
        )

    def end(self) -> None:
        """Fill the last bar."""
        self._fill()
        self._bar = None

    def _fill(self) -> None:
        if self._bar is not None:
            self._bars.update(self._bar, total=1.0, completed=1.0)


def _print_json(measurements: Sequence[AnyMeasurement]) -> None:
    octets = msgspec.json.format(msgspec.json.encode({"measurements": measurements}), indent=2)
    sys.stdout.write(octets.decode() + "\n")


def _print_card(console: Console, words: Words, measurements: Sequence[AnyMeasurement]) -> None:
    for measurement in measurements:
        title, rows = rows_of(measurement, words)
        if console.is_terminal:
            console.print(_panel(title, rows))
        else:
            _print_line(console, f"\n{title}")
            for row in rows:
                _print_line(console, f"  {row.label}: {row.value}")


def _panel(title: str, rows: Sequence[Row]) -> Panel:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(Text(row.label), Text(row.value, style=_STYLES[row.tone]))
    return Panel(table, title=Text(title), expand=False)


def _print_line(console: Console, text: str) -> None:
    """Print as it is: no wrapping, no markup, so that scripts can read it."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def rows_of(measurement: AnyMeasurement, words: Words) -> tuple[str, list[Row]]:
    """Return the title of a measurement's card and its lines."""
    _ = words.translate
    if isinstance(measurement, Speed):
        title, rows = words.job("speed", None), _speed_rows(measurement, words)
    elif isinstance(measurement, Latency):
        title, rows = words.target(measurement.target), _latency_rows(measurement, words)
    else:
        title, rows = type(measurement).__name__, []
    return title, [*rows, *_failure_rows(measurement, words)]


def _speed_rows(speed: Speed, words: Words) -> list[Row]:
    _ = words.translate
    rows = [
        Row(_("Server"), speed.server or _ABSENT),
        Row(_("Download"), words.mbits(speed.download_goodput_bps), _tone(speed.download_goodput_bps)),
        Row(_("Upload"), words.mbits(speed.upload_goodput_bps), _tone(speed.upload_goodput_bps)),
        Row(_("Delay while idle"), words.number(speed.idle_rtd_p50_ms, "ms")),
        Row(_("Delay while downloading"), words.number(speed.loaded_rtd_down_p50_ms, "ms")),
        Row(_("Delay while uploading"), words.number(speed.loaded_rtd_up_p50_ms, "ms")),
    ]
    if speed.limited_by is not None:
        tone: Literal["good", "bad"] = "good" if speed.limited_by == "none" else "bad"
        rows.append(Row(_("Limited by"), words.limit(speed.limited_by), tone))
    return rows


def _latency_rows(latency: Latency, words: Words) -> list[Row]:
    _ = words.translate
    ratio, sent, received = latency.rt_loss_ratio, latency.sent_count, latency.received_count
    loss = words.number(ratio * _PERCENT if ratio is not None else None, "%")
    counts = f" ({received}/{sent})" if sent is not None else ""
    return [
        Row(_("Server"), f"{latency.server or _ABSENT} ({latency.method})"),
        Row(_("Delay"), words.number(latency.rtd_p50_ms, "ms")),
        Row(_("Delay, 95th percentile"), words.number(latency.rtd_p95_ms, "ms")),
        Row(_("Delay variation"), words.number(latency.rtd_pdv_p95_ms, "ms")),
        Row(_("Lost packets"), loss + counts, "bad" if ratio else "plain"),
        *([Row(_("What to do"), words.advice("unreachable"))] if received == 0 else []),
    ]


def _failure_rows(measurement: AnyMeasurement, words: Words) -> list[Row]:
    _ = words.translate
    if measurement.failure is None:
        return []
    return [
        Row(_("Failed"), words.failure(measurement.failure), "bad"),
        Row(_("What to do"), words.advice(measurement.failure)),
        Row(_("Detail"), measurement.failure_detail or _ABSENT),
    ]


def _tone(value: float | None) -> Literal["good", "bad"]:
    return "good" if value is not None else "bad"
