"""What our own decoder refuses: kept durably with the reason, so that nothing is thrown away unseen.

A dead letter is always a whole envelope as it could be published again; a single bad record is wrapped
in its envelope's header. The same payload refused again is counted, not kept twice. Each device has a quota;
beyond it the device's own oldest letters make room, and are counted for ever.
"""

from __future__ import annotations

from pantau_collector.deadletters.file import DeadLetters
from pantau_collector.deadletters.letters import NOBODY, DeadLetter, KeptLetter, Quota, Rotation, Tally

__all__ = ["NOBODY", "DeadLetter", "DeadLetters", "KeptLetter", "Quota", "Rotation", "Tally"]
