"""What names the data of an export whatever its format: a hash over its lines, and their revisions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pantau_collector.exports.csv_file import Encoder
from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantau_collector.i18n import Language
    from pantau_collector.months.model import VillageMonth

OPEN = _("month not closed: figures may still change")
PARTLY = _("closed up to revision {newest}; {open} of {villages} villages not closed")
CLOSED = _("closed, revision {newest}")
REOPENED = _("closed, revisions {oldest} to {newest}")


class Seal:
    """Looks at lines that pass. Complete once all have passed."""

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._hash = hashlib.sha256(self._encoder.header())
        self._numbers: set[int] = set()
        self._open = 0
        self.villages = 0
        self.closed_at_ns = 0
        """When the newest of the revisions was frozen; 0 where there is none."""

    def of(self, lines: Iterable[VillageMonth]) -> Iterator[VillageMonth]:
        """Pass the lines on, one by one."""
        for line in lines:
            self._hash.update(self._encoder.line(line))
            self.villages += 1
            if line.revision is None:
                self._open += 1
            else:
                self._numbers.add(line.revision.number)
                self.closed_at_ns = max(self.closed_at_ns, line.revision.closed_at_ns)
            yield line

    @property
    def sha256(self) -> str:
        """The SHA-256 of the plain CSV of all lines: who has that file can compare."""
        return self._hash.hexdigest()

    def state(self, language: Language) -> str:
        """Return in words whether the month is closed, and as which revision."""
        if not self._numbers:
            return Message(OPEN).to(language)
        values = {
            "oldest": min(self._numbers),
            "newest": max(self._numbers),
            "open": self._open,
            "villages": self.villages,
        }
        pattern = PARTLY if self._open else CLOSED if len(self._numbers) == 1 else REOPENED
        return Message(pattern, values).to(language)
