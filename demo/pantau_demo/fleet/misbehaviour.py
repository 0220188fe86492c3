"""Devices that do wrong, by fault or on purpose: what each kind sends in a minute. A table.

They are registered like others (but the stranger), and nothing of what they do may cost the others anything.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pantau_wire import __version__, codec
from pantau_wire.envelope import MAX_PAYLOAD_BYTES, VERSION, Header
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pantau_demo.fleet.dice import Dice
    from pantau_demo.fleet.places import Village

_MINUTE_NS = 60 * 10**9
_FLOOD = 400


@dataclass(frozen=True, slots=True)
class Culprit:
    """One such device, and in which way it is wrong."""

    name: str
    village: Village
    way: str
    spool: str


class Sent(NamedTuple):
    """One message of it."""

    device: str
    payload: bytes
    content_type: str | None


def culprits(dice: Dice, villages: Sequence[Village], count: int, run: int) -> list[Culprit]:
    """Return so many, one way after the other; `run` makes their spools new ones."""
    ways = list(WAYS)
    spools = [f"{one:016x}" for one in dice.bits("culprit", range(max(count, 1)), run).tolist()]
    return [
        Culprit(
            f"nakal-{ways[at % len(ways)]}-{at + 1}",
            villages[at % len(villages)],
            ways[at % len(ways)],
            spools[at],
        )
        for at in range(count)
    ]


def messages(culprit: Culprit, minute: int, run_minute: int) -> Iterator[Sent]:
    """Yield what a culprit sends in a minute; `run_minute` is that in which the fleet began."""
    for payload, content_type in WAYS[culprit.way](culprit, minute, minute - run_minute + 1):
        yield Sent(culprit.name, payload, content_type)


def _garbage(culprit: Culprit, minute: int, _: int) -> Iterator[tuple[bytes, str | None]]:
    yield b"\xff" + zlib.crc32(f"{culprit.name} {minute}".encode()).to_bytes(4, "big") * 40, codec.JSON


def _bomb(_culprit: Culprit, _minute: int, _: int) -> Iterator[tuple[bytes, str | None]]:
    """Send a little that inflates to a lot."""
    yield zlib.compress(b" " * (40 * MAX_PAYLOAD_BYTES), 9), codec.DEFLATED_JSON


def _impostor(culprit: Culprit, minute: int, number: int) -> Iterator[tuple[bytes, str | None]]:
    """Speak for another device."""
    yield _envelope(culprit, minute, number, device=f"desa-{culprit.village.code.replace('.', '')}-1")


def _broken_clock(culprit: Culprit, _: int, number: int) -> Iterator[tuple[bytes, str | None]]:
    """Be in 1970, as a board without a clock's battery is that never learns the time."""
    yield _envelope(culprit, number, number)


def _bad_field(culprit: Culprit, minute: int, number: int) -> Iterator[tuple[bytes, str | None]]:
    """Send one record with a field that cannot be."""
    payload, _ = _envelope(culprit, minute, number)
    yield payload.replace(b'"resolve_ms":7.5', b'"resolve_ms":-7.5'), codec.JSON


def _flood(culprit: Culprit, minute: int, number: int) -> Iterator[tuple[bytes, str | None]]:
    """Send as much at once as others in an hour."""
    for at in range(_FLOOD):
        yield _envelope(culprit, minute, number * _FLOOD + at, shift_ns=at * 10**8)


def _liar(culprit: Culprit, minute: int, number: int) -> Iterator[tuple[bytes, str | None]]:
    """Say of the same instant now this, now that."""
    yield _envelope(culprit, minute, number)
    yield _envelope(culprit, minute, number, attempt=2, resolve_ms=8.5)


def _stranger(culprit: Culprit, minute: int, number: int) -> Iterator[tuple[bytes, str | None]]:
    """Be in no registry."""
    yield _envelope(culprit, minute, number)


WAYS: dict[str, Callable[[Culprit, int, int], Iterator[tuple[bytes, str | None]]]] = {
    "garbage": _garbage,
    "bad-field": _bad_field,
    "broken-clock": _broken_clock,
    "impostor": _impostor,
    "bomb": _bomb,
    "flood": _flood,
    "liar": _liar,
    "stranger": _stranger,
}
UNREGISTERED = "stranger"


def _envelope(
    culprit: Culprit,
    minute: int,
    seq: int,
    *,
    device: str | None = None,
    attempt: int = 1,
    resolve_ms: float = 7.5,
    shift_ns: int = 0,
) -> tuple[bytes, str]:
    header = Header(
        v=VERSION,
        device=device or culprit.name,
        agent=__version__,
        spool=culprit.spool,
        boot=culprit.spool,
        attempt=attempt,
        oldest_unacked_seq=seq,
    )
    data = codec.encode_measurement(Dns(resolver="nakal", name="nakal", resolve_ms=resolve_ms))
    time_ns = minute * _MINUTE_NS + shift_ns
    record = codec.encode_record(seq=seq, time_ns=time_ns, uptime_ns=time_ns, clock="synced", data=data)
    return codec.encode_envelope(header, [record])
