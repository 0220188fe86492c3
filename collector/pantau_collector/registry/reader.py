"""Reading `devices.csv`: from bytes to a registry, or to everything that is wrong with them.

What Excel writes in Indonesia is accepted: a byte order mark, and ';' between the fields.
"""

from __future__ import annotations

import csv
import difflib
import io
from typing import TYPE_CHECKING

from pantau_collector.errors import RegistryError
from pantau_collector.i18n import Message
from pantau_collector.registry import areas, journal, problems
from pantau_collector.registry.instants import format_instant
from pantau_collector.registry.model import Placement, Registry, competing_sources
from pantau_collector.registry.problems import Problem, listing
from pantau_collector.registry.rows import COLUMNS, REQUIRED, parse_row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pantau_collector.i18n import Language


def read(path: Path) -> Registry:
    """Return the registry in a file; raises `RegistryError` with every problem, a line each, in English."""
    registry, found = examine(path)
    if found:
        raise RegistryError(listing(found))
    return registry


def check(path: Path, language: Language = "en") -> list[str]:
    """Return everything that is wrong with a file, one text a problem; empty when it is good."""
    return [problem.text(language) for problem in examine(path)[1]]


def examine(path: Path) -> tuple[Registry, list[Problem]]:
    """Return what could be read of a file, and its problems in order of line."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Registry(), [Problem(path, 0, Message(problems.MISSING_FILE))]
    except OSError as error:
        return Registry(), [Problem(path, 0, Message(problems.UNREADABLE, {"reason": error.strerror}))]
    return examine_content(content, path)


def examine_content(content: bytes, path: Path) -> tuple[Registry, list[Problem]]:
    """Do as `examine` for bytes that are, or will be, the file's."""
    version = journal.version_of(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Registry(), [Problem(path, line, Message(problems.NOT_UTF8))]
    placements, found = _Reader(path).run(text)
    registry = Registry(placements, version)
    found += _conflicts(registry, path)
    return registry, sorted(found, key=lambda problem: problem.line)


def delimiter_of(text: str) -> str:
    """Return what separates the fields, ',' or ';', as the first line shows."""
    head = text.partition("\n")[0]
    return ";" if head.count(";") > head.count(",") else ","


class _Reader:
    """Goes through one text, row by row, and collects placements and problems."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.placements: list[Placement] = []
        self.problems: list[Problem] = []
        self.seen: dict[tuple[str, int], int] = {}

    def run(self, text: str) -> tuple[list[Placement], list[Problem]]:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
        try:
            header = next(rows, None)
            if header is None:
                self.report(0, problems.EMPTY, columns=", ".join(COLUMNS))
            elif self.header(columns := [name.strip().lower() for name in header]):
                for row in rows:
                    self.row(columns, row, rows.line_num)
        except csv.Error as error:
            self.report(rows.line_num, problems.NOT_CSV, reason=error)
        return self.placements, self.problems

    def report(self, line: int, text: str, **values: object) -> None:
        self.problems.append(Problem(self.path, line, Message(text, values)))

    def header(self, columns: list[str]) -> bool:
        for column in dict.fromkeys(columns):
            if column not in COLUMNS:
                self.unknown(column)
            if columns.count(column) > 1:
                self.report(1, problems.DOUBLE_COLUMN, column=column)
        for column in REQUIRED:
            if column not in columns:
                self.report(1, problems.MISSING_COLUMN, column=column, columns=", ".join(REQUIRED))
        return not self.problems

    def unknown(self, column: str) -> None:
        near = difflib.get_close_matches(column, COLUMNS, n=1)
        if near:
            self.report(1, problems.UNKNOWN_COLUMN_NEAR, column=column, near=near[0])
        else:
            self.report(1, problems.UNKNOWN_COLUMN, column=column, columns=", ".join(COLUMNS))

    def row(self, columns: list[str], row: list[str], line: int) -> None:
        if not any(value.strip() for value in row):
            return  # Excel leaves empty rows behind
        if len(row) != len(columns):
            self.report(line, problems.FIELD_COUNT, found=len(row), expected=len(columns))
            return
        placement, wrong = parse_row(dict(zip(columns, row, strict=True)), line)
        self.problems += [Problem(self.path, line, message) for message in wrong]
        if placement is not None:
            self.place(placement)

    def place(self, placement: Placement) -> None:
        key = (placement.device, placement.since_ns)
        if key in self.seen:
            since = format_instant(placement.since_ns, placement.village)
            self.report(placement.line, problems.DUPLICATE, device=key[0], since=since, other=self.seen[key])
            return
        self.seen[key] = placement.line
        self.placements.append(placement)


def _conflicts(registry: Registry, path: Path) -> Iterable[Problem]:
    for one, other in competing_sources(registry):
        first, second = sorted((one, other), key=lambda placement: placement.line)
        area = areas.find(second.village)
        village = f"{second.village} ({area.name})" if area else second.village
        values = {"village": village, "device": first.device, "other": first.line}
        yield Problem(path, second.line, Message(problems.TWO_SOURCES, values))
