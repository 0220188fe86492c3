"""A device that trusts the operator's key."""

from __future__ import annotations

import pytest
from tests.agent.remote.controls import control_of, local


@pytest.fixture
def config(tmp_path):
    return local(tmp_path)


@pytest.fixture
def control(config):
    return control_of(config)
