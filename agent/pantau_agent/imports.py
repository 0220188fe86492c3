"""Keeps libraries from importing, for features that we do not use, others that happen to be installed."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def without(name: str) -> Iterator[None]:
    """Let `import name` fail inside the context, unless it is loaded already; afterwards it works again."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = cast("Any", None)
    try:
        yield
    finally:
        del sys.modules[name]
