"""Who is at work: one task for each job, and how the jobs are exchanged while they run."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator


class Named(Protocol):
    """What can be at work. Two that are equal are the same work."""

    @property
    def name(self) -> str:
        """What it is called in logs; of two with one name the second waits until the first has ended."""
        ...


_WorkT = TypeVar("_WorkT", bound=Named)


class Seat:
    """A job's place. A job that is asked to leave while it is busy finishes that run first."""

    def __init__(self) -> None:
        """Begin idle."""
        self.leaving = False
        self._busy = False
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Be at a run that must not be broken off."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def take(self, task: asyncio.Task[None]) -> None:
        """Let the task sit here."""
        self._task = task

    def leave(self) -> None:
        """Ask the task to end: now, or after the run that it is in."""
        self.leaving = True
        if not self._busy and self._task is not None:
            self._task.cancel()

    async def empty(self) -> None:
        """Wait until the task has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])


class Roster(Generic[_WorkT]):
    """The tasks of a group. `follow` works on one job until it is cancelled or its seat says `leaving`."""

    def __init__(self, group: asyncio.TaskGroup, follow: Callable[[_WorkT, Seat], Awaitable[None]]) -> None:
        """Begin with nobody at work."""
        self._group = group
        self._follow = follow
        self._seats: list[tuple[_WorkT, Seat]] = []

    def exchange(self, jobs: Iterable[_WorkT]) -> None:
        """Have these jobs at work: those that are already go on undisturbed, others leave, new ones come."""
        wanted = list(jobs)
        leaving = []
        for job, seat in self._seats:
            if seat.leaving:
                leaving.append((job, seat))
            elif job in wanted:
                wanted.remove(job)
            else:
                seat.leave()
                leaving.append((job, seat))
        for job in wanted:
            self._start(job, [seat for other, seat in leaving if other.name == job.name])

    def _start(self, job: _WorkT, before: list[Seat]) -> None:
        seat = Seat()
        task = self._group.create_task(self._work(job, seat, before), name=f"job-{job.name}")
        seat.take(task)
        self._seats.append((job, seat))
        task.add_done_callback(lambda _: self._seats.remove((job, seat)))

    async def _work(self, job: _WorkT, seat: Seat, before: list[Seat]) -> None:
        for other in before:
            await other.empty()
        await self._follow(job, seat)
