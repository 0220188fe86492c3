"""Sends lines until each is durable or refused by itself, and finds out which are.

A refused request is cut in halves until the offenders stand alone; those that the server names are taken at
their word. Lines that were stored meanwhile are sent again, which changes nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.errors import StoreRefusesError
from pantau_collector.storage.base import Arrival, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_collector.storage.influx.client import Client
    from pantau_collector.storage.influx.patience import Breaker

MAX_REQUEST_CHARACTERS = 4_000_000  # 3.x takes 10 MiB, inflated, and 1.x 25 MB
_DETAILS = re.compile(r"'.*'|\"[^\"]*\"|\d+")


class Line(msgspec.Struct, frozen=True, gc=False):
    """A point's line, and what it was made of."""

    text: str
    arrival: Arrival


def send_all(client: Client, texts: Sequence[str]) -> None:
    """Send lines of which none may be refused."""
    for part in _parts(texts):
        refused = client.write(part)
        if refused is not None:
            raise StoreRefusesError(f"InfluxDB does not take the record of deliveries: {refused.reason}")


def send(client: Client, breaker: Breaker, lines: Sequence[Line]) -> list[Refusal]:
    """Send points; return those that are refused. Raises where so many are that the breaker opens."""
    breaker.entered(len(lines))
    found: list[Refusal] = []
    start = 0
    for part in _parts([line.text for line in lines]):
        found += _settle(client, breaker, lines[start : start + len(part)])
        start += len(part)
    breaker.settled()
    return found


def group_of(reason: str) -> str:
    """Return a reason without what differs from point to point."""
    return _DETAILS.sub("…", reason)


def _settle(client: Client, breaker: Breaker, lines: Sequence[Line]) -> list[Refusal]:
    if not lines:
        return []
    refused = client.write([line.text for line in lines])
    if refused is None:
        return []
    if len(lines) == 1:
        return [_refusal(breaker, lines[0], refused.reason)]
    named = {at: words for at, words in refused.lines.items() if 0 <= at < len(lines)}
    if named:
        bad = [_refusal(breaker, lines[at], words) for at, words in named.items()]
        return bad + _settle(client, breaker, [line for at, line in enumerate(lines) if at not in named])
    middle = len(lines) // 2
    return _settle(client, breaker, lines[:middle]) + _settle(client, breaker, lines[middle:])


def _refusal(breaker: Breaker, line: Line, words: str) -> Refusal:
    breaker.refused(group_of(words), words, line.arrival.device)
    return Refusal(line.arrival, words)


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the lines in requests that no server finds too large."""
    start = length = 0
    for at, text in enumerate(texts):
        if length and length + len(text) > MAX_REQUEST_CHARACTERS:
            yield texts[start:at]
            start, length = at, 0
        length += len(text) + 1
    if start < len(texts):
        yield texts[start:]
