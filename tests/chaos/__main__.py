"""`python -m tests.chaos --minutes 3 --seed 7`: shakes everything, then asks where each measurement is."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos import stores
from tests.chaos.run import file_name, run

OUT = Path("build/bench")


def main() -> int:
    """Run; return 0 when nothing is missing, doubled or altered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--store", choices=stores.KINDS, default="sqlite")
    parser.add_argument("--keep", type=Path, help="keep all files in this new folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pantau-chaos-") as temporary:
        path = arguments.keep or Path(temporary)
        path.mkdir(parents=True, exist_ok=True)
        verdict = run(path, minutes=arguments.minutes, seed=arguments.seed, store=arguments.store)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / file_name(arguments.store)).write_text(verdict.as_json() + "\n")
    sys.stdout.write(verdict.as_json() + "\n")
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())
