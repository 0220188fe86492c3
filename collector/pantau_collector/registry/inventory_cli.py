"""`pantau-collector registry inventory`: a file for `ansible-playbook -i`, or what a script must answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector.registry import inventory, reader
from pantau_collector.registry.problems import listing

if TYPE_CHECKING:
    import argparse

    from pantau_collector.registry.model import Registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("file", type=Path)
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--list", action="store_true", help="as Ansible asks a script; without it a file for `-i`"
    )
    form.add_argument("--host", metavar="ID", help="as Ansible asks a script: the variables of one device")


def run(arguments: argparse.Namespace) -> int:
    """Print the inventory; return 0, or 1 where the registry cannot be used."""
    registry, found = reader.examine(arguments.file)
    if found:
        sys.stderr.write(f"{listing(found, arguments.language)}\n")
        return 1
    sys.stdout.write(json.dumps(_asked(registry, arguments), indent=2, ensure_ascii=False) + "\n")
    return 0


def _asked(registry: Registry, arguments: argparse.Namespace) -> dict[str, object]:
    if arguments.host:
        placement = registry.current(arguments.host)
        return dict(inventory.hostvars(placement)) if placement else {}
    return inventory.script(registry) if arguments.list else inventory.static(registry)
