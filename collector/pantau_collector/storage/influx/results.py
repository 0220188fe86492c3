"""What InfluxDB answers to a question, as JSON in chunks of one document a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pantau_collector.errors import StoreRefusesError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Series(msgspec.Struct, frozen=True):
    """A table: its columns, a row of values for each point, and the tags that it was grouped by."""

    columns: list[str]
    name: str = ""
    values: list[list[Any]] = []
    tags: dict[str, str] = {}


class _Result(msgspec.Struct, frozen=True):
    statement_id: int = 0
    series: list[Series] = []
    error: str | None = None


class _Document(msgspec.Struct, frozen=True):
    results: list[_Result] = []
    error: str | None = None


_decoder = msgspec.json.Decoder(_Document)


def read(documents: Iterable[bytes]) -> Iterator[tuple[int, Series]]:
    """Yield each table with the number of the statement that it answers.

    Raises `StoreRefusesError` with the server's words where a statement failed, and `StoreUnavailableError`
    for what is no such answer, or is cut short.
    """
    for document in documents:
        if not document.strip():
            continue
        try:
            found = _decoder.decode(document)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreUnavailableError(f"the answer to a question cannot be read: {error}") from error
        _check(found.error)
        for result in found.results:
            _check(result.error)
            yield from ((result.statement_id, series) for series in result.series)


def _check(error: str | None) -> None:
    if error is not None:
        raise StoreRefusesError(f"a question was refused: {error}")
