"""Finding the server: its address, and the paths of the dialect that it speaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.transport.errors import RefusedError, TokenWantedError
from pantau_agent.probes.speed.transport.pinger import Pinger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_agent.probes.speed.transport.server import Server
    from pantau_agent.probes.speed.trial import Trial

_NOT_FOUND = 404

MAX_GARBAGE_MIB = 1024
"""What LibreSpeed serves at most in one response."""

_MIB = 1024 * 1024
POST_BYTES = (1024 * _MIB, 20 * _MIB, 1 * _MIB)
"""Sizes of a POST counted by acknowledgements, the next one tried when a server says 413 to the one before.
The second is what LibreSpeed's own page sends, the third what nginx takes by default."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Paths below the configured URL, and what the server does with a request.

    `sized` servers take the size of what they shall send in MiB, others send what they have; `counts` says
    whether a number in the answer to an upload is what arrived.
    """

    garbage: str
    empty: str
    upload: str
    sized: bool = True
    counts: bool = True
    post_bytes: tuple[int, ...] = POST_BYTES

    def download(self, size_mib: int) -> str:
        """Return the path to download `size_mib` from, as far as the server lets one choose."""
        return f"{self.garbage}?ckSize={size_mib}" if self.sized else self.garbage


DIALECTS = (
    Dialect("/garbage", "/empty", "/empty"),
    Dialect("/backend/garbage.php", "/backend/empty.php", "/backend/empty.php"),
    Dialect("/garbage.php", "/empty.php", "/empty.php"),
)
"""In the order in which they are tried: ours and the Go and Rust servers, PHP, the PHP folder itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server, and what it speaks."""

    server: Server
    dialect: Dialect


def find_peer(trial: Trial, servers: Sequence[Server], dialects: Sequence[Dialect] = DIALECTS) -> Peer:
    """Return the first of the addresses that accepts a connection, and what it speaks. Raises ProbeError."""
    for server in servers[:-1]:
        try:
            return _peer(trial, server, dialects)
        except RefusedError:
            raise
        except ProbeError:
            continue
    return _peer(trial, servers[-1], dialects)


def _peer(trial: Trial, server: Server, dialects: Sequence[Dialect]) -> Peer:
    try:
        return Peer(server=server, dialect=_dialect(trial, server, dialects))
    except TokenWantedError as wanted:
        known = replace(server, token=_token(trial, wanted))
        return Peer(server=known, dialect=_dialect(trial, known, dialects))


def _token(trial: Trial, wanted: TokenWantedError) -> str:
    """Return this device's token, for its own testpoint only. Raises TokenWantedError with what to do."""
    if not trial.target.own_testpoint:
        why = "; a device sends it to the testpoint in its [speed] url and to no other server"
    elif (token := trial.testpoint_token()) is not None:
        return token
    else:
        why = "; none came yet, or this user may not read it: is the device registered, does it publish?"
    raise TokenWantedError(wanted.fault, why) from wanted


def _dialect(trial: Trial, server: Server, dialects: Sequence[Dialect]) -> Dialect:
    """Return the paths that the server has: the first of which it does not say 404."""
    for dialect in dialects:
        with Pinger(server, dialect.empty, trial.stop, trial.target.timeout_s) as pinger:
            try:
                pinger.round_trip_ms()
            except RefusedError as error:
                if error.status != _NOT_FOUND:
                    raise
            else:
                return dialect
    raise RefusedError("no speed test answers there: HTTP 404 for every known path", _NOT_FOUND)
