"""A dead letter, how many of them are kept, and what is told of those that are not any more."""

from __future__ import annotations

from dataclasses import dataclass

NOBODY = ""
"""Stands for all topics that cannot be a device's: they share one account."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused payload. `device` is what the topic said, `at_ns` when it came."""

    device: str
    at_ns: int
    reason: str
    detail: str
    payload: bytes
    content_type: str | None

    @property
    def account(self) -> str:
        """Whose quota it takes from: the device's, or `NOBODY`'s where `device` is a whole topic."""
        return NOBODY if "/" in self.device else self.device


@dataclass(frozen=True, slots=True)
class KeptLetter(DeadLetter):
    """A dead letter as it is kept: with its number, and how often and when last it came."""

    id: int
    last_at_ns: int
    times: int


@dataclass(frozen=True, slots=True)
class Quota:
    """How much is kept of each device, and of all together (the pages in use of the file)."""

    device_letters: int = 1000
    device_bytes: int = 20_000_000
    total_bytes: int = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Rotation:
    """Letters of one account and reason that made room for newer ones."""

    account: str
    reason: str
    letters: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of one account's letters of one reason since the file was begun, discarded ones left out.

    `times` counts arrivals, repeated ones too. `first_at_ns` and `last_at_ns` are the first and the last of
    them, whether the letter is still kept or not.
    """

    account: str
    reason: str
    kept_letters: int
    kept_bytes: int
    kept_times: int
    rotated_letters: int
    rotated_bytes: int
    rotated_times: int
    first_at_ns: int
    last_at_ns: int
