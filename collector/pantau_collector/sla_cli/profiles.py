"""`sla profiles`: whether a file of profiles can be used, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector.config import load
from pantau_collector.errors import ProfileError, RegistryError
from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _
from pantau_collector.months import profile_file
from pantau_collector.registry import reader
from pantau_collector.sla_cli.common import command, complain, print_json, table, tell

if TYPE_CHECKING:
    import argparse

    from pantau_collector.months.profile_book import ProfileBook
    from pantau_collector.sla_cli.common import Parsers

GOOD = _("{file} is good; profiles: {names}, version: {version}")
UNKNOWN = _(
    "the registry points at the profile '{name}', which is not in the file: its villages are judged without a"
    " contract, so never for speed"
)
NO_FILE = _("no file of profiles is configured: set sla.profiles, or name the file")
COLUMNS = ("name", "since", "download_bps", "upload_bps", "busy hours", "delay ms", "availability")


def add_arguments(commands: Parsers) -> None:
    """Add `profiles` with what can be done."""
    about = "check a file of SLA profiles, or show what it says"
    parser = commands.add_parser("profiles", help=about, description=about)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    check = command(actions, "check", "say whether a file can be used, and what to do where not", _check)
    show = command(actions, "show", "show all versions of all profiles", _show, json=True)
    for parser_with_file in (check, show):
        parser_with_file.add_argument("file", type=Path, nargs="?", help="the configured one by default")


def _check(arguments: argparse.Namespace) -> int:
    try:
        book = _book(arguments)
    except ProfileError as error:
        complain(Message(error.text, error.values).to(arguments.language))
        return 1
    names = ", ".join(book.names) or "-"
    tell(arguments, GOOD, file=_file(arguments), names=names, version=book.version[:12])
    for name in _pointed_at(arguments) - set(book.names):
        tell(arguments, UNKNOWN, name=name)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    book = _book(arguments)
    versions = [version for name in book.names for version in book.versions(name)]
    if arguments.json:
        print_json(versions)
        return 0
    table(
        [
            COLUMNS,
            *(
                (
                    one.name,
                    str(one.since),
                    _rate(one.contracted_download_bps),
                    _rate(one.contracted_upload_bps),
                    f"{one.busy_from}-{one.busy_to} {one.busy_days}",
                    str(one.latency_max_ms),
                    f"{one.availability_target_ratio:g}",
                )
                for one in versions
            ),
        ]
    )
    return 0


def _rate(bps: float | None) -> str:
    return "-" if bps is None else f"{bps:.0f}"


def _file(arguments: argparse.Namespace) -> Path:
    path: Path | None = arguments.file or load(arguments.config).sla.profiles
    if path is None:
        raise ProfileError(NO_FILE)
    return path


def _book(arguments: argparse.Namespace) -> ProfileBook:
    return profile_file.read(_file(arguments))


def _pointed_at(arguments: argparse.Namespace) -> set[str]:
    """Return the profiles that the configured registry names, none where it cannot be read."""
    try:
        registry = reader.read(load(arguments.config).registry.path)
    except RegistryError:
        return set()
    return {placement.profile for device in registry.devices for placement in registry.history(device)}
