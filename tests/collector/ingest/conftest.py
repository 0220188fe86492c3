"""Both brokers, freshly started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.fakes import brokers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=brokers.KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[brokers.Broker]:
    with brokers.running(request.param, tmp_path) as started:
        yield started
