"""Whom a journal names."""

from __future__ import annotations

import getpass
import os


def who() -> str:
    """Return the person at the keyboard, also behind sudo."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
