"""The table of probes."""

from __future__ import annotations

import subprocess
import sys

from pantau_agent.probes import PROBES
from pantau_wire.fields import KINDS


def test_every_probe_is_named_after_the_kind_that_it_measures() -> None:
    assert set(PROBES) <= set(KINDS)


def test_the_table_loads_nothing_heavy() -> None:
    """On a small device the agent's memory is counted: these come only when they are used."""
    code = "import sys, pantau_agent.probes; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"icmplib", "rich", "paho", "pydantic", "http.client", "email"} & set(ran.stdout.split())
