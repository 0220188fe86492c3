"""Fixtures that several of the agent's tests share; a file that needs another spool defines its own."""

import pytest
import structlog
from tests.agent.support.device import open_spool


@pytest.fixture
def spool(tmp_path):
    opened = open_spool(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def logs():
    with structlog.testing.capture_logs() as captured:
        yield captured
