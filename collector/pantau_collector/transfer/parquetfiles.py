"""Tables as Parquet, for whoever looks at them with other tools. Needs `pantau[parquet]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from pantau_collector.errors import TransferError
from pantau_collector.transfer import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pantau_collector.transfer.tables import Row, Table, Thing
    from pantau_wire.schema import ColumnType

SUFFIX = ".parquet"
_TYPES: dict[ColumnType, Any] = {
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "series": pa.list_(pa.float64()),
}


class Writer:
    """Writes one table."""

    def __init__(self, path: Path, table: Table) -> None:
        """Begin the file."""
        named = {"table": table.content, "name": table.name}
        fields = [(name, _TYPES[kind]) for name, kind in table.columns.items()]
        self._schema = pa.schema(fields, metadata=named)
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self._schema)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._file.write_batch(pa.record_batch(arrays, self._schema))

    def close(self) -> None:
        """End the file."""
        self._file.close()


def read(path: Path, batch_rows: int) -> Iterator[list[Thing]]:
    """Yield what the file holds, so many rows at a time. Raises `TransferError`."""
    try:
        with pq.ParquetFile(path) as file:
            named = file.schema_arrow.metadata or {}
            table = tables.find(named.get(b"table", b"").decode(), named.get(b"name", b"").decode())
            make = tables.reader(table, file.schema_arrow.names)
            for batch in file.iter_batches(batch_rows):
                columns = [column.to_pylist() for column in batch.columns]
                yield [make(row) for row in zip(*columns, strict=True)]
    except (pa.ArrowException, OSError, msgspec.MsgspecError, ValueError) as error:
        raise TransferError(f"cannot read {path}: {error}") from None
