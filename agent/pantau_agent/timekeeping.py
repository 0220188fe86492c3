"""What time it was: turns raw stamps into times that somebody vouches for.

The time since boot never jumps, so one trustworthy reading in a boot, the *reference*, dates everything else
in it, before and after. It comes from the kernel once NTP has synchronised it, or from the time in a
collector's ack. Until there is one nothing has a time, and waits. Of a boot that ended without one, only
the order is known, and between what it lies: it is estimated.

Times are ns since 1970 (UTC), uptimes ns since boot.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import structlog

from pantau_agent import clock
from pantau_wire.codec import EARLIEST_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantau_agent.clock import Clock, Stamp
    from pantau_wire.fields import ClockState

log = structlog.get_logger()

Source = Literal["ntp", "collector", "estimate"]

_S = 1_000_000_000
_DRIFT_PPM = 100  # a cheap crystal without discipline, far more than most
_NTP_NS = _S // 10  # the kernel's bound lacks what timesyncd does not tell it: the way to the server
_STEP_NS = _S  # further off than this is a step, not NTP's ordinary work
_KEPT_NS = 2 * _S  # so near to the reference a clock of which nobody tells anything is kept
_CONTRADICTION_NS = 300 * _S  # kernel and collector cannot both be right
_FRESH_NS = 3600 * _S  # so long NTP's word is better than the collector's
_VAGUE_NS = 30 * _S  # an answer that is less certain than this is no reference


class Resolved(NamedTuple):
    """When it was, and how far that can be trusted."""

    time_ns: int
    clock: ClockState


@dataclass(frozen=True, slots=True)
class Reference:
    """At `uptime_ns` of a boot it was `time_ns`, give or take `uncertainty_ns`, says `source`."""

    time_ns: int
    uptime_ns: int
    uncertainty_ns: int
    source: Source

    def time_at(self, uptime_ns: int) -> int:
        """Return the time at another moment of the same boot."""
        return self.time_ns + uptime_ns - self.uptime_ns

    def uncertainty_at(self, uptime_ns: int) -> int:
        """Return how wrong that may be: the crystal drifts."""
        return self.uncertainty_ns + abs(uptime_ns - self.uptime_ns) * _DRIFT_PPM // 1_000_000

    def moved_to(self, uptime_ns: int) -> Reference:
        """Return the same knowledge as of another moment."""
        return replace(
            self,
            time_ns=self.time_at(uptime_ns),
            uptime_ns=uptime_ns,
            uncertainty_ns=self.uncertainty_at(uptime_ns),
        )


class BootRows(NamedTuple):
    """What waits of one boot: its last row's stamp."""

    boot: str
    last_time_ns: int
    last_uptime_ns: int


class Timekeeper:
    """Holds this boot's reference, and those of earlier boots while they are needed. Safe from threads."""

    def __init__(self, read: Clock = clock.now) -> None:
        """Begin with what the machine's clock says now."""
        self.read = read
        self._lock = threading.Lock()
        self._references: dict[str, Reference] = {}
        self._collector: Reference | None = None
        self._floor_ns = EARLIEST_NS
        self._kernel_believed = True
        began = read()
        self.boot = began.boot
        self._began_uptime_ns = began.uptime_ns
        self.observe(began)

    @property
    def known(self) -> bool:
        """Whether the time is known in this boot."""
        return self.boot in self._references

    def now(self) -> Resolved | None:
        """Return the time now, None while it is not known."""
        return self.resolve(self.read())

    def recall(self, saved: Iterable[tuple[str, Reference]]) -> None:
        """Take over what an earlier run knew, in the order in which it was learnt."""
        began = self.read()
        with self._lock:
            kernels_word = self._references.pop(self.boot, None)
            for boot, reference in saved:
                self._references[boot] = reference
                if boot == self.boot:
                    self._collector = reference if reference.source == "collector" else None
                elif reference.source != "estimate":
                    self._floor_ns = max(EARLIEST_NS, reference.time_ns - reference.uncertainty_ns)
            if kernels_word is not None and self._believes(began):
                self._references[self.boot] = kernels_word

    def observe(self, stamp: Stamp) -> None:
        """Learn from a reading of the clock, if the kernel says that it is synchronised."""
        if stamp.clock != "synced":
            return
        with self._lock:
            current = self._references.get(stamp.boot)
            if current is not None and current.source == "ntp" and stamp.uptime_ns < current.uptime_ns:
                return
            if self._believes(stamp):
                doubt_ns = max(stamp.error_ns, _NTP_NS)
                found = Reference(stamp.time_ns, stamp.uptime_ns, doubt_ns, "ntp")
                self._learn(stamp.boot, found)

    def learn(self, server_time_ns: int, sent_uptime_ns: int) -> bool:
        """Learn from an ack: the server read its clock after that was sent, and before now.

        Returns whether times are known, or others, that were not before.
        """
        now = self.read()
        if not self._began_uptime_ns <= sent_uptime_ns <= now.uptime_ns or server_time_ns < EARLIEST_NS:
            return False
        doubt_ns = (now.uptime_ns - sent_uptime_ns + 1) // 2
        found = Reference(server_time_ns, sent_uptime_ns + doubt_ns, doubt_ns, "collector")
        with self._lock:
            if doubt_ns > _VAGUE_NS:
                return False
            if _supersedes(found, self._collector):
                self._collector = found
            current = self._references.get(self.boot)
            if _supersedes(found, current):
                self._learn(self.boot, found)
            return current is None or _contradicts(found, current)

    def collector_offset_ns(self, stamp: Stamp) -> int | None:
        """Return this clock minus the collector's by its best answer, None before any in this boot."""
        with self._lock:
            reference = self._collector
        return None if reference is None else stamp.time_ns - reference.time_at(stamp.uptime_ns)

    def resolve(self, stamp: Stamp) -> Resolved | None:
        """Return the time of a stamp, None while that is not known.

        A clock that was in order keeps its own word, unless it has been stepped since.
        """
        reference = self._references.get(stamp.boot)
        if reference is None:
            return None
        time_ns = reference.time_at(stamp.uptime_ns)
        if reference.source == "estimate":
            return Resolved(time_ns, "estimated")
        apart_ns = abs(stamp.time_ns - time_ns) - reference.uncertainty_at(stamp.uptime_ns)
        if stamp.clock == "synced" and apart_ns <= _STEP_NS + stamp.error_ns:
            return Resolved(stamp.time_ns, "synced")
        if stamp.clock == "unknown" and apart_ns <= _KEPT_NS:
            return Resolved(stamp.time_ns, "unknown")
        return Resolved(time_ns, "repaired")

    def can_date(self, boot: str) -> bool:
        """Tell whether the rows of a boot have times."""
        return boot in self._references

    def estimate(self, boots: Sequence[BootRows]) -> None:
        """Date earlier boots, in their order, that ended without a reference; this boot must have one.

        They lie after what was known before them and before the beginning of this boot. Where a boot's own
        clock fits in there it is kept; else the boot is shifted so that it ends where the next began.
        """
        with self._lock:
            ends_ns = self._references[self.boot].time_at(0)
            floor_ns = self._floor_ns if self._floor_ns <= ends_ns else EARLIEST_NS
            lengths = [rows.last_uptime_ns for rows in boots]
            floors_ns = list(itertools.accumulate(lengths, initial=floor_ns))
            for rows, earliest_ns in reversed(list(zip(boots, floors_ns, strict=False))):
                latest_ns = max(earliest_ns, ends_ns - rows.last_uptime_ns)
                own_ns = rows.last_time_ns - rows.last_uptime_ns
                began_ns = own_ns if earliest_ns <= own_ns <= latest_ns else latest_ns
                self._references[rows.boot] = Reference(began_ns, 0, latest_ns - earliest_ns, "estimate")
                ends_ns = began_ns
        log.info("clock.estimated", boots_count=len(boots))

    def references(self) -> list[tuple[str, Reference]]:
        """Return what to keep over a restart: each boot's reference, this boot's last and as of now."""
        uptime_ns = self.read().uptime_ns
        with self._lock:
            others = [found for found in self._references.items() if found[0] != self.boot]
            here = self._references.get(self.boot)
        return others if here is None else [*others, (self.boot, here.moved_to(uptime_ns))]

    def _learn(self, boot: str, found: Reference) -> None:
        if boot not in self._references:
            log.info("clock.known", source=found.source, uncertainty_ms=found.uncertainty_ns / 1e6)
        self._references[boot] = found

    def _believes(self, stamp: Stamp) -> bool:
        """Tell whether to believe a kernel that says synchronised; log the transition, not each reading."""
        if self._collector is not None and stamp.boot == self.boot:
            apart_ns = stamp.time_ns - self._collector.time_at(stamp.uptime_ns)
            doubt_ns = self._collector.uncertainty_at(stamp.uptime_ns) + stamp.error_ns
            believed = abs(apart_ns) <= _CONTRADICTION_NS + doubt_ns
        else:
            believed = stamp.time_ns >= self._floor_ns
        if self._kernel_believed and not believed:
            log.warning("clock.kernel_not_believed", time_ns=stamp.time_ns)
        elif believed and not self._kernel_believed:
            log.info("clock.kernel_believed_again")
        self._kernel_believed = believed
        return believed


def _contradicts(found: Reference, old: Reference) -> bool:
    apart_ns = abs(found.time_ns - old.time_at(found.uptime_ns))
    doubt_ns = found.uncertainty_ns + old.uncertainty_at(found.uptime_ns)
    return apart_ns > _CONTRADICTION_NS + doubt_ns


def _supersedes(found: Reference, old: Reference | None) -> bool:
    """Tell whether a collector's answer is better than what is known."""
    if old is None or _contradicts(found, old):
        return True
    if old.source == "ntp" and found.uptime_ns - old.uptime_ns < _FRESH_NS:
        return False
    return found.uncertainty_ns < old.uncertainty_at(found.uptime_ns)
