"""Sends lines until each is durable or refused by itself, and finds out which are.

A refused request is cut in halves until the offenders stand alone; those that the server names are taken at
their word. Lines that were stored meanwhile are sent again, which changes nothing.
"""

from __future__ import annotations

import re
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.errors import StoreRefusesError
from pantau_collector.storage.base import Arrival, Parcel, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from pantau_collector.storage.influx.answers import Refused
    from pantau_collector.storage.influx.client import Client
    from pantau_collector.storage.influx.patience import Breaker

MAX_REQUEST_LINES = 15_000  # beyond 10,000 a line costs the server a fifth less than in requests of 5,000
MAX_REQUEST_BYTES = 8_000_000  # 3.x takes 10 MiB, inflated, and 1.x 25 MB
_AT_ONCE = 4
_TOO_OLD = ("beyond retention policy", "outside retention policy")  # the words of 1.x, and of 2.x
_SYSTEMIC = ("retention policy", "field type conflict", "max-values-per-tag", "max-series", "unable to parse")
_DETAILS = re.compile(r"'.*'|\"[^\"]*\"|\d+")


class Block(msgspec.Struct, frozen=True, gc=False):
    """A parcel's lines, joined: what is looked at no closer unless the server refuses something."""

    content: bytes
    parcel: Parcel

    @property
    def lines(self) -> list[Line]:
        """Each line by itself, with what it was made of."""
        made_of = zip(self.content.split(b"\n"), self.parcel.arrivals, strict=True)
        return [Line(content, arrival) for content, arrival in made_of]


class Line(msgspec.Struct, frozen=True, gc=False):
    """A point's line, and what it was made of."""

    content: bytes
    arrival: Arrival


class Sender:
    """Sends to one server; thread-safe."""

    def __init__(self, client: Client, breaker: Breaker) -> None:
        """Send nothing yet."""
        self._client = client
        self._breaker = breaker
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="influx")

    def send(self, first: Sequence[str], points: Sequence[Block]) -> list[Refusal]:
        """Send the first lines, of which none may be refused; then points. Return those that are refused.

        Raises where so many are that the breaker opens.
        """
        self._breaker.entered(sum([len(block.parcel.records) for block in points]))
        for start in range(0, len(first), MAX_REQUEST_LINES):
            send_whole(self._client, first[start : start + MAX_REQUEST_LINES], "the record of deliveries")
        sent = [self._pool.submit(self._settle, part) for part in _parts(points)]
        found = _results(sent)
        self._breaker.settled()
        return found

    def close(self) -> None:
        """Wait for what is on its way."""
        self._pool.shutdown(cancel_futures=True)

    def _settle(self, blocks: Sequence[Block]) -> list[Refusal]:
        refused = self._client.write([block.content for block in blocks])
        if refused is None:
            return []
        return self._look_into(refused, [line for block in blocks for line in block.lines])

    def _look_into(self, refused: Refused, lines: Sequence[Line]) -> list[Refusal]:
        if len(lines) == 1:
            return [self._refuse(lines[0], refused.reason)]
        named = {at: words for at, words in refused.lines.items() if 0 <= at < len(lines)}
        if named:
            bad = [self._refuse(lines[at], words) for at, words in named.items()]
            return bad + self._send([line for at, line in enumerate(lines) if at not in named])
        middle = len(lines) // 2
        return self._send(lines[:middle]) + self._send(lines[middle:])

    def _send(self, lines: Sequence[Line]) -> list[Refusal]:
        if not lines:
            return []
        refused = self._client.write([line.content for line in lines])
        return [] if refused is None else self._look_into(refused, lines)

    def _refuse(self, line: Line, words: str) -> Refusal:
        self._breaker.refused(group_of(words), words, line.arrival.device)
        return Refusal(line.arrival, words)


def send_whole(client: Client, texts: Sequence[str], what: str) -> None:
    """Send lines of ours of which none may be refused, but for those that the server would delete at once.

    Where it says that lines are too old, every other line of the request is stored.
    """
    refused = client.write([text.encode() for text in texts])
    if refused is None or any(words in refused.reason for words in _TOO_OLD):
        return
    if not refused.too_large or len(texts) == 1:
        raise StoreRefusesError(f"InfluxDB does not take {what}: {refused.reason}")
    middle = len(texts) // 2
    send_whole(client, texts[:middle], what)
    send_whole(client, texts[middle:], what)


def group_of(reason: str) -> str:
    """Return a reason without what differs from point to point."""
    for words in _SYSTEMIC:
        if words in reason:
            return words
    return _DETAILS.sub("…", reason)


def _parts(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Yield the blocks in requests that no server finds too large."""
    part: list[Block] = []
    lines_left, bytes_left = MAX_REQUEST_LINES, MAX_REQUEST_BYTES
    for block in blocks:
        lines_count, content_bytes = len(block.parcel.records), len(block.content) + 1
        if part and (lines_count > lines_left or content_bytes > bytes_left):
            yield part
            part, lines_left, bytes_left = [], MAX_REQUEST_LINES, MAX_REQUEST_BYTES
        part.append(block)
        lines_left -= lines_count
        bytes_left -= content_bytes
    if part:
        yield part


def _results(sent: Sequence[Future[list[Refusal]]]) -> list[Refusal]:
    """Return what was refused; after a failure nothing more is begun."""
    done, pending = wait(sent, return_when=FIRST_EXCEPTION)
    for future in pending:
        future.cancel()
    for future in done:
        future.result()
    return [refusal for future in sent for refusal in future.result()]
