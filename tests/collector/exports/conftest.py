"""A regency of nine villages whose September is judged, one of them not closed yet."""

from __future__ import annotations

import pytest
from tests.fakes.months import MemoryMonths, evidence

from pantau_collector.registry import areas

MONTH = "2026-09"
REGENCY = "33.10"


@pytest.fixture(scope="session")
def months() -> MemoryMonths:
    districts = areas.children(REGENCY)[:3]
    codes = [village.code for district in districts for village in areas.children(district.code)[:3]]
    return MemoryMonths(
        [
            evidence(code, MONTH, seed=seed, closed=seed != 4, provider=f'=PT {seed}, "Serat"')
            for seed, code in enumerate(codes)
        ]
    )
