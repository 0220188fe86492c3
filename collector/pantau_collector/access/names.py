"""Names of people and tokens."""

from __future__ import annotations

from pantau_collector.access.model import NAME
from pantau_collector.errors import AccessError
from pantau_collector.i18n import marked as _


def check(name: str) -> None:
    """Refuse a name that could be taken for another one. Raises `AccessError`."""
    if not NAME.fullmatch(name):
        raise AccessError(
            _("{name} is no name: small letters, digits and . _ @ - only, 64 at most"), name=repr(name)
        )
