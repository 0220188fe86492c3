"""What `pantau-dashboards build` takes for alerting, and what it does with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pantau_dashboards.alerting import contacts, files, regencies

if TYPE_CHECKING:
    import argparse

    from pantau_dashboards.i18n import Language

FOLDER = "provisioning/alerting"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of alerting to a command that builds; `registry` is there already."""
    parser.add_argument(
        "--contacts", type=Path, metavar="FILE", help="who is told of which regency (TOML); nobody without it"
    )
    parser.add_argument(
        "--rules-by-province",
        action="store_true",
        help="a rule for each province, not regency: for more regencies than Grafana keeps up with",
    )


def build(arguments: argparse.Namespace, out: Path, language: Language) -> None:
    """Write the files into `out`, in `FOLDER`; without a registry, the rules on ourselves only.

    Raises `DashboardsError` for a registry or contacts that cannot be used.
    """
    places = regencies.of_file(arguments.registry) if arguments.registry else []
    people = contacts.read(arguments.contacts) if arguments.contacts else None
    made = files.contents(places, language, contacts=people, by_province=arguments.rules_by_province)
    files.write(out / FOLDER, made)
