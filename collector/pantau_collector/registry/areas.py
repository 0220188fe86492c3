"""Names of Indonesia's provinces, regencies, districts and villages, by the Kemendagri's codes.

A code says where an area lies: village `33.10.25.2007` is in district `33.10.25`, in regency `33.10`,
in province `33`. Names come from `data/areas.zip` (source and licence: `data/NOTICE`), which is read a
province at a time and kept as sorted lines, so that a collector of one regency pays for one province.
"""

from __future__ import annotations

import bisect
import difflib
import functools
import re
import threading
import zipfile
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

from pantau_collector.registry.codes import (
    DISTRICT_LENGTH,
    PROVINCE_LENGTH,
    REGENCY_LENGTH,
    VILLAGE_LENGTH,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Level = Literal["province", "regency", "district", "village"]

LEVELS: dict[int, Level] = {
    PROVINCE_LENGTH: "province",
    REGENCY_LENGTH: "regency",
    DISTRICT_LENGTH: "district",
    VILLAGE_LENGTH: "village",
}
_NATION_LENGTH = 5  # provinces and regencies stand in one member, the rest in one a province
_CODE = re.compile(r"\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?", re.ASCII)
_GENERIC_WORDS = {"kabupaten", "kota", "provinsi", "kecamatan", "desa", "kelurahan"}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Area:
    """One area: its code, its name, and through them its place in the hierarchy."""

    code: str
    name: str

    @property
    def level(self) -> Level:
        """Whether this is a province, a regency, a district or a village."""
        return LEVELS[len(self.code)]

    @property
    def parents(self) -> tuple[Area, ...]:
        """The areas that this one lies in, nearest first: none for a province."""
        codes = [self.code[:length] for length in sorted(LEVELS, reverse=True) if length < len(self.code)]
        return tuple(area for area in map(find, codes) if area is not None)


def find(code: str) -> Area | None:
    """Return the area of any level that has this code, or None."""
    if not _CODE.fullmatch(code):
        return None
    lines = _lines_for(code)
    at = bisect.bisect_left(lines, f"{code},")
    if at < len(lines) and lines[at].startswith(f"{code},"):
        return _area(lines[at])
    return None


def province(code: str) -> Area | None:
    """Return the province with this code, such as `33`, or None."""
    return _of_level(code, "province")


def regency(code: str) -> Area | None:
    """Return the regency or city with this code, such as `33.10`, or None."""
    return _of_level(code, "regency")


def district(code: str) -> Area | None:
    """Return the district with this code, such as `33.10.25`, or None."""
    return _of_level(code, "district")


def village(code: str) -> Area | None:
    """Return the village with this code, such as `33.10.25.2007`, or None."""
    return _of_level(code, "village")


def provinces() -> list[Area]:
    """Return the 38 provinces in order of code."""
    return [_area(line) for line in _lines("nation") if line[2] == ","]


def children(code: str) -> list[Area]:
    """Return the areas directly inside the one with this code, in order of code."""
    length = next((length for length in sorted(LEVELS) if length > len(code)), 0)
    if not length or not _CODE.fullmatch(code):
        return []
    inside = f"{code}."
    lines = _lines_for(f"{code}.00" if len(code) < _NATION_LENGTH else f"{inside}00")
    start = bisect.bisect_left(lines, inside)
    stop = bisect.bisect_left(lines, f"{code}/", start)  # "/" follows "."
    return [_area(line) for line in lines[start:stop] if line.index(",") == length]


def villages(within: str = "") -> Iterator[Area]:
    """Yield the villages inside an area of any level, the nation's by default, in order of code."""
    return (area for area in _all(within, "village") if area.level == "village")


def search(text: str, *, level: Level | None = None, within: str = "", limit: int = 20) -> list[Area]:
    """Return areas whose name holds every word of `text`, best first: exact, then beginning, then any.

    `within` is the code of an area to search in. Without it, and above district level, the whole nation
    is read, which takes about 0.2 s and 7 MiB the first time.
    """
    wanted = _words(text)
    if not wanted:
        return []
    found = [
        area
        for area in _all(within, level)
        if all(word in area.name.casefold() for word in wanted) and level in (None, area.level)
    ]
    found.sort(key=lambda area: (_distance(area.name, wanted), len(area.code), area.code))
    return found[:limit]


def suggest(code: str) -> Area | None:
    """Return the known village whose code is most like an unknown one, or None if none is near."""
    here = code[:2] if province(code[:2]) else None
    if here is None:
        return None
    villages = [line.partition(",")[0] for line in _lines(here) if line[8] == "."]
    near = [known for known in villages if known.startswith(code[:8])] or villages
    match = difflib.get_close_matches(code, near, n=1, cutoff=0.7)
    return find(match[0]) if match else None


def _of_level(code: str, level: Level) -> Area | None:
    area = find(code)
    return area if area is not None and area.level == level else None


def _area(line: str) -> Area:
    code, _, name = line.partition(",")
    return Area(code, name)


def _words(text: str) -> list[str]:
    words = text.casefold().split()
    return [word for word in words if word not in _GENERIC_WORDS] or words


def _distance(name: str, wanted: Sequence[str]) -> int:
    """0 for the very name, 1 where it begins so, 2 where a word begins so, 3 elsewhere."""
    whole, text = " ".join(_words(name)), " ".join(wanted)
    if whole == text:
        return 0
    return 1 if whole.startswith(text) else 2 if f" {text}" in f" {whole}" else 3


def _all(within: str, level: Level | None) -> Iterator[Area]:
    lists = [_lines("nation")]
    if level in (None, "district", "village"):
        codes = [within[:2]] if within else [area.code for area in provinces()]
        lists += [_lines(code) for code in codes]
    return (_area(line) for lines in lists for line in lines if line.startswith(within))


def _lines_for(code: str) -> list[str]:
    return _lines("nation" if len(code) <= _NATION_LENGTH else code[:2])


def _lines(member: str) -> list[str]:
    with _lock:  # so that threads that come at once read the archive once
        return _read(member)


@functools.cache
def _read(member: str) -> list[str]:
    packed = resources.files(__package__).joinpath("data", "areas.zip")
    with packed.open("rb") as file, zipfile.ZipFile(file) as archive:
        try:
            text = archive.read(f"{member}.csv").decode()
        except KeyError:  # no such province
            return []
    return text.splitlines()
