"""A regency of twelve villages whose August is judged, in a real store; some failed, none is closed yet."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from tests.collector.months import world

from pantau_collector.months import objections
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.months.model import MonthReader

MONTH, REGENCY = "2026-08", "33.10"
FAILED = "33.10.01.2002"


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonthReader]:
    path = tmp_path_factory.mktemp("exports") / "pantau.db"
    with contextlib.closing(SqliteStore(path)) as store:
        months = world.filled(store, months=[MONTH])
        objections.file(
            store, FAILED, MONTH, by="Budi & <BUMDes>", text="Bukan jaringan <kami>.", now_ns=10**18
        )
        yield months
