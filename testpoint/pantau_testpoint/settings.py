"""The testpoint's settings: defaults, then the environment, then the command line.

`OPTIONS` is the one list of them; flags, environment names, help and parsing derive from it.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pantau_testpoint.errors import ConfigurationError
from pantau_testpoint.logs import LogFormat
from pantau_wire import __version__

ENVIRONMENT_PREFIX = "PANTAU_TESTPOINT_"
MAX_PORT = 65_535
MAX_TESTS = 1_000

StampMode = Literal["stateful", "stateless"]
StampAccept = Literal["authenticated", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decides. Port 0 means: take a free one and say which."""

    listen: str = "127.0.0.1"
    http_port: int = 8989
    stamp_port: int = 8862
    max_tests: int = 8
    token_key_file: Path | None = None
    max_tests_per_device: int = 2
    stamp_mode: StampMode = "stateful"
    stamp_key_file: Path | None = None
    stamp_accept: StampAccept = "authenticated"
    ntp_port: int | None = None
    log: LogFormat = "auto"
    ready_file: Path | None = None


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return convert


def _one_of(*choices: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return text

    return convert


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


class Option(NamedTuple):
    """One setting: its field in Settings, how its text is read, and what it does."""

    name: str
    convert: Callable[[str], Any]
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENVIRONMENT_PREFIX + self.name.upper()


OPTIONS = (
    Option(
        "listen",
        _not_empty,
        "HOST",
        "address to listen on; 0.0.0.0 is every IPv4 address, :: every address of both families",
    ),
    Option("http_port", _whole_number(0, MAX_PORT), "PORT", "TCP port of the speed test, 0 for a free one"),
    Option(
        "stamp_port",
        _whole_number(0, MAX_PORT),
        "PORT",
        "UDP port of the reflector, 0 for a free one; STAMP's own, 862, needs CAP_NET_BIND_SERVICE",
    ),
    Option(
        "max_tests",
        _whole_number(1, MAX_TESTS),
        "N",
        "speed tests at once; a further one is told to come back later",
    ),
    Option(
        "token_key_file",
        Path,
        "PATH",
        "test only with devices that bring a token signed with one of these public keys, one a line; "
        "pantau-collector testpoint-key makes them",
    ),
    Option(
        "max_tests_per_device",
        _whole_number(1, MAX_TESTS),
        "N",
        "with a token key file: speed tests that one device may run at once",
    ),
    Option(
        "stamp_mode",
        _one_of("stateful", "stateless"),
        "MODE",
        "stateful counts replies per session, so that loss is known by direction; stateless copies",
    ),
    Option(
        "stamp_key_file",
        Path,
        "PATH",
        "keys of authenticated STAMP, one a line in hexadecimal or base64; every one is accepted",
    ),
    Option(
        "stamp_accept",
        _one_of("authenticated", "both"),
        "WHAT",
        "with a key file: answer authenticated packets only, or both kinds",
    ),
    Option(
        "ntp_port",
        _whole_number(0, MAX_PORT),
        "PORT",
        "UDP port of an NTP server for devices, 0 for a free one; NTP's own, 123, needs "
        "CAP_NET_BIND_SERVICE; without it none is started",
    ),
    Option("log", _one_of("json", "text", "auto"), "FORMAT", "json, text, or auto: text on a terminal"),
    Option("ready_file", Path, "PATH", "write the ports there as JSON once listening"),
)


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that `environment` names; raise ConfigurationError for an unknown or wrong one."""
    options = {option.variable: option for option in OPTIONS}
    chosen: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        if variable not in options:
            raise ConfigurationError(f"{variable} is no setting; there are: {', '.join(options)}")
        option = options[variable]
        try:
            chosen[option.name] = option.convert(text)
        except ValueError as error:
            raise ConfigurationError(f"{variable}: {error}") from None
    return chosen


def _argument_type(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, which leaves out what was not given."""
    result = argparse.ArgumentParser(
        prog="pantau-testpoint",
        description="What Pantau's speed and latency probes talk to: "
        "an HTTP server in the LibreSpeed dialect and a STAMP reflector (RFC 8762).",
        epilog="Every option can also be set in the environment: "
        f"--http-port is {ENVIRONMENT_PREFIX}HTTP_PORT, and so on. The command line wins.",
        argument_default=argparse.SUPPRESS,
    )
    result.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    defaults = Settings()
    for option in OPTIONS:
        default = getattr(defaults, option.name)
        result.add_argument(
            option.flag,
            dest=option.name,
            type=_argument_type(option.convert),
            metavar=option.metavar,
            help=option.help if default is None else f"{option.help} (default: {default})",
        )
    return result


def load(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Settings:
    """Return the settings; a wrong command line ends the process as argparse does, with code 2."""
    given = vars(parser().parse_args(arguments))
    return Settings(**{**from_environment(environment), **given})
