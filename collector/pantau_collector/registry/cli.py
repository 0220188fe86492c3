"""`pantau-collector registry`: check, show, add, move, search and more, in the language of the terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector import i18n
from pantau_collector.i18n import marked as _
from pantau_collector.registry import areas, inventory_cli, journal_cli, moving_cli, reader, villages_cli
from pantau_collector.registry.instants import format_instant
from pantau_collector.registry.model import DEFAULT_PROFILE, STATES, TECHNOLOGIES
from pantau_collector.registry.problems import listing
from pantau_collector.registry.rows import COLUMNS, row_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pantau_collector.registry.model import Placement, Registry

    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

GOOD = _("{path} is good; devices: {devices}, villages: {villages}, version: {version}")
NOT_GOOD = _("{path} cannot be used; problems: {count}")
NOTHING_FOUND = _("no area is called that: try a part of the name")
NOBODY = _("no device stands there")
NO_DEVICES = _("the registry has no device")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to the parser of `pantau-collector registry`."""
    commands = parser.add_subparsers(dest="registry_command", required=True, metavar="COMMAND")
    check = _command(commands, "check", "say whether a file can be used, and what to do where not", _check)
    check.add_argument("file", type=Path)
    show = _command(commands, "show", "list the devices, or the history of one", _show)
    show.add_argument("file", type=Path)
    show.add_argument("device", nargs="?", help="show this device's history")
    show.add_argument("--village", metavar="CODE", help="only devices that stand there now")
    _add_arguments(_command(commands, "add", "append a row; earlier rows stay as history", _add))
    moved, replaced = "a device stands elsewhere from now on", "a device retires for another in its place"
    moving_cli.add_arguments(_command(commands, "move", moved, moving_cli.move), "village")
    moving_cli.add_arguments(_command(commands, "replace", replaced, moving_cli.replace), "successor")
    told = "who added which row when, and where the file was edited by hand"
    journal_cli.add_arguments(_command(commands, "journal", told, journal_cli.run))
    search = _command(
        commands, "search", "find the code of a village, district, regency or province", _search
    )
    search.add_argument("name", nargs="+")
    search.add_argument("--within", default="", metavar="CODE", help="search only inside this area")
    search.add_argument("--limit", type=int, default=20, metavar="N")
    villages_cli.add_arguments(
        _command(commands, "villages", "list the villages of an area, as CSV", villages_cli.run)
    )
    inventory_cli.add_arguments(
        _command(commands, "inventory", "print the devices as an inventory for Ansible", inventory_cli.run)
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return 0, or 1 where the answer is no."""
    arguments.language = i18n.known(arguments.lang) or i18n.of_terminal()
    command = arguments.registry_function
    return int(command(arguments))


def _command(commands: Parsers, name: str, about: str, function: object) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the messages")
    parser.set_defaults(registry_function=function)
    return parser


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path)
    parser.add_argument("device")
    parser.add_argument("village", help="code of the village, such as 33.10.25.2007")
    parser.add_argument(
        "--since", metavar="INSTANT", help="such as 2026-11-01T00:00:00+07:00; now by default"
    )
    parser.add_argument("--provider", default="")
    parser.add_argument("--technology", choices=TECHNOLOGIES, default="")
    parser.add_argument("--profile", default=DEFAULT_PROFILE, help="SLA profile")
    parser.add_argument(
        "--traffic-source", action="store_true", help="its counters are the village's traffic"
    )
    parser.add_argument("--state", choices=STATES, default="active")
    parser.add_argument("--latitude", default="", metavar="DEGREES", help="such as -7.7056; for the map")
    parser.add_argument("--longitude", default="", metavar="DEGREES", help="such as 110.6061")
    parser.add_argument(
        "--network", default="", metavar="FINGERPRINT", help="its networks there; elsewhere it is off site"
    )


def _check(arguments: argparse.Namespace) -> int:
    registry, found = reader.examine(arguments.file)
    if found:
        _complain(listing(found, arguments.language))
        _complain(_tell(arguments, NOT_GOOD, path=arguments.file, count=len(found)))
        return 1
    _say(_tell(arguments, GOOD, path=arguments.file, **_summary(registry)))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    registry, found = reader.examine(arguments.file)
    if found:
        _complain(listing(found, arguments.language))
        return 1
    placements = _wanted(registry, arguments)
    if not placements:
        _complain(_tell(arguments, NOBODY if arguments.device or arguments.village else NO_DEVICES))
        return 1
    _table([tuple(COLUMNS), *map(_row, placements)])
    return 0


def _wanted(registry: Registry, arguments: argparse.Namespace) -> list[Placement]:
    if arguments.device:
        return registry.history(arguments.device)
    if arguments.village:
        return registry.devices_of(arguments.village)
    return [placement for device in registry.devices if (placement := registry.current(device))]


def _row(placement: Placement) -> tuple[str, ...]:
    row, village = row_of(placement), areas.find(placement.village)
    if village:
        row["village"] += f" {village.name}"
    return tuple(row[column] for column in COLUMNS)


def _add(arguments: argparse.Namespace) -> int:
    row = {column: getattr(arguments, column) or "" for column in COLUMNS}
    row["since"] = arguments.since or format_instant(time.time_ns(), arguments.village)
    row["traffic_source"] = "yes" if arguments.traffic_source else "no"
    return moving_cli.write(arguments, [row])


def _search(arguments: argparse.Namespace) -> int:
    found = areas.search(" ".join(arguments.name), within=arguments.within, limit=arguments.limit)
    if not found:
        _complain(_tell(arguments, NOTHING_FOUND))
        return 1
    _table([(area.code, ", ".join([area.name, *(parent.name for parent in area.parents)])) for area in found])
    return 0


def _summary(registry: Registry) -> dict[str, object]:
    version = registry.version[:12]
    return {"devices": len(registry), "villages": len(registry.villages()), "version": version}


def _tell(arguments: argparse.Namespace, text: str, **values: object) -> str:
    return i18n.Message(text, values).to(arguments.language)


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        _say("  ".join(cells).rstrip())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
