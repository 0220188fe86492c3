"""`pantau-agent`: run, test, doctor, budget, enroll, spool, config."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from pantau_agent import i18n, logs
from pantau_agent.config import DEFAULT_PATH, as_json, load
from pantau_agent.config.settings import Engine
from pantau_agent.errors import AgentError, EnrolmentError, RemoteConfigError
from pantau_agent.i18n import _
from pantau_wire import __version__

if TYPE_CHECKING:
    from pantau_agent.config import AgentConfig
    from pantau_wire.fields import AnyMeasurement

_JSON_HELP = "print one JSON object and nothing else"


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 0 done, 1 a test failed, 2 wrong use or configuration."""
    arguments = _parser().parse_args(argv)
    i18n.use(None)
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
    _add_test(commands.add_parser("test", help="measure now and show the result; needs no broker"))
    doctor = commands.add_parser("doctor", help="look for what is wrong here, and say what to do about it")
    doctor.add_argument("--json", action="store_true", help=_JSON_HELP)
    doctor.set_defaults(function=_doctor)
    budget = commands.add_parser("budget", help="show where this month's data went, and what is left of it")
    budget.add_argument("--json", action="store_true", help=_JSON_HELP)
    budget.set_defaults(function=_budget)
    _add_enroll(commands.add_parser("enroll", help="make this device's key, and install its certificate"))
    spool = commands.add_parser("spool", help="print what the spool holds and held, as JSON")
    spool.set_defaults(function=_spool)
    config = commands.add_parser("config", help="print the configuration in force, secrets hidden")
    config.set_defaults(function=_config)
    return parser


def _add_enroll(enroll: argparse.ArgumentParser) -> None:
    enroll.description = (
        "With the line of an invitation (--token): make this device's key, have it certified by the portal,"
        " and put everything in its place. Without one: make the key and the request to have it certified"
        " (--out), then install the certificate that came back (--install). The key is made here and never"
        " travels."
    )
    step = enroll.add_mutually_exclusive_group()
    step.add_argument("--token", metavar="LINE", help="the operator's line; - reads it from standard input")
    step.add_argument("--token-file", type=Path, metavar="FILE", help="the file that holds the line")
    step.add_argument("--install", type=Path, metavar="FOLDER", help="the folder of the key")
    enroll.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="make key and request there; with a token: where the files go (default: identity, beside the"
        " spool)",
    )
    enroll.add_argument("--device", metavar="ID", help="default: as configured, or as the certificate says")
    enroll.add_argument("--certificate", type=Path, metavar="FILE", help="to install: the device's own")
    enroll.add_argument("--authority", type=Path, metavar="FILE", help="to install: ca.pem, for the broker's")
    enroll.set_defaults(function=_enroll)


def _add_test(test: argparse.ArgumentParser) -> None:
    test.description = (
        "Measure now and show the result: delay and loss to the configured targets, then a speed test with"
        " each configured engine. Nothing is stored or published, but the data budget counts it. With"
        " --server no configuration is needed."
    )
    test.add_argument("--engine", choices=get_args(Engine), help="only a speed test, with this engine")
    test.add_argument(
        "--server",
        metavar="URL",
        help="test server of the engine (http without --engine) instead of the configured one: a URL for http"
        " and ndt7, HOST[:PORT] for iperf3, a server's number for the speedtest engines",
    )
    test.add_argument(
        "--once",
        action="store_true",
        help="only one run of each speed test, nothing waited for: other traffic on the line is flagged in"
        " the result, and a server without a free place is a failure",
    )
    test.add_argument("--json", action="store_true", help=_JSON_HELP)
    test.set_defaults(function=_test)


def _run(arguments: argparse.Namespace) -> int:
    from pantau_agent.service import Agent  # noqa: PLC0415 - the other commands start faster without

    config = load(arguments.config)
    logs.configure(config.log_format)

    async def work() -> None:
        await Agent(config).run()

    asyncio.run(work())
    return 0


def _test(arguments: argparse.Namespace) -> int:
    from pantau_agent.budget.keeper import counted_test  # noqa: PLC0415 - others start faster without
    from pantau_agent.live import run_live  # noqa: PLC0415
    from pantau_agent.live.choosing import jobs_wanted  # noqa: PLC0415

    config = load(_test_configuration(arguments))
    i18n.use(config.language)
    config = _in_force(config)
    wanted = jobs_wanted(config, engine=arguments.engine, server=arguments.server, once=arguments.once)
    translate = i18n.translator(config.language)
    with counted_test(config) as context_factory:
        measurements = asyncio.run(
            run_live(wanted, translate, as_json=arguments.json, context_factory=context_factory)
        )
    return 1 if any(_failed(measurement) for measurement in measurements) else 0


def _test_configuration(arguments: argparse.Namespace) -> Path | None:
    """Return the file to read: with --server, the default one only where this user may read it."""
    if arguments.server is None or arguments.config is not None or os.access(DEFAULT_PATH, os.R_OK):
        return arguments.config  # type: ignore[no-any-return]
    return Path(os.devnull)


def _failed(measurement: AnyMeasurement) -> bool:
    return measurement.failure is not None


def _doctor(arguments: argparse.Namespace) -> int:
    from pantau_agent.doctor import run_doctor  # noqa: PLC0415 - the other commands start faster without

    logs.configure("text")  # on standard error: what a check logs must not stand before the JSON
    return asyncio.run(run_doctor(arguments.config, as_json=arguments.json))


def _budget(arguments: argparse.Namespace) -> int:
    from pantau_agent.budget.command import run_budget  # noqa: PLC0415 - the other commands start faster without

    config = load(arguments.config)
    i18n.use(config.language)
    return run_budget(_in_force(config), as_json=arguments.json)


def _enroll(arguments: argparse.Namespace) -> int:
    from pantau_agent.enrolment import command  # noqa: PLC0415 - cryptography is for this command alone

    if arguments.token is not None or arguments.token_file is not None:
        line = command.read_token(arguments.token, arguments.token_file)
        return command.run_token(line, arguments.out or _identity_folder(arguments))
    if (arguments.out is None) == (arguments.install is None):
        raise EnrolmentError(_("give --token, or --out, or --install; --help says which does what"))
    if arguments.out is not None:
        return command.run_request(arguments.out, arguments.device or load(arguments.config).device)
    if arguments.certificate is None or arguments.authority is None:
        raise EnrolmentError(_("--install needs --certificate and --authority"))
    return command.run_install(
        arguments.install, arguments.certificate, arguments.authority, arguments.device
    )


def _identity_folder(arguments: argparse.Namespace) -> Path:
    return load(arguments.config).spool.path.parent / "identity"


def _spool(arguments: argparse.Namespace) -> int:
    from pantau_agent.spool import read_state  # noqa: PLC0415 - the other commands start faster without

    state = read_state(load(arguments.config).spool.path)
    print(msgspec.json.format(msgspec.json.encode(state), indent=2).decode())  # noqa: T201 - asked for
    return 0


def _config(arguments: argparse.Namespace) -> int:
    from pantau_agent.jobs import jobs_of  # noqa: PLC0415 - the other commands start faster without

    config = load(arguments.config)
    jobs_of(config)  # finds settings that contradict each other
    print(as_json(_in_force(config)))  # noqa: T201 - asked for
    return 0


def _in_force(config: AgentConfig) -> AgentConfig:
    """Return the configuration with what operators changed from afar, where this user may read that."""
    from pantau_agent.jobs import jobs_of  # noqa: PLC0415 - the other commands start faster without
    from pantau_agent.remote import RemoteControl  # noqa: PLC0415

    logs.configure(config.log_format)
    control = RemoteControl(config, jobs_of)
    try:
        control.load()
    except RemoteConfigError as error:
        print(f"pantau-agent: {error}", file=sys.stderr)  # noqa: T201 - the message is the interface
    return control.config
