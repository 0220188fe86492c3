"""Points' lines, straight from their records: one expression for each kind, out of the wire's table.

The expressions are compiled once, as `collections.namedtuple` does with its classes: formatting a row of
values by a template takes 1.4 times as long, a client library's point objects ten times.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Protocol, cast

from pantau_collector.storage.influx import lines
from pantau_collector.storage.rows import text_of_series
from pantau_wire import schema
from pantau_wire.fields import KINDS, Measurement

if TYPE_CHECKING:
    from pantau_collector.storage.base import Parcel
    from pantau_wire.envelope import Record
    from pantau_wire.schema import Column

_TEXTS_KEPT = 65_536


def lines_of(parcel: Parcel) -> bytes:
    """Return a line for each record of the parcel, line breaks between; absent values are left out."""
    device, spool, boot = parcel.device, _quoted(parcel.spool), _quoted(parcel.boot)
    texts = [
        _WRITERS[type(record.data)](record, record.data, device, spool, boot) for record in parcel.records
    ]
    return "\n".join(texts).encode()


class _Writer(Protocol):
    """Writes the lines of one kind; spool and boot are quoted already."""

    def __call__(self, record: Record, data: Measurement, device: str, spool: str, boot: str) -> str: ...


_quoted = functools.lru_cache(maxsize=_TEXTS_KEPT)(lines.quoted)
_STAMP = 'spool={spool},seq={record.seq}i,boot={boot},uptime_ns={record.uptime_ns}i,clock="{record.clock}"'


def _writer(kind: str) -> _Writer:
    """Compile the expression for a kind's lines."""
    tags = "".join([f",{name}={{tag(data.{name})}}" for name in sorted(schema.key_names(kind))])
    parts = [f"f'{kind},device={{device}}{tags} {_STAMP}'"]
    parts += [_field(column) for column in schema.columns(kind) if not column.key]
    parts.append("f' {record.time_ns}'")
    source = f"lambda record, data, device, spool, boot: ''.join(({', '.join(parts)}))"
    names = {"tag": lines.tag, "quoted": _quoted, "text_of_series": text_of_series}
    return cast("_Writer", eval(source, names))  # noqa: S307 - its names are our own table's


def _field(column: Column) -> str:
    """Return the expression for a field: nothing where it has no value."""
    value = f"data.{column.name}"
    if column.type == "text":
        written = f"{{quoted({value})}}"
    elif column.type == "series":
        written = f"{{quoted(text_of_series({value}))}}"
    else:
        written = lines.FORMS[column.type].format(f"{{{value}}}")
    return f"'' if {value} is None else f',{column.name}={written}'"


_WRITERS = {measurement: _writer(kind) for kind, measurement in KINDS.items()}
