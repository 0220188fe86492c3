"""`pantau-collector surge`: how good the surge detector is, on traffic whose surges are known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pantau_collector.errors import TrafficSetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pantau_collector.analysis.surge.evaluation import Quality, Recall
    from pantau_collector.analysis.surge.traffic_set import Event, TrafficSet

_REGIMES = ("calm", "heavy")
_DEFAULT_SEED = 7
_WIDTH = 15
_SPREAD_FACTOR = 3.0
_NAB_LEARNING_DAYS = 2


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
    evaluate.add_argument(
        "--nab",
        type=Path,
        metavar="FOLDER",
        help="instead the network-in series of a checkout of numenta/NAB",
    )
    evaluate.add_argument(
        "--plots",
        type=Path,
        metavar="FOLDER",
        default=Path("build"),
        help="where pictures go (default: build)",
    )
    evaluate.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    evaluate.set_defaults(function=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    from pantau_collector.analysis.surge import evaluation  # noqa: PLC0415 - NumPy is for who needs it

    if arguments.nab is not None:
        return _evaluate_nab(arguments)
    traffic = _traffic(arguments)
    score, cusum = evaluation.scores(traffic)
    if arguments.scores is not None:
        _write_scores(arguments.scores, score=score, cusum=cusum)
    qualities = {
        name: evaluation.judge(traffic, alarms)
        for name, alarms in evaluation.alarms_of_all(traffic, score, cusum).items()
    }
    pictures = _pictures(arguments, traffic, score, qualities)
    if arguments.json:
        answer: dict[str, object] = {"set": _described(arguments, traffic), "methods": _as_json(qualities)}
        if arguments.input is None:  # only there the noise of each village is known
            answer["recall_by_spread"] = _recall_by_spread(traffic, score, arguments.seed)
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _table(_described(arguments, traffic), qualities))
        sys.stdout.writelines(f"picture: {file}\n" for file in pictures)
    return 0


def _traffic(arguments: argparse.Namespace) -> TrafficSet:
    from pantau_collector.analysis.surge import synthetic, traffic_set  # noqa: PLC0415

    if arguments.input is not None:
        return traffic_set.read(arguments.input)
    return synthetic.make(arguments.seed, arguments.regime)


def _evaluate_nab(arguments: argparse.Namespace) -> int:
    """Print what comes out on NAB's series: by the rules, and as if two days were enough to learn from."""
    from pantau_collector.analysis.surge import evaluation, nab, rules  # noqa: PLC0415

    rows = []
    for name in nab.SERIES:
        traffic = nab.read(arguments.nab, name)
        for learning_bins in (rules.LEARNING_BINS, _NAB_LEARNING_DAYS * rules.BINS_PER_DAY):
            score, cusum = evaluation.scores(traffic, learning_bins)
            for track, alarms in (("score", score > rules.SCORE_ALARM), ("cusum", cusum > rules.CUSUM_ALARM)):
                quality = evaluation.judge(traffic, alarms, 0)
                rows.append(
                    {
                        "series": name.split("/")[1],
                        "days": round(traffic.rate_bps.shape[1] / rules.BINS_PER_DAY, 1),
                        "learning_days": learning_bins // rules.BINS_PER_DAY,
                        "track": track,
                        "window_count": len(traffic.events),
                        "found_count": sum(one.found_count for one in quality.recalls),
                        "false_episode_count": quality.false_episode_count,
                    }
                )
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
        return 0
    sys.stdout.write(
        f"{'series':<42}{'days':>6}{'learning':>10}{'track':>8}{'windows':>9}{'found':>7}{'false':>7}\n"
    )
    for row in rows:
        sys.stdout.write(
            f"{row['series']:<42}{row['days']:>6}{row['learning_days']:>10}{row['track']:>8}"
            f"{row['window_count']:>9}{row['found_count']:>7}{row['false_episode_count']:>7}\n"
        )
    return 0


def _pictures(
    arguments: argparse.Namespace,
    traffic: TrafficSet,
    score: NDArray[np.float32],
    qualities: Mapping[str, Quality],
) -> list[Path]:
    """Write the pictures; return which there are. Where there is no place for them, say so and go on."""
    from pantau_collector.analysis.surge import evaluation, pictures, rules, synthetic  # noqa: PLC0415

    texts = {"surge-recall.svg": pictures.recall(qualities)}
    if arguments.input is None:
        steps = evaluation.recall_by_spread(
            traffic, score > rules.SCORE_ALARM, synthetic.spreads_of(arguments.seed), _SPREAD_FACTOR
        )
        texts["surge-recall-by-noise.svg"] = pictures.recall_by_spread(steps, _SPREAD_FACTOR)
    if traffic.events:
        texts["surge-example.svg"] = pictures.example(traffic, _shown(traffic.events), score)
    try:
        arguments.plots.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (arguments.plots / name).write_text(text, "utf-8")
    except OSError as error:
        sys.stderr.write(f"no pictures: {error}\n")
        return []
    return [arguments.plots / name for name in texts]


def _shown(events: Sequence[Event]) -> Event:
    """Return the event to draw: of those of about three times the usual the latest."""
    return min(events, key=lambda event: (abs(event.factor - _SPREAD_FACTOR), -event.first_bin))


def _write_scores(file: Path, **arrays: Any) -> None:
    import numpy as np  # noqa: PLC0415

    try:
        with file.open("wb") as out:
            np.savez_compressed(out, **arrays)
    except OSError as error:
        raise TrafficSetError(f"the scores cannot be written to {file}: {error.strerror}") from None


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
    heads = "".join(f"{f'{factor:g}x: recall, precision, after':>33}" for factor in factors)
    yield f"{'':<{_WIDTH}}{heads}{'false/village-month':>22}"
    for name, quality in qualities.items():
        cells = "".join(f"{_cell(quality, recall):>33}" for recall in quality.recalls)
        yield f"{name:<{_WIDTH}}{cells}{quality.false_per_village_month:>22.3f}"
    yield ""
    yield "recall: share of the events of this magnitude that was found; after: median time until the alarm;"
    yield "precision: found ones among these and all false alarms"


def _cell(quality: Quality, recall: Recall) -> str:
    precision = quality.precision_of(recall)
    sure = "\N{EN DASH}" if precision is None else f"{precision:.1%}"
    soon = "" if recall.detect_p50_minutes is None else f"{recall.detect_p50_minutes:.1f} min"
    return f"{recall.ratio:.1%} {sure:>7} {soon:>9}"
