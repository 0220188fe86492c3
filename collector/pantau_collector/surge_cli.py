"""`pantau-collector surge`: how good the surge detector is, on traffic whose surges are known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pantau_collector.analysis.surge.evaluation import Quality, Recall
    from pantau_collector.analysis.surge.traffic_set import TrafficSet

_REGIMES = ("calm", "heavy")
_DEFAULT_SEED = 7
_WIDTH = 15
_SPREAD_FACTOR = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `evaluate`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    about = "recall, precision and false alarms beside simpler methods; docs/surge.md explains the figures"
    evaluate = commands.add_parser("evaluate", help=about, description=about)
    evaluate.add_argument("--seed", type=int, default=_DEFAULT_SEED, help="of the synthetic traffic")
    evaluate.add_argument(
        "--regime", choices=_REGIMES, default="calm", help="of its noise: normal, or heavy tails"
    )
    evaluate.add_argument("--input", type=Path, metavar="FILE.npz", help="traffic of your own instead")
    evaluate.add_argument("--scores", type=Path, metavar="OUT.npz", help="write score and cusum of each bin")
    evaluate.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    evaluate.set_defaults(function=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    from pantau_collector.analysis.surge import evaluation  # noqa: PLC0415 - NumPy is for who needs it

    traffic = _traffic(arguments)
    score, cusum = evaluation.scores(traffic)
    if arguments.scores is not None:
        _write_scores(arguments.scores, score=score, cusum=cusum)
    qualities = {
        name: evaluation.judge(traffic, alarms)
        for name, alarms in evaluation.alarms_of_all(traffic, score, cusum).items()
    }
    if arguments.json:
        answer: dict[str, object] = {"set": _described(arguments, traffic), "methods": _as_json(qualities)}
        if arguments.input is None:  # only there the noise of each village is known
            answer["recall_by_spread"] = _recall_by_spread(traffic, score, arguments.seed)
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _table(_described(arguments, traffic), qualities))
    return 0


def _traffic(arguments: argparse.Namespace) -> TrafficSet:
    from pantau_collector.analysis.surge import synthetic, traffic_set  # noqa: PLC0415

    if arguments.input is not None:
        return traffic_set.read(arguments.input)
    return synthetic.make(arguments.seed, arguments.regime)


def _write_scores(file: Path, **arrays: Any) -> None:
    import numpy as np  # noqa: PLC0415

    with file.open("wb") as out:
        np.savez_compressed(out, **arrays)


def _described(arguments: argparse.Namespace, traffic: TrafficSet) -> dict[str, object]:
    villages, bins = traffic.rate_bps.shape
    synthetic = {"seed": arguments.seed, "regime": arguments.regime}
    return {
        **({"input": str(arguments.input)} if arguments.input else synthetic),
        "village_count": villages,
        "bin_count": bins,
        "event_count": len(traffic.events),
    }


def _recall_by_spread(traffic: TrafficSet, score: NDArray[np.float32], seed: int) -> list[dict[str, float]]:
    """Return how the score's recall at three times the usual falls with a village's noise."""
    from pantau_collector.analysis.surge import evaluation, rules, synthetic  # noqa: PLC0415

    steps = evaluation.recall_by_spread(
        traffic, score > rules.SCORE_ALARM, synthetic.spreads_of(seed), _SPREAD_FACTOR
    )
    return [
        {"spread": spread, "recall_ratio": recall, "event_count": count} for spread, recall, count in steps
    ]


def _as_json(qualities: Mapping[str, Quality]) -> dict[str, object]:
    return {
        name: {
            "false_per_village_month": quality.false_per_village_month,
            "false_episode_count": quality.false_episode_count,
            "true_episode_count": quality.true_episode_count,
            "village_months": quality.village_months,
            "magnitudes": [_magnitude(quality, recall) for recall in quality.recalls],
        }
        for name, quality in qualities.items()
    }


def _magnitude(quality: Quality, recall: Recall) -> dict[str, object]:
    return {
        "factor": recall.factor,
        "event_count": recall.event_count,
        "found_count": recall.found_count,
        "recall_ratio": recall.ratio,
        "precision_ratio": quality.precision_of(recall),
        "detect_p50_minutes": recall.detect_p50_minutes,
    }


def _table(described: Mapping[str, object], qualities: Mapping[str, Quality]) -> Iterator[str]:
    yield ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in described.items())
    yield ""
    factors = [recall.factor for recall in next(iter(qualities.values())).recalls]
    columns = [f"{factor:g}x found after" for factor in factors]
    yield f"{'':<{_WIDTH}}" + "".join(f"{column:>20}" for column in columns) + f"{'false/village-month':>22}"
    for name, quality in qualities.items():
        cells = (_cell(recall) for recall in quality.recalls)
        false = f"{quality.false_per_village_month:.3f}"
        yield f"{name:<{_WIDTH}}" + "".join(f"{cell:>20}" for cell in cells) + f"{false:>22}"
    yield ""
    yield "found: share of the events of this magnitude; after: minutes until the alarm, median"


def _cell(recall: Recall) -> str:
    soon = "" if recall.detect_p50_minutes is None else f"{recall.detect_p50_minutes:.1f} min"
    return f"{recall.ratio:.1%} {soon:>8}"
