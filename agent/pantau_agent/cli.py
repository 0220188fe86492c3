"""`pantau-agent`: run, test, spool, config."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pantau_agent import logs
from pantau_agent.config import DEFAULT_PATH, as_json, load
from pantau_agent.errors import AgentError
from pantau_wire import __version__

if TYPE_CHECKING:
    from pantau_wire.fields import AnyMeasurement


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 0 done, 1 a test failed, 2 wrong use or configuration."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.function(arguments))
    except AgentError as error:
        print(f"pantau-agent: {error}", file=sys.stderr)  # noqa: T201 - the message is the interface
        return 2
    except (BrokenPipeError, KeyboardInterrupt):
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pantau-agent", description="Measures this device's internet, and keeps every measurement."
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"TOML file (default: {DEFAULT_PATH} if it is there)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="measure and publish until stopped")
    run.set_defaults(function=_run)
    test = commands.add_parser("test", help="measure now and show the result; needs no broker")
    test.add_argument("--server", metavar="URL", help="test server, instead of the configured one")
    test.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    test.set_defaults(function=_test)
    spool = commands.add_parser("spool", help="print what the spool holds and held, as JSON")
    spool.set_defaults(function=_spool)
    config = commands.add_parser("config", help="print the configuration in force, secrets hidden")
    config.set_defaults(function=_config)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from pantau_agent.service import Agent  # noqa: PLC0415 - the other commands start faster without

    config = load(arguments.config)
    logs.configure(config.log_format)

    async def work() -> None:
        await Agent(config).run()

    asyncio.run(work())
    return 0


def _test(arguments: argparse.Namespace) -> int:
    from pantau_agent import jobs  # noqa: PLC0415 - the other commands start faster without
    from pantau_agent.i18n import translator  # noqa: PLC0415
    from pantau_agent.live import run_live  # noqa: PLC0415

    config = load(arguments.config)
    logs.configure(config.log_format)
    if arguments.server is not None:
        section = msgspec.structs.replace(config.speed, url=arguments.server)
        config = msgspec.structs.replace(config, speed=section)
    wanted = [*jobs.latency_jobs(config), *jobs.speed_jobs(config)]
    measurements = asyncio.run(run_live(wanted, translator(config.language), as_json=arguments.json))
    return 1 if any(_failed(measurement) for measurement in measurements) else 0


def _failed(measurement: AnyMeasurement) -> bool:
    return measurement.failure is not None


def _spool(arguments: argparse.Namespace) -> int:
    from pantau_agent.spool import read_state  # noqa: PLC0415 - the other commands start faster without

    state = read_state(load(arguments.config).spool.path)
    print(msgspec.json.format(msgspec.json.encode(state), indent=2).decode())  # noqa: T201 - asked for
    return 0


def _config(arguments: argparse.Namespace) -> int:
    from pantau_agent.jobs import jobs_of  # noqa: PLC0415 - the other commands start faster without

    config = load(arguments.config)
    jobs_of(config)  # finds settings that contradict each other
    print(as_json(config))  # noqa: T201 - asked for
    return 0
