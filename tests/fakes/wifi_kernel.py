"""The kernel's side of nl80211, spoken by pyroute2: an encoder that shares no code with our decoder.

It answers over a pair of local sockets, whose messages have bounds like netlink's.
"""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyroute2.netlink import nlmsg, nlmsgerr
from pyroute2.netlink.generic import ctrlmsg
from pyroute2.netlink.nl80211 import NL80211_CMD_GET_INTERFACE, NL80211_CMD_GET_STATION, nl80211cmd

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILY = 0x1C
_CONTROLLER = 0x10
_DONE, _MULTI = 3, 2


@dataclass
class WifiKernel:
    """What the driver knows; `station` is what nl80211's STA_INFO holds, None without an access point."""

    interface_type: int = 2
    station: list[Any] | None = field(default_factory=list)
    has_nl80211: bool = True
    asked: list[tuple[int, int]] = field(default_factory=list)

    def answer(self, octets: bytes) -> list[bytes]:
        """Return the messages that answer a question, each as one read of the socket gives them."""
        kind = int.from_bytes(octets[4:6], "little")
        if kind == _CONTROLLER:
            return [self._family(octets)]
        question = nl80211cmd(octets)
        question.decode()
        command = question["cmd"]
        self.asked.append((command, question.get_attr("NL80211_ATTR_IFINDEX")))
        number = question["header"]["sequence_number"]
        if command == NL80211_CMD_GET_INTERFACE:
            return [_wifi(number, 7, [["NL80211_ATTR_IFNAME", "wlan0"],
                                      ["NL80211_ATTR_IFTYPE", self.interface_type]])]  # fmt: skip
        assert command == NL80211_CMD_GET_STATION, command
        return [*self._stations(number), _done(number)]

    def _family(self, octets: bytes) -> bytes:
        question = ctrlmsg(octets)
        question.decode()
        number = question["header"]["sequence_number"]
        if not self.has_nl80211 or question.get_attr("CTRL_ATTR_FAMILY_NAME") != "nl80211":
            return _error(number, errno.ENOENT)
        answer = ctrlmsg()
        answer["cmd"], answer["version"] = 1, 2
        answer["attrs"] = [["CTRL_ATTR_FAMILY_NAME", "nl80211"], ["CTRL_ATTR_FAMILY_ID", FAMILY]]
        return _encoded(answer, _CONTROLLER, number, 0)

    def _stations(self, number: int) -> list[bytes]:
        if self.station is None:
            return []
        attributes = [
            ["NL80211_ATTR_MAC", "02:fc:00:00:00:05"],
            ["NL80211_ATTR_STA_INFO", {"attrs": self.station}],
        ]
        return [_wifi(number, 19, attributes, _MULTI)]


def _wifi(number: int, command: int, attributes: list[Any], flags: int = 0) -> bytes:
    answer = nl80211cmd()
    answer["cmd"], answer["version"], answer["attrs"] = command, 1, attributes
    return _encoded(answer, FAMILY, number, flags)


def _done(number: int) -> bytes:
    return _encoded(nlmsg(), _DONE, number, _MULTI)


def _error(number: int, code: int) -> bytes:
    answer = nlmsgerr()
    answer["error"] = -code
    return _encoded(answer, 2, number, 0)


def _encoded(message: Any, kind: int, number: int, flags: int) -> bytes:
    message["header"]["type"], message["header"]["flags"] = kind, flags
    message["header"]["sequence_number"] = number
    message.encode()
    return bytes(message.data)


@contextmanager
def answering(kernel: WifiKernel) -> Iterator[socket.socket]:
    """Yield the socket on which the kernel answers."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def serve() -> None:
        while octets := theirs.recv(65_536):
            for answer in kernel.answer(octets):
                theirs.send(answer)

    thread = threading.Thread(target=serve, name="wifi-kernel")
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join()
        theirs.close()
