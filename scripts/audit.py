"""Known vulnerabilities in what we ship: pip-audit asks PyPI about requirements/run.lock.

Exits with 1 where there is one that requirements/audit-ignore.txt does not excuse, or where an excuse is
wrong or has ended. What PyPI does not answer is counted as skipped, with its reason: silence is no news.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent.parent / "requirements"
LOCK, IGNORE = FOLDER / "run.lock", FOLDER / "audit-ignore.txt"
COMMAND = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip"]
OPTIONS = [
    "--vulnerability-service",
    "pypi",
    "--format",
    "json",
    "--progress-spinner",
    "off",
    "--timeout",
    "20",
]
TIME_LIMIT_S = 300
PARTS = 3


class Excuse(NamedTuple):
    """Why a vulnerability does not concern us, and until when that is believed."""

    until: dt.date
    reason: str


class Found(NamedTuple):
    """A vulnerability: `names` are its id and its other names."""

    package: str
    names: tuple[str, ...]
    fixed_in: tuple[str, ...]


class Report(NamedTuple):
    """What pip-audit says: packages that were looked at, those that were not and why, and what was found."""

    audited_count: int
    skipped: dict[str, str]
    found: list[Found]


def excuses(text: str, today: dt.date) -> dict[str, Excuse]:
    """Read lines of id, date and reason; `#` begins a comment. Raises `ValueError` for one to look at."""
    read = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(maxsplit=PARTS - 1)
        until = _date(parts[1]) if len(parts) == PARTS else None
        if until is None:
            raise ValueError(f"line {number}: an id, a date (YYYY-MM-DD) and a reason are wanted")
        if until < today:
            raise ValueError(f"line {number}: {parts[0]} was excused until {until}: look at it again")
        read[parts[0]] = Excuse(until, parts[2])
    return read


def parse(output: str) -> Report:
    """Read pip-audit's JSON. Raises `ValueError` where it is none."""
    packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    skipped = {one["name"]: str(one["skip_reason"]) for one in packages if "skip_reason" in one}
    found = [
        Found(
            f"{one['name']} {one['version']}",
            (wrong["id"], *wrong["aliases"]),
            tuple(wrong["fix_versions"]),
        )
        for one in packages
        for wrong in one.get("vulns", [])
    ]
    return Report(len(packages) - len(skipped), skipped, found)


def judge(report: Report, excused: dict[str, Excuse]) -> tuple[list[str], bool]:
    """Return the lines to print, and whether all is well."""
    lines, well, used = [], True, set()
    for one in report.found:
        names = [name for name in one.names if name in excused]
        used.update(names)
        if names:
            lines.append(f"excused: {one.package}: {names[0]} until {excused[names[0]].until}")
        else:
            well = False
            lines.append(f"VULNERABLE: {one.package}: {', '.join(one.names)}; fixed in {_or(one.fixed_in)}")
    if not report.skipped:
        lines += [f"no longer needed in {IGNORE.name}: {name}" for name in sorted(excused.keys() - used)]
    else:
        name, reason = next(iter(report.skipped.items()))
        lines.append(f"SKIPPED: no answer for {len(report.skipped)} package(s), such as {name}: {reason}")
    count = len(report.found)
    lines.append(
        f"{report.audited_count} package(s) looked at, {len(report.skipped)} skipped, {count} finding(s)"
    )
    return lines, well


def _or(versions: tuple[str, ...]) -> str:
    return " or ".join(versions) or "no release yet"


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def ask() -> Report | str:
    """Return pip-audit's report, or why there is none."""
    try:
        asked = subprocess.run(  # noqa: S603 - our own command
            [*COMMAND, *OPTIONS], capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"PyPI gave no answer within {TIME_LIMIT_S} s"
    try:
        return parse(asked.stdout)
    except ValueError:
        last = (asked.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        return f"nobody could be asked: {last[:300]}"


def main() -> int:
    """Ask, print and judge."""
    try:
        excused = excuses(IGNORE.read_text(encoding="utf-8"), dt.datetime.now(dt.UTC).date())
    except ValueError as error:
        return _say([f"{IGNORE.name}, {error}"], well=False)
    report = ask()
    if isinstance(report, str):
        return _say([f"SKIPPED: {report}", "0 package(s) looked at, all skipped"], well=True)
    lines, well = judge(report, excused)
    return _say(lines, well=well)


def _say(lines: list[str], *, well: bool) -> int:
    sys.stdout.writelines(f"audit: {line}\n" for line in lines)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
