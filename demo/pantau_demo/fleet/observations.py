"""What devices measure of their lives, as tables: a table for each thing measured, a row each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_demo.fleet.cadence import SPEED
from pantau_demo.fleet.identity import BOOT_BEFORE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from numpy.typing import NDArray

    from pantau_demo.fleet.life import Block, Life
    from pantau_demo.fleet.watching import Track

    Whole = NDArray[np.int64]
    Places = NDArray[np.intp]
    Columns = dict[str, Any]

_MINUTE_S = 60.0
_GATEWAY_MS = 0.7
_INTERNET_MS = 9.0
_TEST_S = 10.0
_SERVERS = {"gateway": "192.168.1.1", "testpoint": "testpoint.example.id", "internet": "www.example.id"}
_KINDS = {"gateway": "latency", "testpoint": "latency", "internet": "latency"}
_PROCESSOR_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """Measurements of one kind: `row` and `at` are places in the block, `ordinal` counts within the minute.

    A column is an array of a value each, or one value for all; None and NaN are absent.
    """

    kind: str
    row: Places
    at: Places
    ordinal: Whole
    columns: Columns

    def taken(self, which: NDArray[np.bool_]) -> Table:
        """Return the rows that a mask names."""
        columns = {
            name: value[which] if isinstance(value, np.ndarray) else value
            for name, value in self.columns.items()
        }
        return Table(self.kind, self.row[which], self.at[which], self.ordinal[which], columns)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the values of each row, in the order of the columns."""
        count = len(self.row)
        lists = [
            _plain(value) if isinstance(value, np.ndarray) else [value] * count
            for value in self.columns.values()
        ]
        return zip(*lists, strict=True)


@dataclass(frozen=True, slots=True)
class Scene:
    """A block of a life, and the track that goes with it."""

    life: Life
    block: Block
    track: Track


def observe(scene: Scene, from_minute: int = 0, always: Collection[str] = ()) -> list[Table]:
    """Return what a block's devices measure; records that the card loses are left out.

    Before `from_minute` nothing is told but what stands in `always`, which numbers nothing otherwise.
    """
    tables, block = [], scene.block
    ordinal = np.zeros(block.measuring.shape, dtype=np.int64)
    told = block.kept & (block.minute >= from_minute)
    for what, flags in block.due.items():
        row, at = np.nonzero(flags & (block.kept if what in always else told))
        columns = _OBSERVERS[what](scene, row, at)
        tables.append(Table(_KINDS.get(what, what), row, at, ordinal[row, at], columns))
        ordinal += flags
    return tables


def _traffic(scene: Scene, row: Places, at: Places) -> Columns:
    rx_bps, tx_bps, peak = (
        values[row, at] for values in (scene.block.rx_bps, scene.block.tx_bps, scene.block.peak_factor)
    )
    return {
        "source": "router",
        "interface": "wan",
        "rx_bytes": _bytes(rx_bps),
        "tx_bytes": _bytes(tx_bps),
        "test_rx_bytes": 0,
        "test_tx_bytes": 0,
        "rx_rate_bps": np.round(rx_bps),
        "tx_rate_bps": np.round(tx_bps),
        "rx_peak_bps": np.round(rx_bps * peak),
        "tx_peak_bps": np.round(tx_bps * peak),
        "sample_count": 6,
        "duration_s": _MINUTE_S,
    }


def _gateway(scene: Scene, row: Places, at: Places) -> Columns:
    answers = scene.block.gateway_answers[row, at]
    delay = _GATEWAY_MS * (
        1
        + 0.3
        * scene.life.dice.uniform(
            "gateway", scene.life.population.key[scene.block.who][row], scene.block.minute[at]
        )
    )
    lost = np.zeros(len(row), dtype=np.int64)
    delays = {"min": delay, "p50": 1.3 * delay, "p95": 1.9 * delay, "max": 2.4 * delay}
    return _latency(
        scene.life,
        "gateway",
        answers=answers,
        lost=lost,
        delays=delays,
        variation=(0.9 * delay, 0.5 * delay),
    )


def _beyond(target: str, further_ms: float) -> Callable[[Scene, Places, Places], Columns]:
    def observe_it(scene: Scene, row: Places, at: Places) -> Columns:
        found = scene.block.delays
        delays = {
            name: values[row, at] + further_ms
            for name, values in (
                ("min", found.min_ms),
                ("p50", found.p50_ms),
                ("p95", found.p95_ms),
                ("max", found.max_ms),
            )
        }
        variation = found.pdv_p95_ms[row, at], found.ipdv_p95_ms[row, at]
        return _latency(
            scene.life,
            target,
            answers=scene.block.online[row, at],
            lost=found.lost_count[row, at],
            delays=delays,
            variation=variation,
        )

    return observe_it


def _latency(
    life: Life,
    target: str,
    *,
    answers: NDArray[np.bool_],
    lost: Whole,
    delays: dict[str, NDArray[np.float64]],
    variation: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Columns:
    """Return a measurement of delay and loss; where nobody answers there is no delay, and all is lost."""
    sent = life.cadence.probes
    received = np.where(answers, sent - lost, 0)
    seen = {name: _rounded(np.where(answers, values, np.nan)) for name, values in delays.items()}
    pdv, ipdv = (_rounded(np.where(answers, values, np.nan)) for values in variation)
    return {
        "failure": _either(answers, None, "timeout"),
        "target": target,
        "method": "icmp" if target != "testpoint" else "stamp",
        "server": _SERVERS[target],
        "sent_count": sent,
        "received_count": received,
        "rt_loss_ratio": np.round(1 - received / sent, 6),
        "rtd_min_ms": seen["min"],
        "rtd_p50_ms": seen["p50"],
        "rtd_p95_ms": seen["p95"],
        "rtd_max_ms": seen["max"],
        "rtd_pdv_p95_ms": pdv,
        "rtd_ipdv_p95_ms": ipdv,
    }


def _link(scene: Scene, row: Places, at: Places) -> Columns:
    wired = scene.life.wired(scene.block.who)[row]
    key = scene.life.population.key[scene.block.who][row]
    signal = np.round(-58 + 6 * scene.life.dice.normal("signal", key, scene.block.minute[at]))
    return {
        "interface": _either(wired, "eth0", "wlan0"),
        "medium": _either(wired, "wired", "wifi"),
        "interface_up": True,
        "negotiated_bps": np.where(wired, 1e9, np.nan),
        "wifi_signal_dbm": np.where(wired, np.nan, signal),
        "gateway_answers": scene.block.gateway_answers[row, at],
        "network_fingerprint": np.array(
            [f"{int(one):016x}" for one in scene.life.population.village_key[scene.block.who]]
        )[row].astype(object),
    }


def _device(scene: Scene, row: Places, at: Places) -> Columns:
    key, minute = scene.life.population.key[scene.block.who][row], scene.block.minute[at]
    used = _PROCESSOR_BYTES * (0.30 + 0.02 * scene.life.dice.normal("memory", key, minute))
    uptime_s = (minute - scene.track.boot_minute[row, at]) * 60 + BOOT_BEFORE_S
    known = scene.track.synced[row, at]
    return {
        "uptime_s": uptime_s.astype(np.float64),
        "clock_state": _either(known, "synced", "unsynced"),
        "cpu_ratio": np.round(0.05 + 0.04 * scene.life.dice.uniform("cpu", key, minute), 3),
        "memory_used_bytes": used.astype(np.int64),
        "memory_total_bytes": _PROCESSOR_BYTES,
        "temperature_celsius": np.round(51 + 3 * scene.life.dice.normal("heat", key, minute), 1),
        "throttled": False,
        "dropped_count": 0,
        "rejected_count": 0,
    }


def _dns(scene: Scene, row: Places, at: Places) -> Columns:
    answers, delay = scene.block.online[row, at], scene.block.delays.p50_ms[row, at] * 1.2
    return {
        "failure": _either(answers, None, "timeout"),
        "resolver": "system",
        "name": "www.example.id",
        "resolve_ms": _rounded(np.where(answers, delay, np.nan)),
        "answer_count": 2 if answers.all() else np.where(answers, 2, 0),
    }


def _http(scene: Scene, row: Places, at: Places) -> Columns:
    answers, delay = scene.block.online[row, at], scene.block.delays.p50_ms[row, at]
    return {
        "failure": _either(answers, None, "timeout"),
        "page": "https://www.example.id/",
        "first_byte_ms": _rounded(np.where(answers, 4 * delay, np.nan)),
        "total_ms": _rounded(np.where(answers, 6 * delay + 40, np.nan)),
    }


def _speed(scene: Scene, row: Places, at: Places) -> Columns:
    found = scene.life.tests(scene.block, row, at)
    failed = found.failed | ~scene.block.online[row, at]
    measured = {
        "download_goodput_bps": found.download_bps,
        "upload_goodput_bps": found.upload_bps,
        "download_bytes": _bytes(found.download_bps / 6),
        "upload_bytes": _bytes(found.upload_bps / 6),
        "idle_rtd_p50_ms": _rounded(found.idle_ms),
        "loaded_rtd_down_p50_ms": _rounded(found.loaded_down_ms),
        "loaded_rtd_up_p50_ms": _rounded(found.loaded_up_ms),
    }
    columns = {
        "failure": _either(failed, "timeout", None),
        "engine": "http",
        "server": _SERVERS["testpoint"],
        "limited_by": _either(failed, None, _either(found.busy, "busy_line", "none")),
        "duration_s": 2 * _TEST_S,
    }
    return columns | {name: _either(failed, None, values) for name, values in measured.items()}


_OBSERVERS: dict[str, Callable[[Scene, Places, Places], Columns]] = {
    "traffic": _traffic,
    "gateway": _gateway,
    "testpoint": _beyond("testpoint", 0.0),
    "internet": _beyond("internet", _INTERNET_MS),
    "link": _link,
    "device": _device,
    "dns": _dns,
    "http": _http,
    SPEED: _speed,
}


def _bytes(rate_bps: NDArray[np.float64]) -> Whole:
    """Return what a rate brings in a minute."""
    return np.nan_to_num(rate_bps * (_MINUTE_S / 8)).astype(np.int64)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.round(values, 3)


def _plain(values: NDArray[Any]) -> list[Any]:
    """Return Python's own values, None for NaN."""
    if values.dtype.kind == "f" and np.isnan(values).any():
        found = values.astype(object)
        found[np.isnan(values)] = None
        return list(found)
    return list(values.tolist())


def _either(which: NDArray[np.bool_], one: object, other: object) -> NDArray[np.object_]:
    """Return one of two values for each flag, or of two arrays; None is absent."""
    values = [np.asarray(value).astype(object) for value in (one, other)]
    return np.where(which, *values)
