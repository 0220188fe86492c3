"""The parser of `pantau-collector ca`, `devices`, `broker-config` and `testpoint-key`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pantau_collector import i18n
from pantau_collector.errors import CertificateError, RegistryError
from pantau_collector.identity.terms import OVERLAP_DAYS, Reason
from pantau_wire.errors import InvalidTopicError

if TYPE_CHECKING:
    import argparse

    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

_COMMANDS, _INVITING = "pantau_collector.identity.commands", "pantau_collector.identity.inviting"
_FOLDER_HELP = "folder of the authorities, instead of the configured one"


def add_arguments(commands: Parsers) -> None:
    """Add the commands to the parser of `pantau-collector`."""
    _add_ca(_group(commands, "ca", "certificate authorities: begin, issue for servers, renew, status"))
    devices = _group(commands, "devices", "certificates of devices: invite, enroll, rotate, revoke, list")
    _add_devices(devices)
    _add_invitations(devices)
    broker = _command(commands, "broker-config", "write Mosquitto's configuration and access list", "broker")
    broker.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    broker.add_argument("--host", action="append", required=True, help="name or address that agents use")
    broker.add_argument("--port", type=int, default=8883)
    about = "make the key pair by which testpoints know devices of ours"
    testpoint = commands.add_parser("testpoint-key", help=about, description=about)
    testpoint.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the files go")
    _finish(testpoint, "testpoint_key")


def _add_ca(commands: Parsers) -> None:
    begin = _command(commands, "init", "make the two authorities and an empty revocation list", "begin")
    begin.add_argument("--name", default="Pantau", help="stands in the authorities' names")
    _command(
        commands,
        "status",
        "what is valid, what ends soon; exit code 1 where something needs a hand",
        "status",
    )
    _command(commands, "renew-list", "sign a new revocation list", "renew")
    server = _command(commands, "server", "a certificate for a broker, testpoint or portal", "server")
    server.add_argument("name")
    server.add_argument("--host", action="append", required=True, help="name or address that clients use")
    server.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    collector = _command(commands, "collector", "a certificate for a collector", "collector")
    collector.add_argument("name", help="such as a; the broker knows it as collector-a")
    collector.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    operator = _command(commands, "operator", "a certificate for who configures agents from afar", "operator")
    operator.add_argument("name", help="such as siti; the broker knows it as operator-siti")
    operator.add_argument("--out", type=Path, required=True, metavar="FOLDER")


def _add_devices(commands: Parsers) -> None:
    enroll = _command(commands, "enroll", "place a device in its village and issue its certificate", "enroll")
    enroll.add_argument("device")
    _add_place(enroll)
    _add_key_arguments(enroll)
    rotate = _command(
        commands, "rotate", "issue a new certificate; the old one lives on for a while", "rotate"
    )
    rotate.add_argument("device")
    rotate.add_argument("--overlap-days", type=int, default=OVERLAP_DAYS, metavar="N")
    _add_key_arguments(rotate)
    revoke = _command(commands, "revoke", "never let this device in again with what it has", "revoke")
    revoke.add_argument("device")
    revoke.add_argument("--reason", choices=get_args(Reason), default="unspecified")
    listing = _command(commands, "list", "every certificate ever issued, and what became of it", "listing")
    listing.add_argument("--json", action="store_true")


def _add_invitations(commands: Parsers) -> None:
    invite = _command(commands, "invite", "a line by which a device enrols itself, once", "invite", _INVITING)
    invite.add_argument("device")
    _add_place(invite)
    invite.add_argument(
        "--valid", default="48h", metavar="SPAN", help="such as 90m, 48h or 7d (default: 48h)"
    )
    invite.add_argument("--url", help="of the portal, https://HOST[:PORT]; instead of the configured one")
    invite.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="the portal's, where a proxy has it; instead of the configured one",
    )
    invite.add_argument("--out", type=Path, metavar="FILE", help="write the line there too")
    withdraw = _command(commands, "uninvite", "void a device's open invitation", "uninvite", _INVITING)
    withdraw.add_argument("device")
    listing = _command(commands, "invitations", "list the open invitations", "invitations", _INVITING)
    listing.add_argument("--json", action="store_true")


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--village", required=True, metavar="CODE", help="such as 33.10.25.2007")
    parser.add_argument("--registry", type=Path, metavar="FILE", help="instead of the configured one")


def _add_key_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--request",
        type=Path,
        metavar="FILE",
        help="the device's signing request; without, a key is made here",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the files go")


def _group(commands: Parsers, name: str, about: str) -> Parsers:
    parser = commands.add_parser(name, help=about, description=about)
    return parser.add_subparsers(required=True, metavar="COMMAND")


def _command(
    commands: Parsers, name: str, about: str, function: str, module: str = _COMMANDS
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.add_argument("--folder", type=Path, metavar="DIR", help=_FOLDER_HELP)
    _finish(parser, function, module)
    return parser


def _finish(parser: argparse.ArgumentParser, function: str, module: str = _COMMANDS) -> None:
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the messages")
    parser.set_defaults(function=_run, identity_function=(module, function))


def _run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return 0, or 1 where it cannot be done."""
    module, function = arguments.identity_function
    command = getattr(importlib.import_module(module), function)  # cryptography is for these alone
    arguments.language = i18n.known(arguments.lang) or i18n.of_terminal()
    try:
        return int(command(arguments))
    except CertificateError as error:
        sys.stderr.write(f"{i18n.Message(error.text, error.values).to(arguments.language)}\n")
        return 1
    except (InvalidTopicError, RegistryError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
