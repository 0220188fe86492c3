"""Jobs are exchanged while they run: nobody is disturbed without need, and nothing runs twice at once."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from tests.agent.support.device import until

from pantau_agent.roster import Roster


@dataclass(frozen=True)
class Work:
    name: str
    target: str = ""


class Site:
    """Where the work is done: runs last until they are let go, and pauses until the end."""

    def __init__(self):
        self.began = []
        self.ended = []
        self.at_work = []
        self.most_at_once = 0
        self.go = asyncio.Event()

    async def follow(self, work, seat):
        while not seat.leaving:
            self.began.append(work)
            self.at_work.append(work)
            same = [other for other in self.at_work if other.name == work.name]
            self.most_at_once = max(self.most_at_once, len(same))
            with seat.busy():
                await self.go.wait()
            self.at_work.remove(work)
            self.ended.append(work)
            if not seat.leaving:
                await asyncio.sleep(3600)


@contextlib.asynccontextmanager
async def roster_of(site):
    with contextlib.suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as group:
            yield Roster(group, site.follow)
            for task in list(group._tasks):
                task.cancel()


OLD, NEW, OTHER = Work("latency", "old"), Work("latency", "new"), Work("link")


async def test_work_that_stays_is_not_disturbed():
    """Equal work is the same work: it does not begin again."""
    site = Site()
    async with roster_of(site) as roster:
        roster.exchange([OLD, OTHER])
        await until(lambda: len(site.began) == 2)
        roster.exchange([Work("link"), NEW])
        site.go.set()
        await until(lambda: NEW in site.ended)
    assert site.began.count(OTHER) == 1


async def test_a_run_is_finished_before_its_successor_begins():
    """A probe that is measuring finishes; the same probe never runs twice at once."""
    site = Site()
    async with roster_of(site) as roster:
        roster.exchange([OLD])
        await until(lambda: OLD in site.at_work)
        roster.exchange([NEW])
        roster.exchange([NEW, OTHER])
        await until(lambda: OTHER in site.at_work)
        assert NEW not in site.began
        site.go.set()
        await until(lambda: NEW in site.ended)
    assert OLD in site.ended
    assert site.most_at_once == 1


async def test_who_waits_for_the_next_run_leaves_at_once():
    """No more runs of what was taken away."""
    site = Site()
    site.go.set()
    async with roster_of(site) as roster:
        roster.exchange([OLD, OTHER])
        await until(lambda: len(site.ended) == 2)
        roster.exchange([])
        await until(lambda: not roster._seats)
    assert len(site.began) == 2


async def test_a_successor_that_is_exchanged_before_it_began_never_begins():
    """Three configurations in a row while one run lasts: the first is finished, the last goes on."""
    site = Site()
    async with roster_of(site) as roster:
        roster.exchange([OLD])
        await until(lambda: OLD in site.at_work)
        roster.exchange([NEW])
        await asyncio.sleep(0)
        last = Work("latency", "last")
        roster.exchange([last])
        site.go.set()
        await until(lambda: last in site.ended)
    assert NEW not in site.began


async def test_two_of_a_kind_are_two():
    """A configuration that names the same target twice keeps both."""
    site = Site()
    async with roster_of(site) as roster:
        roster.exchange([OTHER, OTHER])
        await until(lambda: len(site.began) == 2)
        roster.exchange([OTHER])
        site.go.set()
        await until(lambda: len(roster._seats) == 1)
