"""`pantau-collector sla export`: a month of an area as a file, as the portal offers it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pantau_collector import i18n
from pantau_collector.config import load
from pantau_collector.errors import ExportError
from pantau_collector.exports import areas, making
from pantau_collector.exports.order import Order
from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _
from pantau_collector.registry import areas as known_areas

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pantau_collector.config import CollectorConfig
    from pantau_collector.months.model import AreaMonth, MonthReader

NO_AREA = _(
    "no area has the code {code}: 'pantau-collector registry search NAME' finds it, 'id' is the nation"
)
NO_MONTH = _("nothing is known of {code} in {month}; there are: {months}")
NO_MONTHS = _("nothing is known of any month yet: the analysis judges each from its days")
NOT_WRITTEN = _("cannot write {path}: {reason}")
WRITTEN = _("{path}: {bytes} bytes, {seconds} s")
_MOST_MONTHS = 12


def add_arguments(export: argparse.ArgumentParser) -> None:
    """Add what `export` takes."""
    export.add_argument("area", metavar="AREA", help="Kemendagri code, such as 33.10; `id` is the nation")
    export.add_argument("month", metavar="MONTH", help="such as 2026-09")
    export.add_argument("--format", choices=making.FORMATS, default="csv", help="(default: csv)")
    export.add_argument(
        "--output", type=Path, metavar="FILE", help="(default: pantau-AREA-MONTH.FORMAT here)"
    )
    export.add_argument(
        "--excel", action="store_true", help="CSV as Excel opens it in the language of --lang"
    )
    export.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the file and of messages")
    export.set_defaults(function=_export)


def _export(arguments: argparse.Namespace) -> int:
    language = i18n.known(arguments.lang) or i18n.of_terminal()
    began_s = time.monotonic()
    try:
        with _reader(load(arguments.config)) as (reader, config):
            area = _area(reader, arguments.area, arguments.month)
            letterhead = config.exports.letterhead
            order = Order(reader=reader, area=area, language=language, letterhead=letterhead)
            path: Path = arguments.output or Path(making.file_name(order, arguments.format))
            with _whole(path) as out:
                making.make(arguments.format, order, out, excel=arguments.excel)
    except ExportError as error:
        sys.stderr.write(Message(error.text, error.values).to(language) + "\n")
        return 2
    size, seconds = path.stat().st_size, round(time.monotonic() - began_s, 1)
    sys.stdout.write(Message(WRITTEN, {"path": path, "bytes": size, "seconds": seconds}).to(language) + "\n")
    return 0


@contextlib.contextmanager
def _reader(config: CollectorConfig) -> Iterator[tuple[MonthReader, CollectorConfig]]:
    """Give what reads the configured store's months."""
    from pantau_collector.months.profile_file import ProfileFile  # noqa: PLC0415 - NumPy is for who needs it
    from pantau_collector.months.reading import StoredMonths  # noqa: PLC0415
    from pantau_collector.registry.file import RegistryFile  # noqa: PLC0415
    from pantau_collector.storage.opening import open_store  # noqa: PLC0415

    with contextlib.closing(open_store(config.store)) as store:
        registry, profiles = RegistryFile(config.registry.path), ProfileFile(config.sla.profiles)
        yield StoredMonths(store, registry, profiles), config


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


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes its place once it is whole; nothing is left where it fails."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w+b") as out:
                yield out
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(NOT_WRITTEN, path=path, reason=error.strerror or error) from None
