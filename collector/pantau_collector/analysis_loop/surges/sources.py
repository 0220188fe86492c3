"""Whose counters a village's traffic comes from, since when: what another one counts is no past of this one.

A router counts the village's line, whichever device asks it: its history goes on when that device is
replaced. What a device counts of itself is compared with nothing but itself. A village whose router was heard
once is not measured by the device's own counters while the router is silent; that is a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pantau_collector.analysis.surge.detector import NEVER
from pantau_collector.analysis_loop.surges.traffic import NOBODY, ROUTER, SOMEBODY

if TYPE_CHECKING:
    from collections.abc import Sequence


class Source(msgspec.Struct, frozen=True, array_like=True):
    """From a bin on; `anew` says that history begins with it."""

    since_bin: int
    device: str
    router: bool | None
    """None while no row has said who counted."""
    anew: bool


Sources = list[Source]
"""Of one village, oldest first."""


def heard(sources: Sources, bin_index: int, device: str, counter: int) -> bool:
    """Take note of who counted in a bin; return whether that is the village's traffic."""
    if counter == NOBODY:
        return False
    router = None if counter == SOMEBODY else counter == ROUTER
    last = sources[-1] if sources else None
    if last is not None and last.device == device and (router is None or last.router in (router, None)):
        if last.router != router and router is not None:
            sources[-1] = msgspec.structs.replace(last, router=router)
        return True
    if last is not None and last.router and not router and last.device == device:
        return False
    anew = last is None or not (last.router and router)
    sources.append(Source(bin_index, device, router, anew))
    return True


def first_bin(sources: Sequence[Source]) -> int:
    """Return since when there is a history that counts."""
    return next((one.since_bin for one in reversed(sources) if one.anew), NEVER)


def forget_since(sources: Sources, bin_index: int) -> None:
    """Forget what was heard in a bin and after it."""
    while sources and sources[-1].since_bin >= bin_index:
        sources.pop()


def heard_earlier(sources: Sources, bin_index: int, device: str, counter: int) -> bool:
    """Take note of a bin from before all that is known; return whether it belongs to the first source."""
    if not sources or sources[0].since_bin <= bin_index:
        return bool(sources)
    first = sources[0]
    if first.device != device or (counter != SOMEBODY and first.router not in (counter == ROUTER, None)):
        return False
    sources[0] = msgspec.structs.replace(first, since_bin=bin_index)
    return True
