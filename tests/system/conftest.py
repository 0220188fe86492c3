"""System tests run what a user gets: the built wheel, installed from the lock file into a venv of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.chromium import PATH

ROOT = Path(__file__).parents[2]
VENV = ROOT / "build" / "wheel-venv"


@pytest.fixture(scope="session")
def wheel_bin() -> Path:
    """Return the folder of the console scripts that the wheel installs."""
    wheels = sorted((ROOT / "build" / "dist").glob("pantau-*.whl"))
    if not wheels:
        pytest.fail("no wheel in build/dist: run 'make wheel' first ('make test' does)")
    uv = str(Path(sys.executable).parent / "uv")
    python = str(VENV / "bin" / "python")
    install = [uv, "pip", "install", "--quiet", "--python", python]
    _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV))
    _run(*install, "--require-hashes", "-r", str(ROOT / "requirements" / "run.lock"))
    _run(*install, "--no-deps", str(wheels[-1]))
    return VENV / "bin"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the browser's path; skip with a reason where there is none."""
    if PATH is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    return PATH


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
