"""Questions to an SNMP agent, and what its answers and its silence mean.

Object identifiers are numbers; no MIB is read. Importing this module costs memory: see docs/dependencies.md.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from pyasn1.type.univ import Integer, OctetString
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.proto import errind
from pysnmp.proto.error import StatusInformation
from pysnmp.proto.rfc1902 import Null, ObjectName
from pysnmp.proto.rfc1905 import EndOfMibView

from pantau_agent.probes.failures import ProbeError, error_of
from pantau_agent.probes.traffic.snmp_engine import (
    ATTEMPTS,
    NOBODY,
    OURS,
    Meter,
    Place,
    connected,
    engine_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pantau_agent.probes.traffic.router import RouterTarget
    from pantau_wire.fields import Failure

Value = int | str | None
"""What stands at an object identifier; None where nothing does."""

_GRACE_S = 3.0
_ROWS_AT_ONCE = 10
_MOST_ROWS = 2_000
_SYS_UP_TIME = "1.3.6.1.2.1.1.3.0"
_NOT_ALLOWED = (
    errind.AuthenticationError,
    errind.AuthenticationFailure,
    errind.DecryptionError,
    errind.UnknownSecurityName,
    errind.UnknownUserName,
    errind.UnsupportedSecurityLevel,
    errind.WrongDigest,
)
_NOT_ABLE = (errind.EncryptionError, errind.UnsupportedAuthProtocol, errind.UnsupportedPrivProtocol)
_MAYBE_ANOTHER = (errind.NotInTimeWindow, errind.RequestTimedOut, errind.UnknownEngineID)
"""What asking by version 3 leads to where the router was replaced or reset: get to know it, and ask again."""
_STATUS_NO_ACCESS, _STATUS_AUTHORIZATION = 6, 16  # RFC 3416, section 3


class _Answer(NamedTuple):
    error: Any
    status: int
    bindings: Sequence[tuple[Any, Any]]


class Session:
    """What is asked of one router, one question after the other; `meter` tells what that weighed."""

    def __init__(self, target: RouterTarget, clock: Callable[[], float]) -> None:
        self.meter = Meter(clock)
        self._target = target
        self._engine: Any = None
        self._place: Place | None = None
        self._is_acquainted = False
        self._silences_count = 0

    async def get(self, oids: Iterable[str]) -> dict[str, Value]:
        """Return what stands at each object identifier. Raises ProbeError."""
        bindings = await self._ask(cmdgen.GetCommandGenerator(), oids)
        return {str(oid): _value_of(value) for oid, value in bindings}

    async def column(self, column: str) -> dict[int, Value]:
        """Return a column of a table by row. Raises ProbeError.

        One column at a time: net-snmp answers a GETBULK of several with an error where their view ends.
        """
        found: dict[int, Value] = {}
        left: str | None = column
        while left is not None:
            bindings = await self._ask(cmdgen.BulkCommandGeneratorSingleRun(), [left], 0, _ROWS_AT_ONCE)
            left = _sort_in(found, column, bindings)
            if len(found) > _MOST_ROWS:
                raise ProbeError("protocol", f"the router's table has more than {_MOST_ROWS} rows")
        return found

    async def _ask(self, generator: Any, oids: Iterable[str], *bulk: int) -> Sequence[tuple[Any, Any]]:
        bindings = [(ObjectName(oid), Null("")) for oid in oids]
        answer = await self._exchange(OURS, generator, *bulk, bindings)
        if self._is_acquainted and isinstance(answer.error, _MAYBE_ANOTHER):
            self._engine = None
            answer = await self._exchange(OURS, generator, *bulk, bindings)
        if isinstance(answer.error, errind.RequestTimedOut):
            raise await self._silence()
        self._silences_count = 0
        self._is_acquainted = answer.error is None and self._target.version == "3"
        if answer.error is not None or answer.status:
            raise ProbeError(
                _failure_of(answer), f"{self._name()} answers: {answer.error or _status(answer)}"
            )
        return answer.bindings

    async def _silence(self) -> ProbeError:
        """Return what the silence means; where it lasts, after asking in a way that any agent answers.

        A wrong community or privacy password is met with silence (RFC 3584, 3414), but a user that does not
        exist is told so: whoever answers that is there, and does not want us.
        """
        self._silences_count += 1
        if self.meter.is_refused:
            return ProbeError("refused", f"{self._name()}: nobody listens there")
        if self._silences_count > 1:
            nothing = [(ObjectName(_SYS_UP_TIME), Null(""))]
            answer = await self._exchange(NOBODY, cmdgen.GetCommandGenerator(), nothing)
            if not isinstance(answer.error, errind.RequestTimedOut):
                secret = "community" if self._target.version == "2c" else "privacy password"
                return ProbeError("permission", f"{self._name()} is there, but does not take our {secret}")
        return ProbeError(
            "timeout", f"{self._name()} does not answer: is SNMP on, and are we allowed to ask?"
        )

    async def _exchange(self, who: str, generator: Any, *arguments: Any) -> _Answer:
        """Send a question and return its answer. Raises ProbeError where nothing could be sent."""
        answered: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()

        def take(
            _engine: Any, _handle: Any, error: Any, status: Any, _index: Any, bindings: Any, _: Any
        ) -> None:
            if not answered.done():
                answered.set_result(_Answer(error, int(status or 0), list(bindings or ())))

        place = await self._resolve()
        if self._engine is None or place != self._place:
            self._is_acquainted = False
            self._engine, self._place = await asyncio.to_thread(engine_for, self._target, place), place
        try:
            async with (
                connected(self._engine, place, self.meter),
                asyncio.timeout((ATTEMPTS + 1) * self._target.timeout_s + _GRACE_S),
            ):
                generator.send_varbinds(self._engine, who, None, "", *arguments, take)
                return await answered
        except StatusInformation as status:
            return _Answer(status.get("errorIndication"), 0, ())
        except TimeoutError:  # the engine counts by the wall clock, which may have been set back
            self._engine = None
            return _Answer(errind.requestTimedOut, 0, ())
        except OSError as fault:
            raise error_of(fault, self._name()) from fault

    async def _resolve(self) -> Place:
        loop, host = asyncio.get_running_loop(), self._target.host
        try:
            found = await loop.getaddrinfo(host, self._target.port, type=socket.SOCK_DGRAM)
        except OSError as fault:
            raise error_of(fault, f"look up {host}") from fault
        family, _, _, _, address = found[0]
        return Place(family, (str(address[0]), int(address[1])))

    def _name(self) -> str:
        return f"SNMP at {self._target.host} port {self._target.port}"


def _failure_of(answer: _Answer) -> Failure:
    if isinstance(answer.error, _NOT_ALLOWED) or answer.status in {_STATUS_NO_ACCESS, _STATUS_AUTHORIZATION}:
        return "permission"
    return "unsupported" if isinstance(answer.error, _NOT_ABLE) else "protocol"


def _status(answer: _Answer) -> str:
    return f"error status {answer.status}" + (
        " (not authorised)" if answer.status == _STATUS_AUTHORIZATION else ""
    )


def _value_of(value: Any) -> Value:
    """Return a number or a text; other types than those that are asked for are left out."""
    if isinstance(value, Integer):
        return int(value)
    return bytes(value).decode("utf-8", "replace") if isinstance(value, OctetString) else None


def _sort_in(found: dict[int, Value], column: str, bindings: Sequence[tuple[Any, Any]]) -> str | None:
    """Sort in what an answer to GETBULK has of the column; return where to go on, None at its end."""
    left = None
    for oid, value in bindings:
        row_digits = str(oid).removeprefix(f"{column}.")
        if not row_digits.isdigit() or isinstance(value, EndOfMibView):
            return None
        if found and int(row_digits) <= max(found):
            raise ProbeError("protocol", "the router's table goes round in circles")
        found[int(row_digits)] = _value_of(value)
        left = str(oid)
    return left
