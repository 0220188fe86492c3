"""Makes a history and hands it to `pantau-collector import`, part by part, while the next one is made."""

from __future__ import annotations

import queue
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING

from pantau_demo.errors import DemoError
from pantau_demo.fleet.history import writing
from pantau_demo.fleet.watching import Standing
from pantau_demo.programs import program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pantau_demo.fleet.history.writing import Plan
    from pantau_demo.fleet.life import Life


class Import:
    """A thread that gives folders to `pantau-collector import`, one after the other."""

    def __init__(self, options: Sequence[str], target: Sequence[str], *, keep: bool) -> None:
        """Begin; `options` are the collector's own, `target` those of `import`. Folders go when not kept."""
        self._command = [program("pantau-collector"), *options, "import", *target]
        self._keep = keep
        self._folders: queue.Queue[Path | None] = queue.Queue()
        self._problem = ""
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def add(self, folder: Path) -> None:
        """Have a folder imported; raises `DemoError` where an earlier one could not be."""
        self._complain()
        self._folders.put(folder)

    def finish(self) -> None:
        """Wait for the last one; raises `DemoError`."""
        self._folders.put(None)
        self._thread.join()
        self._complain()

    def _work(self) -> None:
        while (folder := self._folders.get()) is not None and not self._problem:
            done = subprocess.run([*self._command, str(folder)], capture_output=True, text=True, check=False)
            if done.returncode:
                self._problem = done.stderr.strip() or done.stdout.strip()
            elif not self._keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _complain(self) -> None:
        if self._problem:
            raise DemoError(f"the history cannot be imported: {self._problem}")


def make(
    life: Life, plan: Plan, folder: Path, say: Callable[[str], None], importing: Import | None = None
) -> Standing:
    """Write a history, have it imported, and return where everybody stands at its end."""
    standing = Standing.new(len(life.population))
    villages = len(life.population.by_village())
    for part, done in writing.write(life, plan, folder, standing):
        say(f"  {done:,} of {villages:,} villages have a history")
        if importing is not None:
            importing.add(part)
    if importing is not None:
        importing.finish()
    return standing
