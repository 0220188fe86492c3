"""`pantau-dashboards`: build, push, diff."""

from __future__ import annotations

import argparse
import sys

from pantau_dashboards import build
from pantau_dashboards.errors import DashboardsError
from pantau_dashboards.push import cli as push_cli
from pantau_wire import __version__


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 0 done, 1 the answer is no, 2 wrong use or configuration."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.function(arguments))
    except DashboardsError as error:
        print(f"pantau-dashboards: {error}", file=sys.stderr)  # noqa: T201 - the message is the interface
        return 2
    except (BrokenPipeError, KeyboardInterrupt):
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pantau-dashboards", description="Grafana's dashboards, data sources and alert rules, as code."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    about = "write dashboards, data sources and alert rules as files that Grafana reads"
    build.add_arguments(commands.add_parser("build", help=about, description=about))
    push_cli.add_arguments(commands)
    return parser
