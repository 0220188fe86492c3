"""What the publisher needs of the spool. It knows no more of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantau_wire.envelope import Dropped, DropReason
    from pantau_wire.ranges import Range


class SpooledRecord(Protocol):
    """A committed record; `data` is the measurement's JSON, frozen."""

    @property
    def seq(self) -> int: ...  # noqa: D102
    @property
    def time_ns(self) -> int: ...  # noqa: D102
    @property
    def uptime_ns(self) -> int: ...  # noqa: D102
    @property
    def boot(self) -> str: ...  # noqa: D102
    @property
    def clock(self) -> str: ...  # noqa: D102
    @property
    def data(self) -> bytes: ...  # noqa: D102


class Numbering(Protocol):
    """A spool id, and the first and last `seq` of the file that travel under it, counted from 1."""

    @property
    def spool_id(self) -> str: ...  # noqa: D102
    @property
    def first_seq(self) -> int: ...  # noqa: D102
    @property
    def last_seq(self) -> int: ...  # noqa: D102


class Numberings(Protocol):
    """All that a spool ever had."""

    def of_seq(self, seq: int) -> Numbering: ...  # noqa: D102
    def of_spool(self, spool_id: str) -> Numbering | None: ...  # noqa: D102


class Outbox(Protocol):
    """The spool. Methods block on the disk and raise `SpoolError`; `last_seq` and `eras` do neither.

    Numbers are those of the file, but for dropped ranges, which are as they travel.
    """

    spool_id: str

    @property
    def last_seq(self) -> int: ...  # noqa: D102
    @property
    def eras(self) -> Numberings: ...  # noqa: D102
    def extent(self) -> Range | None: ...  # noqa: D102
    def peek(self, first_seq: int, last_seq: int, limit: int) -> Sequence[SpooledRecord]: ...  # noqa: D102
    def ack(self, acked: Iterable[Range]) -> None: ...  # noqa: D102
    def reject(self, seqs: Iterable[int]) -> None: ...  # noqa: D102
    def give_up(self, seqs: list[int], reason: DropReason) -> None: ...  # noqa: D102
    def dropped(self) -> Sequence[Dropped]: ...  # noqa: D102
    def forget_dropped(self, dropped: Iterable[Dropped]) -> None: ...  # noqa: D102
