"""Line protocol of the simulated rows, with types as the tables of fields and series give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_dashboards.influxql import source

if TYPE_CHECKING:
    from tests.dashboards.simulation import Row, Value

_ESCAPED = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})


def line(row: Row) -> str:
    """Return a row's line."""
    columns = source(row.name).columns
    tags = "".join(f",{name}={value.translate(_ESCAPED)}" for name, value in sorted(row.tags.items()))
    fields = ",".join(f"{name}={_field(value, columns[name].type)}" for name, value in row.values.items())
    return f"{row.name}{tags} {fields} {row.time_s}"


def _field(value: Value, kind: str) -> str:
    match kind:
        case "bool":
            return str(bool(value))
        case "int":
            return f"{int(value)}i"
        case "float":
            return repr(float(value))
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
