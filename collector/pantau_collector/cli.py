"""`pantau-collector`: run, access, dead-letters, registry, config, and more."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from pantau_collector import (
    audit_cli,
    dead_letters_cli,
    init_cli,
    logs,
    surge_cli,
    transfer_cli,
)
from pantau_collector.access import cli as access_cli
from pantau_collector.config import DEFAULT_PATH, load
from pantau_collector.errors import CollectorError
from pantau_collector.identity import cli as identity_cli
from pantau_collector.notification import cli as notification_cli
from pantau_collector.registry import cli as registry_cli
from pantau_collector.registry import instants
from pantau_collector.remote_config import cli as remote_config_cli
from pantau_collector.sla_cli import cli as sla_cli
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
    analyse = commands.add_parser(
        "analyse", help="compute rollups, silences and alerts until stopped; `run` starts it by itself"
    )
    analyse.add_argument("--with-parent", action="store_true", help="end when standard input ends")
    analyse.add_argument(
        "--adopt",
        action="store_true",
        help="go on where imported rollups end, and compute none of them again",
    )
    analyse.set_defaults(function=_analyse)
    notification_cli.add_arguments(
        commands.add_parser("notify", help="send a test message to the contacts of the notifications")
    )
    init = commands.add_parser("init", help="prepare InfluxDB: databases, how long they keep, logins")
    init_cli.add_arguments(init)
    transfer_cli.add_export(commands.add_parser("export", help="write a period of the store into files"))
    transfer_cli.add_import(commands.add_parser("import", help="write what was exported into the store"))
    wal = commands.add_parser(
        "mend-wal", help="take torn entries out of InfluxDB 1.x's log, before influxd is started"
    )
    wal.add_argument("folder", type=Path, nargs="?", default=Path("/var/lib/influxdb/wal"))
    wal.set_defaults(function=_mend_wal)
    config = commands.add_parser(
        "config", help="print the configuration in force, secrets hidden; or configure agents from afar"
    )
    config.set_defaults(function=_config)
    remote_config_cli.add_arguments(config)
    letters = commands.add_parser("dead-letters", help="list, show, replay or discard refused payloads")
    dead_letters_cli.add_arguments(letters)
    audit = commands.add_parser("audit", help="prove that nothing is missing, or name what is")
    audit_cli.add_arguments(audit)
    sla = commands.add_parser("sla", help="verdicts, evidence, files, maintenance, objections, profiles")
    sla_cli.add_arguments(sla)
    surge = commands.add_parser("surge", help="how good the surge detector is")
    surge_cli.add_arguments(surge)
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
        await Collector(config, arguments.config).run()

    asyncio.run(collect())
    return 0


def _analyse(arguments: argparse.Namespace) -> int:
    from pantau_collector.analysis_loop import runner  # noqa: PLC0415 - NumPy takes its time and memory

    config = load(arguments.config)
    logs.configure(config.log_format)
    if arguments.adopt:
        until = instants.format_instant(runner.adopt(config), "")
        print(f"the analysis goes on from {until}")  # noqa: T201 - what was asked for
    else:
        runner.run(config, with_parent=arguments.with_parent)
    return 0


def _mend_wal(arguments: argparse.Namespace) -> int:
    from pantau_collector.storage.influx import wal  # noqa: PLC0415 - nothing else needs it

    for path, torn_bytes in wal.mend(arguments.folder).items():
        print(f"{path}: {torn_bytes} bytes of torn entries taken out")  # noqa: T201 - what was asked for
    return 0


def _config(arguments: argparse.Namespace) -> int:
    print(load(arguments.config).model_dump_json(indent=2))  # noqa: T201 - what was asked for
    return 0
