"""`sla export`: a month of an area as a file, as the portal offers it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector import wholefile
from pantau_collector.errors import ExportError
from pantau_collector.exports import areas, making
from pantau_collector.exports.order import Order
from pantau_collector.i18n import marked as _
from pantau_collector.registry import areas as known_areas
from pantau_collector.sla_cli.common import command, opened, tell

if TYPE_CHECKING:
    import argparse

    from pantau_collector.months.model import AreaMonth, MonthReader
    from pantau_collector.sla_cli.common import Parsers

NO_AREA = _(
    "no area has the code {code}: 'pantau-collector registry search NAME' finds it, 'id' is the nation"
)
NO_MONTH = _("nothing is known of {code} in {month}; there are: {months}")
NO_MONTHS = _("nothing is known of any month yet: the analysis judges each from its days")
NOT_WRITTEN = _("cannot write {path}: {reason}")
WRITTEN = _("{path}: {bytes} bytes, {seconds} s")
_MODE = 0o644
_MOST_MONTHS = 12


def add_arguments(commands: Parsers) -> None:
    """Add `export`."""
    export = command(commands, "export", "write a month of an area as CSV, Excel file or PDF", _export)
    export.add_argument("area", metavar="AREA", help="Kemendagri code, such as 33.10; `id` is the nation")
    export.add_argument("month", metavar="MONTH", help="such as 2026-09")
    export.add_argument("--format", choices=making.FORMATS, default="csv", help="(default: csv)")
    export.add_argument(
        "--output", type=Path, metavar="FILE", help="(default: pantau-AREA-MONTH.FORMAT here)"
    )
    export.add_argument(
        "--excel", action="store_true", help="CSV as Excel opens it in the language of --lang"
    )


def _export(arguments: argparse.Namespace) -> int:
    from pantau_collector.months.profile_file import ProfileFile  # noqa: PLC0415 - NumPy takes its time
    from pantau_collector.months.reading import StoredMonths  # noqa: PLC0415
    from pantau_collector.registry.file import RegistryFile  # noqa: PLC0415

    began_s = time.monotonic()
    with opened(arguments) as (config, store):
        registry, profiles = RegistryFile(config.registry.path), ProfileFile(config.sla.profiles)
        reader = StoredMonths(store, registry, profiles)
        order = Order(
            reader=reader,
            area=_area(reader, arguments.area, arguments.month),
            language=arguments.language,
            letterhead=config.exports.letterhead,
        )
        path: Path = arguments.output or Path(making.file_name(order, arguments.format))
        try:
            with wholefile.writing(path, _MODE) as out:
                making.make(arguments.format, order, out, excel=arguments.excel)
        except OSError as error:
            raise ExportError(NOT_WRITTEN, path=path, reason=error.strerror or error) from None
    seconds = round(time.monotonic() - began_s, 1)
    tell(arguments, WRITTEN, path=path, bytes=path.stat().st_size, seconds=seconds)
    return 0


def _area(reader: MonthReader, code: str, month: str) -> AreaMonth:
    own = areas.inner(code)
    if own and known_areas.find(own) is None:
        raise ExportError(NO_AREA, code=code)
    months = reader.months()
    if not months:
        raise ExportError(NO_MONTHS)
    found = reader.area(month, own) if month in months else None
    if found is None:
        raise ExportError(NO_MONTH, code=code, month=month, months=", ".join(months[:_MOST_MONTHS]))
    return found
