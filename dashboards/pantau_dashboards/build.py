"""`pantau-dashboards build`: every file that Grafana reads, into one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pantau_dashboards import provisioning
from pantau_dashboards.alerting import cli as alerting
from pantau_dashboards.assembly import as_json, dashboard
from pantau_dashboards.boards import ALL
from pantau_dashboards.errors import DashboardsError
from pantau_dashboards.i18n import DEFAULT, LANGUAGES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from pantau_dashboards.i18n import Language

DEFAULT_OUT = Path("dashboards/generated")
_DASHBOARDS = "dashboards"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `build`."""
    parser.add_argument("--lang", choices=LANGUAGES, help="dashboards in one language only (default: both)")
    parser.add_argument(
        "--registry", type=Path, metavar="FILE", help="the registry's CSV: alert rules for its regencies"
    )
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="where to write (default: %(default)s)"
    )
    alerting.add_arguments(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the files; dashboards that an earlier version wrote and that are no more are removed."""
    languages = [arguments.lang] if arguments.lang else LANGUAGES
    try:
        _write(arguments.out, {**_dashboards(languages), **_provisioning()})
        alerting.build(arguments, arguments.out, arguments.lang or DEFAULT)
    except OSError as error:
        raise DashboardsError(f"cannot write {error.filename or arguments.out}: {error.strerror}") from None
    print(f"{len(ALL) * len(languages)} dashboards in {arguments.out / _DASHBOARDS}")  # noqa: T201 - the answer
    return 0


def _dashboards(languages: Sequence[Language]) -> dict[str, str]:
    return {
        f"{_DASHBOARDS}/{language}/{board.name}.json": as_json(dashboard(board, language))
        for language in languages
        for board in ALL
    }


def _provisioning() -> dict[str, str]:
    sources = {
        f"provisioning/{generation}/datasources/pantau.yaml": text
        for generation, text in provisioning.datasources().items()
    }
    return {**sources, "provisioning/dashboards/pantau.yaml": provisioning.providers()}


def _write(out: Path, files: Mapping[str, str]) -> None:
    for old in (out / _DASHBOARDS).glob("*/*.json"):
        if str(old.relative_to(out)) not in files:
            old.unlink()
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
