"""The analysis as a process: holds the lease, steps on, and ends with whoever started it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import uuid
from typing import TYPE_CHECKING

import structlog

from pantau_collector.analysis_loop import adopting
from pantau_collector.analysis_loop.loop import Analysis
from pantau_collector.errors import ContactsError, StoreUnavailableError
from pantau_collector.months.profile_file import ProfileFile
from pantau_collector.notification.notifier import open_notifier
from pantau_collector.registry.file import RegistryFile
from pantau_collector.storage.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pantau_collector.config import AnalysisConfig, CollectorConfig
    from pantau_collector.notification.notices import Notice
    from pantau_collector.storage.base import Store

log = structlog.get_logger()

LEASE = "analysis"
_LOOK_S = 5.0
_RETRY_S = 15.0
_SPARE_DAYS = 9  # InfluxDB drops whole shards of up to a week
_STANDARD_INPUT = 0
_NICE = 10  # the collector, and its store's server, go first


class _EndedError(Exception):
    """We were told to stop, or another runner has the lease."""


class Runner:
    """Analyses while it holds the lease, until told to stop."""

    def __init__(
        self,
        config: CollectorConfig,
        store: Store,
        stop: threading.Event,
        notify: Callable[[Sequence[Notice]], None],
    ) -> None:
        """Read registry and profiles; raises `RegistryError`, `ProfileError`."""
        self._config, self._store, self._stop, self._notify = config, store, stop, notify
        self._registry = RegistryFile(config.registry.path)
        self._profiles = ProfileFile(config.sla.profiles)
        self._holder = f"{config.broker.client_id}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._analysis: Analysis | None = None
        self._renewed_s = 0.0
        self._trouble = ""

    def run(self) -> None:
        """Step on until told to stop."""
        while not self._stop.is_set():
            wait_s = _LOOK_S
            try:
                self._step()
            except _EndedError:
                self._analysis = None
            except StoreUnavailableError as error:
                self._changed(str(error))
                self._analysis, wait_s = None, max(_RETRY_S, error.retry_after_s or 0.0)
            else:
                self._changed("")
            self._stop.wait(min(wait_s, self._config.analysis.lease_s / 3))

    def _step(self) -> None:
        if self._analysis is None:
            if not self._renew():
                return
            log.info("analysis.begun", holder=self._holder)
            self._analysis = Analysis(
                self._store,
                self._registry,
                self._profiles,
                _settings(self._config),
                breathe=self._breathe,
                notify=self._notify,
            )
        self._breathe()
        self._analysis.step()

    def _renew(self) -> bool:
        held = self._store.acquire_lease(LEASE, self._holder, self._config.analysis.lease_s)
        self._renewed_s = time.monotonic()
        if not held and self._analysis is not None:
            log.warning("analysis.lease_lost", holder=self._holder)
        return held

    def _breathe(self) -> None:
        if self._stop.is_set():
            raise _EndedError
        if time.monotonic() - self._renewed_s > self._config.analysis.lease_s / 4 and not self._renew():
            raise _EndedError

    def _changed(self, trouble: str) -> None:
        """Log the transition, not each attempt."""
        if bool(trouble) != bool(self._trouble):
            if trouble:
                log.error("analysis.store_unavailable", reason=trouble)
            else:
                log.info("analysis.store_recovered")
        self._trouble = trouble


def _settings(config: CollectorConfig) -> AnalysisConfig:
    """Return the settings with a place for surges, and without windows that the store may have dropped."""
    path = config.analysis.surge_path or config.store.dead_letters_path.parent / "surges"
    analysis = config.analysis.model_copy(update={"surge_path": path})
    if config.store.kind == "sqlite":
        return analysis
    days = min(config.analysis.recompute_days, config.store.influxdb.retention.raw_days - _SPARE_DAYS)
    return analysis.model_copy(update={"recompute_days": days})


def run(config: CollectorConfig, *, with_parent: bool) -> None:
    """Analyse until SIGTERM or SIGINT, or with a parent until standard input ends."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    if with_parent:
        threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    with contextlib.closing(open_store(config.store)) as store, _notifying(config) as notify:
        Runner(config, store, stop, notify).run()
    log.info("analysis.stopped")


def adopt(config: CollectorConfig) -> int:
    """Take over what was imported; return up to when. Raises `CollectorError`."""
    registry, profiles = RegistryFile(config.registry.path), ProfileFile(config.sla.profiles)
    with contextlib.closing(open_store(config.store)) as store:
        return adopting.adopt(store, registry.get(), profiles.get())


@contextlib.contextmanager
def _notifying(config: CollectorConfig) -> Iterator[Callable[[Sequence[Notice]], None]]:
    """Yield what takes notices: a notifier that sends, or where none can be made, nobody."""
    try:
        notifier = open_notifier(config)
    except (ContactsError, OSError) as error:
        log.error("notification.unusable", reason=str(error))  # noqa: TRY400 - the reason says what to do
        notifier = None
    if notifier is None:
        yield lambda _: None
        return
    with contextlib.closing(notifier):
        notifier.start()
        yield notifier.take


def _end_with_parent(stop: threading.Event) -> None:
    """Not by `sys.stdin`: its lock, held by a thread that waits, is fatal to an interpreter that ends."""
    with contextlib.suppress(OSError):
        while os.read(_STANDARD_INPUT, 4096):
            pass
    stop.set()
