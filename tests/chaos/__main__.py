"""`python -m tests.chaos --minutes 3 --seed 7`: shakes everything, then asks where each measurement is."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import run

OUT = Path("build/bench/chaos.json")


def main() -> int:
    """Run; return 0 when nothing is missing, doubled or altered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="keep all files in this new folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pantau-chaos-") as temporary:
        path = arguments.keep or Path(temporary)
        path.mkdir(parents=True, exist_ok=True)
        verdict = run(path, minutes=arguments.minutes, seed=arguments.seed)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(verdict.as_json() + "\n")
    sys.stdout.write(verdict.as_json() + "\n")
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())
