"""Runs `pantau-demo` as a user does, and reads what it leaves behind."""

import json
import re
import sqlite3
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

KINDS = ("traffic", "latency", "speed", "dns", "http", "link", "device")


class Demo:
    """A running demo with its state folder; standard error is collected line by line."""

    def __init__(self, program: Path, state: Path, duration_s: int | None, *options: str) -> None:
        self.state = state
        command = [str(program), "--port", "0", "--json", "--state", str(state)]
        duration = [] if duration_s is None else ["--duration", str(duration_s)]
        self.process = subprocess.Popen(
            [*command, *duration, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._collect)
        self._reader.start()

    def _collect(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def wait_for(self, condition: Callable[[], Any], what: str, timeout_s: float = 60) -> Any:
        """Return the first true answer; fail with the demo's words when it does not come."""
        deadline = time.monotonic() + timeout_s
        while not (answer := condition()):
            assert time.monotonic() < deadline, f"{what} did not happen:\n{''.join(self.lines)}{self.logs()}"
            assert self.process.poll() is None, f"the demo ended before {what}:\n{''.join(self.lines)}"
            time.sleep(0.05)
        return answer

    def url(self) -> str:
        """Return the portal's address, as the demo says it."""
        found = self.wait_for(lambda: re.search(r"http://\S+/", "".join(self.lines)), "the portal's address")
        return str(found.group())

    def pids(self) -> dict[str, int]:
        """Return the process ids of the parts."""
        file = self.state / "pids.json"
        self.wait_for(file.exists, "pids.json")
        return dict(json.loads(file.read_text()))

    def finish(self, timeout_s: float = 120) -> tuple[int, dict[str, Any]]:
        """Wait for the demo's own end; return exit code and account."""
        assert self.process.stdout is not None
        output = self.process.stdout.read()
        code = self.process.wait(timeout_s)
        self._reader.join()
        return code, json.loads(output)

    def logs(self) -> str:
        """Return the ends of the parts' logs, for a failure's message."""
        return "".join(f"\n{log.name}:\n{log.read_text()[-2000:]}" for log in self.state.glob("*.log"))

    def close(self) -> None:
        """End it if a test failed half-way."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@contextmanager
def running_demo(bin_folder: Path, state: Path, duration_s: int | None, *options: str) -> Iterator[Demo]:
    """Run the demo; it is gone when the block ends."""
    demo = Demo(bin_folder / "pantau-demo", state, duration_s, *options)
    try:
        yield demo
    finally:
        demo.close()


def stored_values(state: Path, kind: str) -> dict[tuple[int, str], float]:
    """Return what the store's file itself says: (seq, field) to value, read without Pantau's code."""
    with closing(sqlite3.connect(f"file:{state}/collector/pantau.db?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        rows = db.execute(f"SELECT * FROM {kind}").fetchall()
    return {(row["seq"], name): row[name] for row in rows for name in row.keys()}  # noqa: SIM118


def times_stored(state: Path) -> dict[int, int]:
    """Return how often each `seq` stands in the store's file, over all kinds."""
    found: dict[int, int] = defaultdict(int)
    with closing(sqlite3.connect(f"file:{state}/collector/pantau.db?mode=ro", uri=True)) as db:
        for kind in KINDS:
            for (seq,) in db.execute(f"SELECT seq FROM {kind}"):
                found[seq] += 1
    return found
