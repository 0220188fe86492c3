"""What a resolver answered."""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """Time until the answer was there, the addresses of both families, and the code of RFC 1035.

    The system's resolver tells no code.
    """

    resolve_ms: float
    addresses: frozenset[str]
    response_code: str | None = None
