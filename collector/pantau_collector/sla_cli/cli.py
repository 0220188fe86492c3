"""The sub-commands of `pantau-collector sla`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.sla_cli import (
    evidence,
    export,
    judging,
    maintenance,
    networks,
    objections,
    profiles,
    verdict,
)

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add all sub-commands to the parser of `pantau-collector sla`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for part in (verdict, judging, evidence, export, maintenance, objections, profiles, networks):
        part.add_arguments(commands)
