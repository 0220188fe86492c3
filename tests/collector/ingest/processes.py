"""The collector as operators run it: a process with a configuration file and a registry."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONFIG = """\
log_format = "json"

[broker]
port = {port}
client_id = "{client_id}"
reconnect_max_s = 0.2

[store]
path = "{folder}/pantau.db"
dead_letters_path = "{folder}/dead-letters.db"

[ingest]
batch_delay_s = 0.02

[registry]
path = "{folder}/devices.csv"

[web]
enabled = {web}
port = 0
access_path = "{folder}/access.db"
"""
COMMAND = [sys.executable, "-c", "from pantau_collector.cli import main; raise SystemExit(main())"]


@dataclass
class Settings:
    """A configuration file, and the registry that it names."""

    folder: Path
    file: Path

    def register(self, *devices: str) -> None:
        """Have exactly these devices in the registry."""
        rows = [f"{device},33.10.26.2008,2025-01-01T00:00:00+07:00" for device in devices]
        (self.folder / "devices.csv").write_text("\n".join(["device,village,since", *rows, ""]))


def settings(folder: Path, port: int = 1, client_id: str = "collector-1", *, web: bool = False) -> Settings:
    """Write a configuration and a registry with `desa-1` in it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{client_id}.toml"
    file.write_text(_CONFIG.format(port=port, client_id=client_id, folder=folder, web=str(web).lower()))
    written = Settings(folder, file)
    written.register("desa-1")
    return written


@contextlib.contextmanager
def running(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a collector's process; it is killed at the end if it still runs."""
    with log.open("wb") as output:
        process = subprocess.Popen([*COMMAND, "--config", str(config), "run"], stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
