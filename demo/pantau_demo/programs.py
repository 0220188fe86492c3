"""Where the programs of this installation are."""

from __future__ import annotations

import sys
from pathlib import Path


def program(name: str) -> str:
    """Return the console script that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)
