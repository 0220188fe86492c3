"""`pantau-collector export` and `import`: move a period from one store to another, by way of files."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from pantau_collector import i18n
from pantau_collector.config import StoreConfig, load
from pantau_collector.errors import TransferError
from pantau_collector.i18n import marked as _
from pantau_collector.registry import instants, reader
from pantau_collector.storage.opening import open_store
from pantau_collector.transfer.exporting import Exporter
from pantau_collector.transfer.importing import Importer
from pantau_collector.transfer.manifest import Entry, FileFormat, Selection
from pantau_collector.transfer.reading import Selected
from pantau_collector.transfer.tables import Content
from pantau_wire.vocabulary import INT64_MAX

if TYPE_CHECKING:
    import argparse

    from pantau_collector.config import CollectorConfig
    from pantau_collector.transfer.importing import Outcome

EXPORTED = _("{rows} rows in {files} file(s) in {folder}")
FILE = _("{path}: {rows} rows")
SKIPPED = _("{path}: the store has it already (--again writes it once more)")
POINTS = _(
    "points: {new_points} new, {repeated_points} there already, {altered_points} there with other values,"
    " {refused_points} refused"
)
OTHERS = _("deliveries: {deliveries}; rows of series: {series_rows}")
SPEED = _("{rows} rows in {seconds} s: {rate} rows/s")
ALTERED = _("What was there with other values stays as it was.")


def add_export(parser: argparse.ArgumentParser) -> None:
    """Add what `export` takes."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder, or one to continue in")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="an SQLite store (default: the configured store)",
    )
    parser.add_argument("--since", metavar="INSTANT", help="from then on (default: everything)")
    parser.add_argument("--until", metavar="INSTANT", help="before then")
    parser.add_argument(
        "--device", action="append", default=[], metavar="ID", help="only this device's; repeat"
    )
    parser.add_argument(
        "--village", action="append", default=[], metavar="CODE", help="only this village's; repeat"
    )
    parser.add_argument(
        "--only", action="append", choices=get_args(Content), help="only this content; repeat"
    )
    parser.add_argument(
        "--format", choices=get_args(FileFormat), default="lines", help="files to write (default: lines)"
    )
    _add_common(parser)
    parser.set_defaults(function=run_export)


def add_import(parser: argparse.ArgumentParser) -> None:
    """Add what `import` takes."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a folder of `export`, or a file")
    parser.add_argument(
        "--to",
        dest="target",
        type=Path,
        metavar="FILE",
        help="an SQLite store (default: the configured store)",
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="the store has none of the points: look for none, which is faster",
    )
    parser.add_argument("--again", action="store_true", help="write also what the store has already")
    _add_common(parser)
    parser.set_defaults(function=run_import)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the messages")


def run_export(arguments: argparse.Namespace) -> int:
    """Write the folder; return 0."""
    language = i18n.known(arguments.lang) or i18n.of_terminal()
    config = load(arguments.config)
    selection = Selection(
        since_ns=_instant_ns(arguments.since) if arguments.since else 0,
        until_ns=_instant_ns(arguments.until) if arguments.until else INT64_MAX,
        devices=tuple(arguments.device),
        villages=tuple(arguments.village),
        contents=tuple(arguments.only or get_args(Content)),
    )
    registry = reader.read(config.registry.path) if selection.villages else None
    began_s = time.monotonic()

    def told(entry: Entry) -> None:
        if not arguments.json:
            _say(language, FILE, path=entry.path, rows=entry.rows)

    with contextlib.closing(open_store(_store(config, arguments.source))) as store:
        selected = Selected(store, selection, registry)
        found = Exporter(selected, arguments.folder, told=told).run(selection, arguments.format)
    rows = sum(entry.rows for entry in found.files)
    if arguments.json:
        _print_json({"rows": rows, "files": len(found.files), "seconds": time.monotonic() - began_s})
    else:
        _say(language, EXPORTED, rows=rows, files=len(found.files), folder=arguments.folder)
    return 0


def run_import(arguments: argparse.Namespace) -> int:
    """Write into the store; return 0, or 1 where it has not everything as it was exported."""
    language = i18n.known(arguments.lang) or i18n.of_terminal()
    config = _store(load(arguments.config), arguments.target)
    began_s = time.monotonic()

    def told(entry: Entry, written: bool) -> None:
        if not arguments.json:
            _say(language, FILE if written else SKIPPED, path=entry.path, rows=entry.rows)

    with contextlib.closing(open_store(config)) as store:
        importer = Importer(store, fresh=arguments.fresh)
        for path in arguments.paths:
            if path.is_dir():
                importer.folder(path, _name(config), told, again=arguments.again)
            else:
                importer.file(path)
    _report(importer.outcome, time.monotonic() - began_s, language, as_json=arguments.json)
    return 0 if importer.outcome.whole else 1


def _report(outcome: Outcome, seconds: float, language: i18n.Language, *, as_json: bool) -> None:
    found = msgspec.structs.asdict(outcome)
    if as_json:
        _print_json(found | {"seconds": seconds})
        return
    rows = sum(value for value in found.values() if isinstance(value, int))
    _say(language, POINTS, **found)
    _say(language, OTHERS, **found)
    for reason in outcome.reasons:
        sys.stdout.write(f"  {reason}\n")
    if outcome.altered_points:
        _say(language, ALTERED)
    _say(language, SPEED, rows=rows, seconds=round(seconds, 1), rate=round(rows / seconds))


def _store(config: CollectorConfig, file: Path | None) -> StoreConfig:
    """Return the configured store, or the SQLite file that was named."""
    if file is None:
        return config.store
    return config.store.model_copy(update={"kind": "sqlite", "path": file})


def _name(config: StoreConfig) -> str:
    if config.kind == "sqlite":
        return f"sqlite:{config.path.resolve()}"
    return f"influxdb:{config.influxdb.url}/{config.influxdb.org or ''}/{config.influxdb.database}"


def _instant_ns(text: str) -> int:
    try:
        return instants.parse_instant(text)
    except ValueError:
        raise TransferError(f"{text} is no instant: write it as 2026-11-01T00:00:00+07:00") from None


def _print_json(outcome: dict[str, object]) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(outcome), indent=2).decode() + "\n")


def _say(language: i18n.Language, text: str, **values: object) -> None:
    sys.stdout.write(i18n.Message(text, values).to(language) + "\n")
    sys.stdout.flush()
