"""The goals of the surge rules hold on a fixed set, and the judge counts as a person would."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pantau_collector.analysis.surge import evaluation, rules, synthetic
from pantau_collector.analysis.surge.traffic_set import Event, TrafficSet
from pantau_collector.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_DAY = rules.BINS_PER_DAY
_SMALL = synthetic.Size(regencies=2, villages_per_regency=25, days=50)


@pytest.fixture(scope="module")
def calm() -> tuple[TrafficSet, dict[str, NDArray[np.bool_]]]:
    traffic = synthetic.make(7, "calm", _SMALL)
    return traffic, evaluation.alarms_of_all(traffic, *evaluation.scores(traffic))


def _recall(quality: evaluation.Quality, factor: float) -> evaluation.Recall:
    return next(recall for recall in quality.recalls if recall.factor == factor)


def test_the_goals_hold_where_traffic_is_calm(
    calm: tuple[TrafficSet, dict[str, NDArray[np.bool_]]],
) -> None:
    """Recall at 3 and 5 times the usual, time to detect, false alarms; twice the usual by the slow track."""
    traffic, alarms = calm
    fast = evaluation.judge(traffic, alarms["score"])
    assert _recall(fast, 3).ratio >= 0.93
    assert _recall(fast, 5).ratio >= 0.99
    assert _recall(fast, 3).detect_p50_minutes is not None
    assert _recall(fast, 3).detect_p50_minutes <= 10
    assert fast.false_per_village_month <= 0.1
    slow = evaluation.judge(traffic, alarms["cusum"])
    assert _recall(slow, 2).ratio > 2 * _recall(fast, 2).ratio
    assert slow.false_per_village_month <= 0.2


def test_a_rival_of_equal_recall_alarms_far_more_often_for_nothing(
    calm: tuple[TrafficSet, dict[str, NDArray[np.bool_]]],
) -> None:
    """Otherwise the detector would not be worth its rules."""
    traffic, alarms = calm
    ours = evaluation.judge(traffic, alarms["score"])
    for name in ("Holt-Winters", "mean + 3 sigma"):
        rival = evaluation.judge(traffic, alarms[name])
        assert _recall(rival, 3).ratio > 0.9, name
        assert rival.false_per_village_month > 10 * max(ours.false_per_village_month, 0.05), name


def test_recall_is_told_by_the_noise_of_villages(
    calm: tuple[TrafficSet, dict[str, NDArray[np.bool_]]],
) -> None:
    """Every event of the magnitude stands in one step of the noise, and together they are the recall."""
    traffic, alarms = calm
    spreads = synthetic.spreads_of(7, _SMALL)
    steps = evaluation.recall_by_spread(traffic, alarms["score"], spreads, 3.0)
    overall = _recall(evaluation.judge(traffic, alarms["score"]), 3)
    assert [spread for spread, _, _ in steps] == sorted(spread for spread, _, _ in steps)
    assert sum(count for _, _, count in steps) == overall.event_count
    assert sum(recall * count for _, recall, count in steps) == pytest.approx(overall.found_count)


def _flat(events: tuple[Event, ...]) -> TrafficSet:
    rates = np.full((2, 16 * _DAY), 5e6)
    zeros = np.zeros(2, np.int32)
    return TrafficSet(rates, 0, zeros, zeros, events)


def test_an_alarm_counts_for_the_event_that_it_touches() -> None:
    """Late by at most the score's memory; pauses of an hour are one episode; the rest is false."""
    first = 15 * _DAY
    traffic = _flat((Event(0, first, first + 5, 3.0), Event(1, first, first + 5, 3.0)))
    alarms = np.zeros(traffic.rate_bps.shape, dtype=bool)
    alarms[0, first + 8] = True  # three bins after its end
    alarms[1, first + 9] = True  # four
    alarms[1, [first + 30, first + 40]] = True  # one episode
    alarms[1, 5] = True  # before anything is judged
    found = evaluation.judge(traffic, alarms)
    assert (found.true_episode_count, found.false_episode_count) == (1, 2)
    assert found.recalls == (evaluation.Recall(3.0, 2, 1, 40.0),)


def test_traffic_of_ones_own_is_scored_in_its_own_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From file to file, and the answer is one JSON object."""
    made = synthetic.make(3, "heavy", synthetic.Size(regencies=1, villages_per_regency=12, days=18))
    source, target = tmp_path / "in.npz", tmp_path / "out.npz"
    events = [[0, 17 * _DAY, 17 * _DAY + 12, 4.0]]
    arrays = {"rate_bps": made.rate_bps, "start": made.start_s, "events": np.array(events)}
    np.savez(source, utc_offset_s=25_200, regency=made.regency, **arrays)
    arguments = ["surge", "evaluate", "--input", str(source), "--scores", str(target), "--json"]
    assert main(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["set"]["event_count"] == 1
    assert set(answer["methods"]) >= {"score", "cusum"}
    with np.load(target) as found:
        assert found["score"].shape == made.rate_bps.shape
        assert np.isnan(found["score"][:, : 14 * _DAY]).all()
        assert np.isfinite(found["score"][:, 15 * _DAY :]).mean() > 0.9


_GOOD = {
    "rate_bps": np.ones((2, 10)),
    "start": np.array(0),
    "utc_offset_s": np.array(0),
    "regency": np.array([0, 1]),
    "events": np.empty((0, 4)),
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rate_bps": None}, "the file lacks rate_bps"),
        ({"rate_bps": np.ones(5)}, r"rate_bps must have the shape \(villages, bins\)"),
        ({"rate_bps": -np.ones((2, 10))}, "0 or more, and NaN for gaps"),
        ({"rate_bps": np.array([["a", "b"]])}, "rate_bps must be numbers"),
        ({"start": np.array(7)}, "multiple of 300 s"),
        ({"regency": np.array([0, 1, 2])}, r"one a village \(2\)"),
        ({"regency": np.array([-1, 1])}, "regency is out of bounds"),
        ({"events": np.array([[0, 1, 99, 3]])}, "event 0 lies outside the 2 villages and 10 bins"),
        ({"events": np.array([1, 2, 3])}, "events must have four columns"),
    ],
)
def test_traffic_that_cannot_be_used_is_named(
    change: dict[str, object],
    complaint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A wrong file says what is wrong with it, and nothing is judged."""
    source = tmp_path / "in.npz"
    np.savez(source, **{name: value for name, value in (_GOOD | change).items() if value is not None})
    assert main(["surge", "evaluate", "--input", str(source)]) == 2
    assert re.search(complaint, capsys.readouterr().err)


def test_a_file_that_is_no_array_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not a stack trace."""
    source = tmp_path / "in.npz"
    source.write_text("rates")
    assert main(["surge", "evaluate", "--input", str(source)]) == 2
    assert "is no .npz file of plain arrays" in capsys.readouterr().err
