"""`pantau-collector`: run, access, dead-letters, registry, config, and more."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from pantau_collector import audit_cli, dead_letters_cli, logs
from pantau_collector.access import cli as access_cli
from pantau_collector.config import DEFAULT_PATH, load
from pantau_collector.errors import CollectorError
from pantau_collector.identity import cli as identity_cli
from pantau_collector.registry import cli as registry_cli
from pantau_collector.remote_config import cli as remote_config_cli
from pantau_wire import __version__


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 0 done, 1 the answer is no, 2 wrong use or configuration."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.function(arguments))
    except CollectorError as error:
        print(f"pantau-collector: {error}", file=sys.stderr)  # noqa: T201 - the message is the interface
        return 2
    except (BrokenPipeError, KeyboardInterrupt):
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pantau-collector", description="Takes measurements from MQTT, keeps them and shows them."
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"TOML file (default: {DEFAULT_PATH} if it is there)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="collect until stopped, and serve the portal")
    run.set_defaults(function=_run)
    config = commands.add_parser(
        "config", help="print the configuration in force, secrets hidden; or configure agents from afar"
    )
    config.set_defaults(function=_config)
    remote_config_cli.add_arguments(config)
    letters = commands.add_parser("dead-letters", help="list, show, replay or discard refused payloads")
    dead_letters_cli.add_arguments(letters)
    audit = commands.add_parser("audit", help="prove that nothing is missing, or name what is")
    audit_cli.add_arguments(audit)
    registry = commands.add_parser("registry", help="check, show, add, search: devices and villages")
    registry.set_defaults(function=registry_cli.run)
    registry_cli.add_arguments(registry)
    access = commands.add_parser("access", help="who may see the portal: tokens, people, journal")
    access_cli.add_arguments(access)
    identity_cli.add_arguments(commands)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from pantau_collector.service import Collector  # noqa: PLC0415 - the other commands start faster without

    config = load(arguments.config)
    logs.configure(config.log_format)

    async def collect() -> None:
        await Collector(config).run()

    asyncio.run(collect())
    return 0


def _config(arguments: argparse.Namespace) -> int:
    print(load(arguments.config).model_dump_json(indent=2))  # noqa: T201 - what was asked for
    return 0
