"""Writes what was exported into a store. Every file is checked before, and may be written again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import msgspec

from pantau_collector import wholefile
from pantau_collector.errors import TransferError
from pantau_collector.storage.base import Arrival, Batch, Delivery
from pantau_collector.storage.series import SERIES
from pantau_collector.transfer import formats, manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from pantau_collector.storage.base import SeriesRow, Store
    from pantau_collector.transfer.manifest import Entry
    from pantau_collector.transfer.tables import Thing

BATCH_ROWS = 10_000
_PROGRESS = "imported.json"
_ATTEMPTS: dict[bool, int] = {True: 1, False: 0}


class Outcome(msgspec.Struct):
    """What became of the rows. `altered` are points of which the store has other values, which stay."""

    new_points: int = 0
    repeated_points: int = 0
    altered_points: int = 0
    refused_points: int = 0
    deliveries: int = 0
    series_rows: int = 0
    reasons: list[str] = []

    @property
    def whole(self) -> bool:
        """Whether the store now has everything as it was exported."""
        return not (self.altered_points or self.refused_points)


class Importer:
    """Writes into one store. `fresh` says that it has none of the points yet: it then looks for none."""

    def __init__(self, store: Store, *, fresh: bool = False) -> None:
        """Write nothing yet."""
        self._store = store
        self._attempt = _ATTEMPTS[fresh]
        self.outcome = Outcome()

    def folder(
        self, folder: Path, target: str, told: Callable[[Entry, bool], object], *, again: bool = False
    ) -> None:
        """Write a whole export; `target` names the store, so that what it has is not sent to it again.

        `told` hears of each file, and whether it was written now; `again` writes all of them.

        Raises `TransferError` for an export that is not complete, or a file that is not as it was written.
        """
        found = manifest.read(folder)
        if found is None or not found.complete:
            raise TransferError(f"{folder} holds no complete export: run `export` again, it continues")
        done = _Progress(folder, target)
        again = again or _is_empty(self._store)  # it was emptied since, whatever is noted down
        for entry in found.files:
            wanted = again or entry.sha256 not in done
            if wanted:
                self._entry(folder, entry)
                done.add(entry.sha256)
            told(entry, wanted)

    def file(self, path: Path) -> int:
        """Write one file, and return how many rows it holds. Rows are read while those before are written."""
        count = 0
        written: Future[None] | None = None
        with ThreadPoolExecutor(1) as writer:
            for things in formats.read(path, BATCH_ROWS):
                count += len(things)
                _wait(written, path)
                written = writer.submit(self._write, things)
            _wait(written, path)
        return count

    def _entry(self, folder: Path, entry: Entry) -> None:
        path = folder / entry.path
        if path.resolve().parent != folder.resolve():
            raise TransferError(f"{entry.path} does not lie in {folder}")
        try:
            digest = manifest.digest(path)
        except OSError as error:
            raise TransferError(f"cannot read {path}: {error.strerror}") from None
        if digest != entry.sha256:
            raise TransferError(f"{path} is not what was exported: its SHA-256 differs; copy it again")
        count = self.file(path)
        if count != entry.rows:
            raise TransferError(f"{path} holds {count} rows instead of {entry.rows}")

    def _write(self, things: list[Thing]) -> None:
        """Write things of one table."""
        first = things[0]
        if isinstance(first, Arrival):
            self._write_points(cast("list[Arrival]", things))
        elif isinstance(first, Delivery):
            self._store.write(Batch(deliveries=cast("list[Delivery]", things)))
            self.outcome.deliveries += len(things)
        else:
            self._store.write_series(cast("list[SeriesRow]", things))
            self.outcome.series_rows += len(things)

    def _write_points(self, arrivals: list[Arrival]) -> None:
        sent = [msgspec.structs.replace(arrival, attempt=self._attempt) for arrival in arrivals]
        report = self._store.write(Batch.of(sent))
        self.outcome.new_points += report.new_count
        self.outcome.repeated_points += report.repeated_count
        self.outcome.altered_points += len(report.altered)
        self.outcome.refused_points += len(report.refused)
        reasons = {refusal.reason for refusal in report.refused} - set(self.outcome.reasons)
        self.outcome.reasons += sorted(reasons)[: 10 - len(self.outcome.reasons)]


def _is_empty(store: Store) -> bool:
    return not store.devices() and all(store.span(name) is None for name in SERIES)


def _wait(written: Future[None] | None, path: Path) -> None:
    try:
        if written is not None:
            written.result()
    except ValueError as error:
        raise TransferError(f"{path}: {error}") from None


class _Progress:
    """Which files a store has, beside the manifest; where that cannot be written, nowhere."""

    def __init__(self, folder: Path, target: str) -> None:
        self._path = folder / _PROGRESS
        self._target = target
        self._done: dict[str, list[str]] = {}
        try:
            self._done = msgspec.json.decode(self._path.read_bytes(), type=dict[str, list[str]])
        except (OSError, msgspec.MsgspecError):
            return

    def __contains__(self, digest: str) -> bool:
        return digest in self._done.get(self._target, ())

    def add(self, digest: str) -> None:
        self._done.setdefault(self._target, []).append(digest)
        try:
            wholefile.replace(self._path, msgspec.json.encode(self._done), 0o644)
        except OSError:
            return
