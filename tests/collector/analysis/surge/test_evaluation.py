"""The goals of the surge rules hold on a fixed set, and the judge counts as a person would."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from pantau_collector.analysis.surge import evaluation, nab, rules, synthetic
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
    assert main([*arguments, "--plots", str(tmp_path / "pictures")]) == 0
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert [file.name for file in pictures] == ["surge-example.svg", "surge-recall.svg"]
    for file in pictures:
        assert ET.parse(file).getroot().tag.endswith("svg")
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
        ({"start": np.array(-7)}, "start must be one number: seconds since 1970"),
        ({"start": np.array([1, 2])}, "start must be one number"),
        ({"utc_offset_s": np.array(np.nan)}, "utc_offset_s is out of bounds"),
        ({"events": np.array([[0, np.inf, 5, 3]])}, "events must be finite numbers"),
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
    """Not a stack trace: text, a file that is cut off, a single array."""
    source = tmp_path / "in.npz"
    for content in (b"rates", b"PK\x03\x04" + b"x" * 100):
        source.write_bytes(content)
        assert main(["surge", "evaluate", "--input", str(source)]) == 2
        assert "is no .npz file of plain arrays" in capsys.readouterr().err
    with source.open("wb") as file:
        np.save(file, np.ones(3))
    assert main(["surge", "evaluate", "--input", str(source)]) == 2
    assert "holds one array" in capsys.readouterr().err


def test_other_peoples_traffic_is_taken_as_it_comes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Single precision, mixed time zones, any regency numbers, empty villages, unsorted events, few bins."""
    rng = np.random.default_rng(1)
    rates = (5e6 * np.exp(0.1 * rng.standard_normal((15, 16 * _DAY)))).astype(np.float32)
    rates[3] = np.nan
    rates[5, 15 * _DAY : 15 * _DAY + 12] *= 5
    source, target = tmp_path / "in.npz", tmp_path / "out.npz"
    events = np.array([[5, 15 * _DAY, 15 * _DAY + 11, 5.0], [2, 15 * _DAY - 99, 15 * _DAY - 80, 2.0]])
    zones = np.array([25_200, 28_800, 32_400] * 5)
    regency = np.array([3310] * 12 + [9171, 2**31 - 1, 0], dtype=np.uint32)
    arrays = {"start": np.float32(1_000_000_123), "utc_offset_s": zones, "regency": regency, "events": events}
    np.savez(source, rate_bps=rates, **arrays)
    command = ["surge", "evaluate", "--input", str(source), "--plots", str(tmp_path)]
    assert main([*command, "--scores", str(target), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    magnitudes = {one["factor"]: one for one in answer["methods"]["score"]["magnitudes"]}
    assert magnitudes[5.0]["found_count"] == 1
    with np.load(target) as found:
        assert found["score"].shape == rates.shape
        assert np.isnan(found["score"][3]).all()
        whole = found["score"]
    np.savez(
        source,
        rate_bps=rates[::-1],
        **arrays | {"utc_offset_s": zones[::-1], "regency": regency[::-1], "events": np.empty((0, 4))},
    )
    assert main([*command, "--scores", str(target), "--json"]) == 0
    with np.load(target) as found:  # the order of villages means nothing
        np.testing.assert_array_equal(found["score"][::-1], whole)
    for bins in (1, 8, 12, 300):
        np.savez(source, rate_bps=rates[:, :bins], **arrays | {"events": np.empty((0, 4))})
        assert main(command) == 0


def test_where_nothing_can_be_written_the_table_still_comes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures are left out with a word; scores that were asked for are an error."""
    source = tmp_path / "in.npz"
    np.savez(source, **_GOOD)
    (tmp_path / "file").write_text("")
    command = ["surge", "evaluate", "--input", str(source), "--plots", str(tmp_path / "file" / "below")]
    assert main(command) == 0
    out = capsys.readouterr()
    assert "Holt-Winters" in out.out
    assert "no pictures" in out.err
    assert main([*command, "--scores", str(tmp_path / "file" / "out.npz")]) == 2


def test_a_checkout_of_nab_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its three series with their windows; a folder that is none is named."""
    assert main(["surge", "evaluate", "--nab", str(tmp_path)]) == 2
    assert "is no checkout of github.com/numenta/NAB" in capsys.readouterr().err
    (tmp_path / "data" / "realAWSCloudwatch").mkdir(parents=True)
    (tmp_path / "labels").mkdir()
    begun = datetime(2014, 4, 10, 0, 4, tzinfo=UTC)
    lines = ["timestamp,value"]
    for at in range(4 * _DAY):
        value = 900 if 3 * _DAY <= at < 3 * _DAY + 20 else 100 + at % 7
        lines.append(f"{begun + timedelta(minutes=5 * at):%Y-%m-%d %H:%M:%S},{value}.0")
    windows = [
        [
            f"{begun + timedelta(days=3):%Y-%m-%d %H:%M:%S.%f}",
            f"{begun + timedelta(days=3.2):%Y-%m-%d %H:%M:%S.%f}",
        ]
    ]
    for name in nab.SERIES:
        (tmp_path / "data" / name).write_text("\n".join(lines))
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(dict.fromkeys(nab.SERIES, windows)))
    assert main(["surge", "evaluate", "--nab", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    found = {(row["learning_days"], row["track"]): row["found_count"] for row in rows}
    assert found == {(14, "score"): 0, (14, "cusum"): 0, (2, "score"): 1, (2, "cusum"): 1}
