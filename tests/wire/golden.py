"""The golden files of the wire format, and the examples that SPEC.md shows.

`python -m tests.wire.golden` writes them anew from `tests.wire.examples`; `--check` only compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec
from tests.wire.examples import ACK, CONFIG, ENVELOPE, MEASUREMENTS, STATUS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "golden" / "wire"
SPEC = ROOT / "wire" / "pantau_wire" / "SPEC.md"
COMMAND = "python -m tests.wire.golden"
_SHOWN = re.compile(r"(<!-- golden: (\S+) -->\n```json\n).*?(```\n)", re.DOTALL)


def pretty(text: bytes) -> bytes:
    """Return the same JSON over several lines, numbers and order untouched."""
    return msgspec.json.format(text, indent=2) + b"\n"


def files() -> dict[Path, bytes]:
    """Return what every generated file should hold."""
    messages = MEASUREMENTS | {"envelope": ENVELOPE, "ack": ACK, "status": STATUS, "config": CONFIG}
    golden = {FOLDER / f"{name}.json": pretty(msgspec.json.encode(item)) for name, item in messages.items()}
    return golden | {SPEC: _with_examples(SPEC.read_text(), golden).encode()}


def stale() -> list[str]:
    """Return the files that do not hold what they should, and golden files of nothing."""
    wanted = files()
    surplus = set(FOLDER.glob("*.json")) - wanted.keys()
    wrong = [path for path, text in wanted.items() if not path.exists() or path.read_bytes() != text]
    return sorted(str(path.relative_to(ROOT)) for path in [*wrong, *surplus])


def _with_examples(spec: str, golden: dict[Path, bytes]) -> str:
    return _SHOWN.sub(lambda found: found[1] + golden[FOLDER / found[2]].decode() + found[3], spec)


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` tell which are stale."""
    if "--check" in arguments:
        old = stale()
        sys.stdout.write("".join(f"{name} is stale: {COMMAND}\n" for name in old))
        return 1 if old else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        path.write_bytes(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
