"""What others would do on the same traffic: a fixed threshold, Holt-Winters, mean and standard deviation.

Each takes rates of shape (villages, bins) and returns alarms of the same shape. They judge from the first bin
after four weeks on, as the detector does not need to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge.rules import (
    BASELINE_DAYS,
    BINS_PER_DAY,
    BINS_PER_HOUR,
    SMALLEST_RATE_BPS,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Alarms = NDArray[np.bool_]

_STATIC_SHARE = 0.8
_SIGMAS = 3.0
_HW_LEVEL, _HW_TREND, _HW_SEASON = 0.1, 0.0035, 0.1
_HW_DELTA = 2.0
_HW_VIOLATIONS, _HW_WINDOW = 7, 9


def static_threshold(rate_bps: Floats) -> Alarms:
    """Alarm above 80% of the largest rate of the first four weeks: what stands in for the line's capacity."""
    known = rate_bps[:, : BASELINE_DAYS * BINS_PER_DAY]
    largest = np.nanmax(np.where(np.isnan(known), 0, known), axis=1, initial=0)
    alarms: Alarms = rate_bps > _STATIC_SHARE * largest[:, None]
    return alarms


def mean_and_deviation(rate_bps: Floats) -> Alarms:
    """Alarm above the last hour's mean and three of its standard deviations."""
    alarms = np.zeros(rate_bps.shape, dtype=bool)
    if rate_bps.shape[1] <= BINS_PER_HOUR:
        return alarms
    windows = np.lib.stride_tricks.sliding_window_view(rate_bps, BINS_PER_HOUR, axis=1)[:, :-1]
    counts = np.count_nonzero(~np.isnan(windows), axis=2)
    total = np.nansum(windows, axis=2)
    mean = total / np.maximum(counts, 1)
    variance = np.nansum(windows**2, axis=2) / np.maximum(counts, 1) - mean**2
    limit = mean + _SIGMAS * np.sqrt(np.maximum(variance, 0))
    alarms[:, BINS_PER_HOUR:] = (rate_bps[:, BINS_PER_HOUR:] > limit) & (counts >= BINS_PER_HOUR // 2)
    return alarms


def holt_winters(rate_bps: Floats) -> Alarms:
    """Alarm as RRDtool's aberrant behaviour detection: 7 of the last 9 values above the confidence band.

    Additive Holt-Winters with a season of a day and a band of two smoothed deviations. Source: J. D. Brutlag,
    Aberrant Behavior Detection in Time Series for Network Monitoring, LISA 2000.
    """
    logs = np.log(np.maximum(rate_bps, SMALLEST_RATE_BPS))
    model = _HoltWinters(logs[:, :BINS_PER_DAY])
    above = np.zeros(rate_bps.shape, dtype=bool)
    for at in range(BINS_PER_DAY, rate_bps.shape[1]):
        above[:, at] = model.step(at % BINS_PER_DAY, logs[:, at])
    above[:, : BASELINE_DAYS * BINS_PER_DAY] = False
    return _seven_of_nine(above)


class _HoltWinters:
    """Level, trend, season and deviation of many series at once."""

    def __init__(self, first_day: Floats) -> None:
        counts = np.maximum(np.count_nonzero(~np.isnan(first_day), axis=1), 1)
        self._level = np.nansum(first_day, axis=1) / counts
        self._trend = np.zeros(len(first_day))
        self._season = np.nan_to_num(first_day - self._level[:, None])
        self._deviation = np.full(first_day.shape, np.inf)

    def step(self, at: int, values: Floats) -> Alarms:
        """Take a bin; return which values lie above the band. A gap changes nothing but the trend's step."""
        forecast = self._level + self._trend + self._season[:, at]
        miss = np.abs(values - forecast)
        above: Alarms = values > forecast + _HW_DELTA * self._deviation[:, at]
        gap = np.isnan(values)
        before = self._level
        level = _HW_LEVEL * (values - self._season[:, at]) + (1 - _HW_LEVEL) * (before + self._trend)
        self._level = np.where(gap, before + self._trend, level)
        trend = _HW_TREND * (self._level - before) + (1 - _HW_TREND) * self._trend
        self._trend = np.where(gap, self._trend, trend)
        season = _HW_SEASON * (values - self._level) + (1 - _HW_SEASON) * self._season[:, at]
        self._season[:, at] = np.where(gap, self._season[:, at], season)
        smoothed = _HW_SEASON * miss + (1 - _HW_SEASON) * self._deviation[:, at]
        known = np.where(np.isinf(self._deviation[:, at]), miss, smoothed)
        self._deviation[:, at] = np.where(gap, self._deviation[:, at], known)
        return above


def _seven_of_nine(above: Alarms) -> Alarms:
    alarms = np.zeros_like(above)
    if above.shape[1] < _HW_WINDOW:
        return alarms
    windows = np.lib.stride_tricks.sliding_window_view(above, _HW_WINDOW, axis=1)
    alarms[:, _HW_WINDOW - 1 :] = np.count_nonzero(windows, axis=2) >= _HW_VIOLATIONS
    return alarms
