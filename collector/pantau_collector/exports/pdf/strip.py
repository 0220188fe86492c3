"""A village's month minute by minute: a line a day from midnight to midnight, a colour a state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportlab.platypus import Flowable

from pantau_collector.exports.pdf import looks
from pantau_collector.months import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantau_collector.i18n import Language
    from pantau_collector.months.model import DayStates

_DAY_MINUTES, _HOUR_MINUTES = 1440, 60
_ROW, _GAP, _LABEL, _AXIS, _SIZE = 5.0, 0.8, 14, 9, 6
_HOURS = range(0, 25, 3)
_SWATCH = 7


class Strip(Flowable):
    """The days below each other. Maintenance is a line under its minutes."""

    def __init__(self, days: Sequence[DayStates], language: Language) -> None:
        super().__init__()
        self._days = days
        self._mark = "." if language == "id" else ":"
        self.width = looks.WIDTH
        self.height = len(days) * _ROW + _AXIS

    def draw(self) -> None:
        """Draw the days, and the hours under them."""
        for number, day in enumerate(self._days):
            self._draw_day(day, self.height - (number + 1) * _ROW)
        self.canv.setFillColor(looks.GREY)
        self.canv.setFont(looks.REGULAR, _SIZE)
        for hour in _HOURS:
            text = f"{hour:02}{self._mark}00"
            self.canv.drawCentredString(self._x(hour * _HOUR_MINUTES), 0, text)

    def _draw_day(self, day: DayStates, y: float) -> None:
        canvas, minute = self.canv, 0
        canvas.setFillColor(looks.GREY)
        canvas.setFont(looks.REGULAR, _SIZE - 1)
        canvas.drawRightString(_LABEL - 4, y + 1, str(day.day.day))
        for state, minutes, maintenance in day.runs:
            left, right = self._x(minute), self._x(minute + minutes)
            canvas.setFillColor(looks.STATES[state])
            canvas.rect(left, y, right - left, _ROW - _GAP, stroke=0, fill=1)
            if maintenance:
                canvas.setFillColor(looks.MAINTENANCE)
                canvas.rect(left, y, right - left, 1, stroke=0, fill=1)
            minute += minutes

    def _x(self, minute: int) -> float:
        return _LABEL + minute / _DAY_MINUTES * (self.width - _LABEL - 10)


class _Legend(Flowable):
    """What each colour means, with how many minutes of it there were."""

    def __init__(self, entries: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._entries = entries
        self._columns = 4
        self.width = looks.WIDTH
        self.height = -(-len(entries) // self._columns) * 11 + 4

    def draw(self) -> None:
        """Draw the entries in columns."""
        self.canv.setFont(looks.REGULAR, 7.5)
        for number, (state, text) in enumerate(self._entries):
            row, column = divmod(number, self._columns)
            x, y = column * self.width / self._columns, self.height - (row + 1) * 11
            self.canv.setFillColor(looks.STATES.get(state, looks.MAINTENANCE))
            self.canv.rect(x, y, _SWATCH, _SWATCH, stroke=0, fill=1)
            self.canv.setFillColor(looks.GREY)
            self.canv.drawString(x + _SWATCH + 4, y + 1, looks.latin(text))


def legend(minutes: Mapping[str, int], language: Language) -> Flowable:
    """Return the legend of a month with these minutes per state."""
    return _Legend(
        [
            (state, f"{words.state(state, language)}: {words.whole(count, language)}")
            for state, count in minutes.items()
            if count and state in words.STATES
        ]
    )
