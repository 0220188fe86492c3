"""Questions to the Linux kernel by generic netlink: just as much as a few numbers about Wi-Fi take.

A message is a header, a command, and attributes that may hold attributes (linux/netlink.h and
linux/genetlink.h).
Written here because pyroute2, which knows all of netlink, would cost a small device 10 MiB of memory.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Attributes = dict[int, bytes]

_HEADER = struct.Struct("=IHHII")  # length, type, flags, number, port
_COMMAND = struct.Struct("=BBH")  # command, version, reserved
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ERROR = struct.Struct("=i")
_GENERIC = 16
_REQUEST, _DUMP = 0x1, 0x300
_IS_ERROR, _IS_DONE = 2, 3
_TYPE_MASK = 0x3FFF  # the two highest bits say "nested" and "big endian"
_ALIGNMENT = 4
_RECEIVE_BYTES = 65_536
_TIMEOUT_S = 0.5
"""The kernel answers while one asks; this is for a kernel that does not."""

CONTROLLER = 0x10
"""The family that names the others."""
_GET_FAMILY = 3
_FAMILY_ID, _FAMILY_NAME = 1, 2


class Conversation:
    """Asks one question at a time; use it as a context.

    Raises OSError for what the kernel refuses, FileNotFoundError where it does not know the family;
    `TimeoutError` without an answer; ValueError for an answer that cannot be read.
    """

    def __init__(self, sock: socket.socket | None = None) -> None:
        """Take another socket for tests. Raises OSError where there is no netlink."""
        self._sock = sock or _open()
        self._sock.settimeout(_TIMEOUT_S)
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def family(self, name: str) -> int:
        """Return the number by which the kernel knows the family at present."""
        wanted = {_FAMILY_NAME: name.encode("ascii") + b"\0"}
        answer = self.ask(CONTROLLER, _GET_FAMILY, wanted)[0]
        return number(answer[_FAMILY_ID], "H") if _FAMILY_ID in answer else 0

    def ask(
        self, family: int, command: int, wanted: Mapping[int, bytes], *, dump: bool = False
    ) -> list[Attributes]:
        """Return the attributes of each object in the answer: one, or with `dump` any number."""
        asked = next(self._numbers)
        body = _COMMAND.pack(command, 1, 0) + b"".join(_packed(kind, value) for kind, value in wanted.items())
        flags = _REQUEST | (_DUMP if dump else 0)
        self._sock.send(_HEADER.pack(_HEADER.size + len(body), family, flags, asked, 0) + body)
        found: list[Attributes] = []
        while True:
            received = self._sock.recv(_RECEIVE_BYTES)
            if not received:
                raise ValueError("the answer ends before its end")
            for kind, content in _answers(received, asked):
                if kind == _IS_DONE:
                    return found
                if kind == _IS_ERROR:
                    _raise(content)
                found.append(attributes(content[_COMMAND.size :]))
                if not dump:
                    return found


def attributes(content: bytes) -> Attributes:
    """Return the attributes by type, the last of each; raises ValueError if one is longer than the rest."""
    found = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(content):
        length, kind = _ATTRIBUTE.unpack_from(content, at)
        if not _ATTRIBUTE.size <= length <= len(content) - at:
            raise ValueError(f"attribute {kind} of {length} bytes where {len(content) - at} are left")
        found[kind & _TYPE_MASK] = content[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)
    return found


def number(value: bytes, code: str) -> int:
    """Return an attribute's number, `code` as for struct; raises ValueError if it has another size."""
    if len(value) != struct.calcsize(f"={code}"):
        raise ValueError(f"{len(value)} bytes are no number of type {code}")
    return int(struct.unpack(f"={code}", value)[0])


def _open() -> socket.socket:
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        raise OSError("netlink exists on Linux only")
    return socket.socket(family, socket.SOCK_RAW, _GENERIC)


def _packed(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(_aligned(length) - length)


def _aligned(length: int) -> int:
    return (length + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT


def _answers(received: bytes, asked: int) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of each message that answers the question."""
    at = 0
    while at + _HEADER.size <= len(received):
        length, kind, _, answers, _ = _HEADER.unpack_from(received, at)
        if not _HEADER.size <= length <= len(received) - at:
            raise ValueError(f"message of {length} bytes where {len(received) - at} are left")
        if answers == asked:
            yield kind, received[at + _HEADER.size : at + length]
        at += _aligned(length)


def _raise(content: bytes) -> None:
    code = -number(content[: _ERROR.size], "i")
    raise OSError(code, os.strerror(code))
