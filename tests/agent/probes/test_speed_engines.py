"""The engines that one can configure are the engines that there are."""

from __future__ import annotations

from typing import get_args

from pantau_agent.config.settings import Engine
from pantau_agent.probes.speed.engines import ENGINES


def test_every_engine_that_can_be_configured_exists() -> None:
    assert set(ENGINES) == set(get_args(Engine))


def test_our_own_engines_can_always_run() -> None:
    assert ENGINES["http"].unavailable() is None
    assert ENGINES["ndt7"].unavailable() is None
