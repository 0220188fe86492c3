"""Shows how far the measurements have come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from pantau_agent.live.words import Words
    from pantau_agent.probes.base import Progress

_BAR_COLUMNS = 30


class Screen:
    """Where progress is shown; this one shows nothing, and the others build on it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""

    def begin(self, title: str) -> None:
        """Take note that a job begins."""

    def show(self, progress: Progress) -> None:
        """Take note that the job has come further."""

    def end(self, *, failed: bool) -> None:
        """Take note that the job is done."""


def screen_for(console: Console, words: Words, *, as_json: bool) -> Screen:
    """Return bars for a terminal, else lines; nothing where only JSON is wanted."""
    if as_json:
        return Screen()
    return BarScreen(console, words) if console.is_terminal else LineScreen(console, words)


def print_line(console: Console, text: str) -> None:
    """Print as it is: no wrapping, no markup, so that scripts can read it."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


class LineScreen(Screen):
    """A line for each job and for each of its phases."""

    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self._words = words
        self._phase: str | None = None

    def begin(self, title: str) -> None:
        """Print the job's title."""
        self._phase = None
        print_line(self._console, title)

    def show(self, progress: Progress) -> None:
        """Print the phase if it is a new one."""
        if progress.phase != self._phase:
            self._phase = progress.phase
            print_line(self._console, f"  {self._words.phase(progress.phase)} …")


class BarScreen(Screen):
    """Below each job's title a bar for each phase, with the current rate and round trip beside it."""

    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self._words = words
        self._phase: str | None = None
        self._bar: TaskID | None = None
        self._bars: Bars | None = None

    def __exit__(self, *_: object) -> None:
        self._stop()

    def begin(self, title: str) -> None:
        """Print the title; the first phase brings the first bar."""
        self._phase = self._bar = None
        self._console.print(title, markup=False, highlight=False, style="bold")
        self._bars = Bars(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=_BAR_COLUMNS),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=self._console,
        )
        self._bars.start()

    def show(self, progress: Progress) -> None:
        """Move the phase's bar."""
        if self._bars is None:
            return
        if progress.phase != self._phase or self._bar is None:
            self._fill()
            self._phase = progress.phase
            self._bar = self._bars.add_task(self._words.phase(progress.phase), total=1.0, numbers="")
        share = min(progress.elapsed_s / progress.expected_s, 1.0) if progress.expected_s > 0 else 1.0
        self._bars.update(self._bar, completed=share, numbers=self._words.numbers(progress))

    def end(self, *, failed: bool) -> None:
        """Fill the last bar, unless the job broke off there."""
        if not failed:
            self._fill()
        self._stop()

    def _fill(self) -> None:
        if self._bar is not None and self._bars is not None:
            self._bars.update(self._bar, completed=1.0)

    def _stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
