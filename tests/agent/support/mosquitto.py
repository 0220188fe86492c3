"""Mosquitto with settings of a test's own: limits, passwords."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from tests.fakes import brokers

from pantau_demo import broker as recipes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def tuned(folder: Path, *settings: str) -> Iterator[brokers.Broker]:
    """Run Mosquitto with more lines in its configuration; a setting that is there already is replaced."""
    names = {setting.split()[0] for setting in settings}
    kept = [line for line in recipes._MOSQUITTO.splitlines() if line.split()[0] not in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "_MOSQUITTO", "\n".join([*kept, *settings, ""]))
        with brokers.running("mosquitto", folder) as broker:
            yield broker
