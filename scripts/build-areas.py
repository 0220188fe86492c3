"""Build the names of Indonesia's areas from npm's idn-area-data.

    npm pack idn-area-data@3.1.2 && tar xf idn-area-data-3.1.2.tgz
    scripts/build-areas.py package/data

Writes collector/pantau_collector/registry/data/areas.zip: `nation.csv` with provinces and regencies,
and one CSV a province with its districts and villages, each line `code,name` in order of code. The
same input gives the same bytes. What this changes of the source stands in the NOTICE beside it.
"""

import argparse
import csv
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

TARGET = Path(__file__).parents[1] / "collector/pantau_collector/registry/data/areas.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can carry
COUNTS = {"provinces": 38, "regencies": 514, "districts": 7277, "villages": 83763}
ABBREVIATIONS = {"DKI"}


def main() -> None:
    """Read the folder named on the command line, write the archive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path, help="the folder 'data' of the unpacked npm package")
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    build(arguments.source, arguments.target)
    sys.stdout.write(f"{arguments.target}: {arguments.target.stat().st_size} bytes\n")


def build(source: Path, target: Path) -> None:
    """Write the archive; raises `SystemExit` where the source is not the one we know."""
    members = defaultdict(list)
    for table in COUNTS:
        for code, name in read(source, table):
            upper = table in ("provinces", "regencies")
            members["nation" if upper else code[:2]].append((code, titled(name) if upper else name))
    with zipfile.ZipFile(target, "w") as archive:
        for member in sorted(members, key=lambda name: (name != "nation", name)):
            write(archive, member, sorted(members[member]))


def read(source: Path, table: str) -> list[tuple[str, str]]:
    """Return code and name of every row of one table."""
    with (source / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["code"], row["name"]) for row in csv.DictReader(file)]
    if len(rows) != COUNTS[table]:
        raise SystemExit(
            f"{table}.csv has {len(rows)} rows, not {COUNTS[table]}: is this idn-area-data 3.1.2?"
        )
    return rows


def titled(name: str) -> str:
    """Return a name in capitals, which the source uses for provinces and regencies, in title case."""
    return " ".join(word if word in ABBREVIATIONS else word.capitalize() for word in name.split())


def write(archive: zipfile.ZipFile, member: str, rows: Iterable[tuple[str, str]]) -> None:
    """Add one member; a name has no line break, and everything after the first comma is the name."""
    info = zipfile.ZipInfo(f"{member}.csv", EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    text = "".join(f"{code},{name}\n" for code, name in rows)
    archive.writestr(info, text.encode(), compresslevel=9)


if __name__ == "__main__":
    main()
