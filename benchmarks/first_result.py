"""How long a newcomer waits: from starting `pantau-demo` to the first speed result in the portal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

RUNS_COUNT = 3
TIMEOUT_S = 90


def run() -> list[dict[str, Any]]:
    """Return a row per run, with the time to the portal and to the first speed result in it."""
    return [{"run": number, **measure()} for number in range(1, RUNS_COUNT + 1)]


def measure() -> dict[str, float]:
    """Start the demo and watch its portal as a person would."""
    program = Path(sys.executable).parent / "pantau-demo"
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as state:
        demo = subprocess.Popen([program, "--port", "0", "--state", state], stderr=subprocess.PIPE, text=True)
        assert demo.stderr is not None
        try:
            url = portal_url(demo.stderr)
            portal_s = time.monotonic() - began
            while not has_speed(url):
                assert time.monotonic() - began < TIMEOUT_S, "no speed result"
                time.sleep(0.1)
            first_speed_s = time.monotonic() - began
        finally:
            demo.terminate()
            demo.communicate()
    return {"portal_s": round(portal_s, 2), "first_speed_s": round(first_speed_s, 2)}


def portal_url(lines: Any) -> str:
    """Return the address that the demo prints."""
    for line in lines:
        if found := re.search(r"http://\S+/", line):
            return found.group()
    raise RuntimeError("the demo did not start")


def has_speed(url: str) -> bool:
    """Return whether the portal has a speed result of any device."""
    with urllib.request.urlopen(url + "api/v1/devices", timeout=10) as answer:
        return any("speed" in device["counts"] for device in json.load(answer)["devices"])
