"""What a line does to packets and tests, given how full it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantau_demo.fleet.dice import Dice
    from pantau_demo.fleet.population import Population

    Whole = NDArray[np.int64]
    Numbers = NDArray[np.float64]

_COMFORTABLE_SHARE = 0.6  # from here on queues grow
_LOSSY_SHARE = 0.85  # and from here on they overflow
_OVERFLOW_LOSS_RATIO = 0.03
_VARIATION_PER_QUEUE = 1.8
_BUSY_SHARE = 0.75
_TEST_FAILS = 0.01


@dataclass(frozen=True, slots=True)
class Delays:
    """Round-trip delays to the testpoint (ms), and probes lost: devices by minutes."""

    min_ms: Numbers
    p50_ms: Numbers
    p95_ms: Numbers
    max_ms: Numbers
    pdv_p95_ms: Numbers
    ipdv_p95_ms: Numbers
    lost_count: Whole


def delays(
    dice: Dice, population: Population, *, who: Whole, minute: Whole, share: Numbers, sent: int
) -> Delays:
    """Return what `sent` probes a minute see on lines that carry this share of what they can."""
    key = population.village_key[who][:, None]
    own = population.of("rtd_ms")[who] * np.exp(
        population.of("rtd_spread")[who] * dice.normal("way", population.village_key[who])
    )
    base_ms = (own + population.region("distance_ms")[who])[:, None]
    queue_ms = population.of("queue_ms")[who][:, None]
    over = np.clip((share - _COMFORTABLE_SHARE) / (1 - _COMFORTABLE_SHARE), 0, 1) ** 2
    p50_ms = base_ms * (1 + 0.03 * dice.smooth("way, hours", key, minute, 240)) + queue_ms * over
    p50_ms *= 1 + 0.02 * dice.normal("delay", key, minute)
    usual_ms = population.of("variation_ms")[who][:, None]
    unrest = dice.normal("variation", key, minute)
    pdv_ms = usual_ms * np.exp(0.4 * unrest) + _VARIATION_PER_QUEUE * queue_ms * over
    min_ms = p50_ms - 0.25 * pdv_ms
    loss = population.of("loss_ratio")[who][:, None] * np.exp(0.8 * dice.smooth("loss", key, minute, 90))
    loss = loss + _OVERFLOW_LOSS_RATIO * np.clip((share - _LOSSY_SHARE) / (1 - _LOSSY_SHARE), 0, 1)
    lost = np.floor(sent * loss + dice.uniform("lost", key, minute)).astype(np.int64)
    return Delays(
        min_ms=min_ms,
        p50_ms=p50_ms,
        p95_ms=min_ms + pdv_ms,
        max_ms=min_ms + pdv_ms * (1.15 + 0.3 * np.abs(unrest)),
        pdv_p95_ms=pdv_ms,
        ipdv_p95_ms=0.7 * pdv_ms,
        lost_count=np.minimum(lost, sent - 1),
    )


@dataclass(frozen=True, slots=True)
class Tests:
    """Speed tests, an entry each. Rates of a failed one are NaN."""

    download_bps: Numbers
    upload_bps: Numbers
    idle_ms: Numbers
    loaded_down_ms: Numbers
    loaded_up_ms: Numbers
    failed: NDArray[np.bool_]
    busy: NDArray[np.bool_]


def tests(
    dice: Dice, population: Population, *, who: Whole, minute: Whole, share: Numbers, rtd_ms: Numbers
) -> Tests:
    """Return what speed tests find; all arguments have an entry for each test."""
    key = population.key[who]
    quality, spread = population.character("quality")[who], population.character("quality_spread")[who]
    left = 1.02 - 0.6 * np.clip(share - 0.5, 0, 1)
    failed = dice.uniform("test fails", key, minute) < _TEST_FAILS
    rates = []
    for way in ("download", "upload"):
        part = np.minimum(quality * np.exp(spread * dice.normal(f"{way} test", key, minute)), left)
        rates.append(np.where(failed, np.nan, np.round(part * population.of(f"{way}_bps")[who])))
    queue_ms = population.of("queue_ms")[who]
    loaded = queue_ms * (0.8 + 0.3 * dice.uniform("loaded", key, minute))
    return Tests(
        download_bps=rates[0],
        upload_bps=rates[1],
        idle_ms=rtd_ms,
        loaded_down_ms=rtd_ms + loaded,
        loaded_up_ms=rtd_ms + 1.4 * loaded,
        failed=failed,
        busy=share > _BUSY_SHARE,
    )
