"""Runs benchmarks: each writes build/bench/NAME.json and prints a table.

A benchmark is a module here with `run()`, which returns a list of objects whose keys carry their units.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import SkippedError

FOLDER = Path(__file__).parent
OUTPUT = FOLDER.parent / "build" / "bench"
ON_REQUEST = {"accuracy", "idle_traffic", "portal_pages"}  # need root, or seven minutes and more each
Rows = list[dict[str, Any]]


def main() -> int:
    """Run the named benchmarks, or all that are quick and need no root; return 1 when one failed."""
    names = sorted(file.stem for file in FOLDER.glob("*.py") if not file.stem.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of: {', '.join(names)}")
    wanted = parser.parse_args().names or [name for name in names if name not in ON_REQUEST]
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(names)}")
    failed = [name for name in wanted if not run_one(name)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run_one(name: str) -> bool:
    """Run a benchmark, write its file and print its table; say why where it failed or cannot run."""
    print(f"{name} …", file=sys.stderr, flush=True)
    try:
        rows: Rows = importlib.import_module(f"benchmarks.{name}").run()
    except SkippedError as reason:
        print(f"{name} skipped: {reason}", file=sys.stderr)
        return True
    except Exception as error:  # noqa: BLE001 - one that fails must not keep the others from running
        print(f"{name} failed: {type(error).__name__}: {error}", file=sys.stderr)
        return False
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    show(name, rows)
    return True


def show(name: str, rows: Rows) -> None:
    """Print the rows as a table, columns in the order in which they first appear."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table()
    for column in columns:
        numeric = all(isinstance(row.get(column, 0), int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(text(row.get(column)) for column in columns))
    console = Console()
    if not console.is_terminal:
        console.width = 160
    console.print(f"{name}   ({machine()})")
    console.print(table)


def text(value: object) -> str:
    """Return a value as people read it: three to four significant digits."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def machine() -> str:
    """Return what this ran on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
