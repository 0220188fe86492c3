"""The villages of a fleet: real ones, with names and time zones out of the collector's registry."""

from __future__ import annotations

import csv
import io
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_demo.errors import DemoError
from pantau_demo.programs import program

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Village:
    """A village; its clocks are `utc_offset_minutes` ahead of UTC."""

    code: str
    name: str
    district: str
    regency: str
    province: str
    utc_offset_minutes: int

    @property
    def tags(self) -> tuple[str, str, str, str]:
        """Codes of village, district, regency and province: what rows about it carry."""
        return self.code, self.code[:8], self.code[:5], self.code[:2]


def villages(area: str = "") -> list[Village]:
    """Return the villages of an area, by code or name (the nation's by default); raises `DemoError`."""
    command = [program("pantau-collector"), "registry", "villages", "--area", area]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoError(done.stderr.strip() or f"{' '.join(command)} ended with {done.returncode}")
    return [
        Village(
            row["village"],
            row["name"],
            row["district"],
            row["regency"],
            row["province"],
            int(row["utc_offset_s"]) // 60,
        )
        for row in csv.DictReader(io.StringIO(done.stdout))
    ]


def spread(found: Sequence[Village], count: int) -> list[Village]:
    """Return so many of the villages, evenly spread over all of them in order of code."""
    return [found[at * len(found) // count] for at in range(count)]
