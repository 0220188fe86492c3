"""What can keep the demo from running; `str()` says what to do."""

from __future__ import annotations


class DemoError(Exception):
    """The demo cannot start or go on."""
