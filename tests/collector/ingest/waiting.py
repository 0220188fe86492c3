"""Waiting for a condition, with patience: slow machines run these tests too."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 30.0


async def until(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; fail when it does not for a long time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.005)
