"""Accounts to try things on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from pantau_collector.access.book import Book

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with contextlib.closing(Book(tmp_path / "state" / "access.db")) as opened:
        yield opened
