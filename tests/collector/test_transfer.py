"""What is exported from one store and imported into another is the same in both, whatever they are."""

from __future__ import annotations

import contextlib
import gzip
import json
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.collector.storage.building import START_NS, arrival, batch, dns, point_of
from tests.collector.storage.conftest import influx
from tests.wire.examples import MEASUREMENTS

from pantau_collector.cli import main
from pantau_collector.config import InfluxConfig
from pantau_collector.errors import TransferError
from pantau_collector.storage.base import Batch, Delivery, SeriesRow
from pantau_collector.storage.influx.store import InfluxStore
from pantau_collector.storage.series import SERIES
from pantau_collector.storage.sqlite import SqliteStore
from pantau_collector.transfer.exporting import Exporter
from pantau_collector.transfer.importing import Importer
from pantau_collector.transfer.manifest import Selection
from pantau_collector.transfer.reading import Selected
from pantau_wire.fields import KINDS, Dns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes.influxd import Influxd

    from pantau_collector.storage.base import Store
    from pantau_collector.transfer.manifest import Entry

__all__ = ["influx"]  # the fixture, for the tests of this file

DAY_NS = 86_400 * 10**9
_EXAMPLES = {"float": 1.5, "int": 2**62, "bool": True, "text": "it's \"Jum'at\" \\ \N{HOUSE BUILDING}"}
ODD = 'a\\b, c="d" it\'s \N{HOUSE BUILDING}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store with everything in it: each kind, each series, odd texts, days apart, and a silent device."""
    with contextlib.closing(SqliteStore(tmp_path / "a.db")) as made:
        fill(made)
        yield made


def fill(store: Store) -> None:
    arrivals = [arrival(data, seq=seq) for seq, data in enumerate(MEASUREMENTS.values(), 1)]
    arrivals += [arrival(data, seq=seq + 7, at_s=9) for seq, data in enumerate(bare(), 1)]
    arrivals += [dns(seq, device=f"desa-{seq % 5}", name=ODD) for seq in range(100, 160)]
    arrivals += [arrival(Dns(resolver="r", name="n"), seq=900 + day, at_s=day * 86_400) for day in range(40)]
    store.write(batch(*arrivals))
    rejected = Delivery("desa-rejected", "s9", 1, 2**63 - 1, "rejected", START_NS, ODD)
    store.write(Batch(deliveries=[rejected, Delivery("desa-1", "s1", 5000, 5001, "dropped", START_NS, "")]))
    store.write_series(list(rows()))


def bare() -> Iterator[object]:
    """Measurements with nothing but their keys."""
    for kind, data in MEASUREMENTS.items():
        keys = {name: getattr(data, name) for name in KINDS[kind].__struct_fields__ if is_key(kind, name)}
        yield KINDS[kind](**keys)


def is_key(kind: str, name: str) -> bool:
    from pantau_wire import schema  # noqa: PLC0415 - this function only

    return name in schema.key_names(kind)


def rows() -> Iterator[SeriesRow]:
    for name, series in SERIES.items():
        values = {column.name: _EXAMPLES[column.type] for column in series.columns}
        tags = tuple(f"{tag} {ODD}" for tag in series.tags)
        yield SeriesRow(name, tags, START_NS, values)
        first = series.columns[0]
        yield SeriesRow(name, ("", *tags[1:]), START_NS + 35 * DAY_NS, {first.name: values[first.name]})


def content(store: Store) -> dict[str, object]:
    """Everything that a store holds."""
    devices = store.devices()
    points = {kind: list(store.window(kind, 0, 2**63 - 1)) for kind in KINDS}
    return {
        **{kind: sorted(found, key=repr) for kind, found in points.items()},
        **{device: store.deliveries(device) for device in devices},
        **{name: store.series(name) for name in SERIES},
    }


def export(store: Store, folder: Path, file_format: str = "lines", **how: object) -> list[Entry]:
    selection = how.pop("selection", Selection())
    return Exporter(Selected(store, selection), folder, **how).run(selection, file_format).files


def take(store: Store, folder: Path, **how: object) -> Importer:
    importer = Importer(store, fresh=how.pop("fresh", False))
    importer.folder(folder, "test", how.pop("told", lambda *_: None), **how)
    return importer


@pytest.mark.parametrize("file_format", ["lines", "parquet"])
def test_there_and_back_again(store: SqliteStore, tmp_path: Path, influx: Influxd, file_format: str):
    """From SQLite to InfluxDB and back to SQLite every point, delivery and row is what it was."""
    if file_format == "parquet":
        pytest.importorskip("pyarrow")
    expected = content(store)
    assert all(expected.values())
    export(store, tmp_path / "out", file_format)
    config = InfluxConfig(url=influx.url, database=influx.new_database())
    with contextlib.closing(InfluxStore(config)) as nation:
        first = take(nation, tmp_path / "out").outcome
        assert (first.whole, first.repeated_points) == (True, 0)
        assert content(nation) == expected
        again = take(nation, tmp_path / "out", again=True).outcome
        assert (again.whole, again.new_points, again.repeated_points) == (True, 0, first.new_points)
        assert content(nation) == expected
        export(nation, tmp_path / "back", file_format)
    with contextlib.closing(SqliteStore(tmp_path / "b.db")) as other:
        take(other, tmp_path / "back", fresh=True)
        assert content(other) == expected


def test_an_interrupted_export_goes_on(store: SqliteStore, tmp_path: Path):
    """What was written before an interruption stays as it is, and the whole has each row once."""
    folder = tmp_path / "out"

    class PowerCutError(Exception):
        """Ends the export as a power cut would."""

    def interrupt(_entry: Entry) -> None:
        raise PowerCutError

    names: list[str] = []
    for _ in range(200):
        with contextlib.suppress(PowerCutError):
            export(store, folder, told=interrupt, file_rows=20)
            break
        with pytest.raises(TransferError, match="no complete export"):
            take(store, folder)
        names = sorted(file.name for file in folder.glob("*.jsonl.gz"))
    entries = export(store, folder, file_rows=20)
    assert sorted(entry.path for entry in entries) == sorted(file.name for file in folder.glob("*.jsonl.gz"))
    assert set(names) <= {entry.path for entry in entries}
    assert len({entry.path for entry in entries if entry.name == "dns"}) > 2
    with contextlib.closing(SqliteStore(tmp_path / "b.db")) as other:
        assert take(other, folder).outcome.repeated_points == 0
        assert content(other) == content(store)


def test_an_interrupted_import_goes_on(store: SqliteStore, tmp_path: Path):
    """A file that the store has is not sent to it again, unless somebody wants it so."""
    export(store, tmp_path / "out")
    told: list[tuple[str, bool]] = []

    def interrupt(entry: Entry, written: bool) -> None:
        told.append((entry.path, written))
        if len(told) == 3:
            raise KeyboardInterrupt

    with contextlib.closing(SqliteStore(tmp_path / "b.db")) as other:
        with pytest.raises(KeyboardInterrupt):
            take(other, tmp_path / "out", told=interrupt)
        take(other, tmp_path / "out", told=interrupt)
        assert [written for _, written in told[:7]] == [True] * 3 + [False] * 3 + [True]
        assert content(other) == content(store)


def test_a_store_that_was_emptied_gets_everything_again(store: SqliteStore, tmp_path: Path):
    """What is noted down as imported counts for nothing where the store turns out to be empty."""
    export(store, tmp_path / "out")
    for name in ("b.db", "c.db"):
        with contextlib.closing(SqliteStore(tmp_path / name)) as other:
            take(other, tmp_path / "out")
            assert content(other) == content(store)


def test_a_damaged_file_is_not_imported(store: SqliteStore, tmp_path: Path):
    """A file that is not what was exported is refused before any of it is written."""
    folder = tmp_path / "out"
    damaged = folder / export(store, folder)[0].path
    content_before = damaged.read_bytes()
    for bad in (content_before[:-9], b"", content_before[:40] + b"\0" + content_before[41:]):
        damaged.write_bytes(bad)
        with contextlib.closing(SqliteStore(tmp_path / "b.db")) as other:
            with pytest.raises(TransferError, match="SHA-256"):
                take(other, folder)
            assert other.devices() == []
    damaged.unlink()
    with (
        contextlib.closing(SqliteStore(tmp_path / "b.db")) as other,
        pytest.raises(TransferError, match="cannot read"),
    ):
        take(other, folder)


def test_what_is_there_with_other_values_stays(store: SqliteStore, tmp_path: Path):
    """An import changes no point that the store has; it counts what differs."""
    export(store, tmp_path / "out")
    with contextlib.closing(SqliteStore(tmp_path / "b.db")) as other:
        changed = dns(100, device="desa-0", name=ODD, resolve_ms=99.0)
        other.write(batch(changed))
        outcome = take(other, tmp_path / "out").outcome
        assert (outcome.whole, outcome.altered_points) == (False, 1)
        assert point_of(changed) in other.points("dns", "desa-0")


def test_a_period(store: SqliteStore, tmp_path: Path):
    """Of a period comes what was measured, derived and delivered in it, its first instant included."""
    selection = Selection(since_ns=START_NS + DAY_NS, until_ns=START_NS + 36 * DAY_NS)
    export(store, tmp_path / "out", selection=selection)
    with contextlib.closing(SqliteStore(tmp_path / "b.db")) as other:
        take(other, tmp_path / "out")
        assert [point.seq for point in other.points("dns", "desa-1")] == list(range(901, 936))
        assert {row.time_ns for name in SERIES for row in other.series(name)} == {START_NS + 35 * DAY_NS}
        assert other.deliveries("desa-1") == []


def test_a_device(store: SqliteStore, tmp_path: Path):
    """Of a device come its points, deliveries and rows, and nobody else's."""
    mine = SeriesRow("late", ("desa-2",), START_NS, {"since_ns": 1})
    store.write_series([mine])
    export(store, tmp_path / "out", selection=Selection(devices=("desa-2",)))
    with contextlib.closing(SqliteStore(tmp_path / "b.db")) as other:
        take(other, tmp_path / "out")
        assert other.devices() == ["desa-2"]
        assert other.points("dns", "desa-2") == store.points("dns", "desa-2")
        assert other.deliveries("desa-2") == store.deliveries("desa-2")
        assert [row for name in SERIES for row in other.series(name)] == [mine]


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    registry = tmp_path / "devices.csv"
    registry.write_text(
        "device,village,since\n"
        "desa-1,33.10.26.2008,2020-01-01T00:00:00+07:00\n"
        "desa-1,33.10.26.2010,2025-06-25T00:00:00+07:00\n"  # START_NS is ten days before
        "desa-2,33.10.26.2008,2020-01-01T00:00:00+07:00\n"
    )
    config = tmp_path / "collector.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/a.db"\n[registry]\npath = "{registry}"\n')
    monkeypatch.setenv("LANGUAGE", "en")

    def command(*words: object) -> Said:
        code = main(["--config", str(config), *map(str, words)])
        return Said(code, *capsys.readouterr())

    return command


def test_the_commands(store: SqliteStore, run: Callable[..., Said], tmp_path: Path):
    """As typed: export and import say what they did; what differs afterwards is the exit code 1."""
    expected = content(store)
    said = run("export", tmp_path / "out")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-1].endswith(f"file(s) in {tmp_path / 'out'}")
    said = run("import", tmp_path / "out", "--to", tmp_path / "b.db")
    assert (said.code, said.out.splitlines()[-3]) == (
        0,
        "points: 114 new, 0 there already, 0 there with other values, 0 refused",
    )
    assert "rows/s" in said.out.splitlines()[-1]
    with contextlib.closing(SqliteStore(tmp_path / "b.db")) as other:
        assert content(other) == expected
    assert "--again writes it once more" in run("import", tmp_path / "out", "--to", tmp_path / "b.db").out
    with contextlib.closing(SqliteStore(tmp_path / "c.db")) as other:
        other.write(batch(dns(100, device="desa-0", name=ODD, resolve_ms=99.0)))
    said = run("import", tmp_path / "out", "--to", tmp_path / "c.db")
    assert (said.code, "What was there with other values stays as it was." in said.out) == (1, True)


def test_a_village(store: SqliteStore, run: Callable[..., Said], tmp_path: Path):
    """Of a village come its devices' points while they stood there, and the rows that carry its code."""
    village = SeriesRow("village_silence", ("33.10.26.2008", "", "", ""), START_NS, {"silent_minutes": 1.0})
    store.write_series([village])
    assert run("export", tmp_path / "out", "--village", "33.10.26.2008").code == 0
    assert run("import", tmp_path / "out", "--to", tmp_path / "b.db", "--json").code == 0
    with contextlib.closing(SqliteStore(tmp_path / "b.db")) as other:
        assert other.devices() == ["desa-1", "desa-2"]
        stood = [point for point in store.points("dns", "desa-1") if point.time_ns < 1_750_784_400 * 10**9]
        assert 9 < len(stood) < len(store.points("dns", "desa-1"))
        assert other.points("dns", "desa-1") == stood
        assert [row for name in SERIES for row in other.series(name)] == [village]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["export", "{folder}/x", "--since", "yesterday"], "yesterday is no instant"),
        (["import", "{folder}"], "holds no complete export"),
        (["import", "{folder}/nothing.jsonl.gz"], "cannot read"),
        (["import", "{folder}/nothing.csv"], "its name ends neither in"),
        (["export", "{folder}/a.db/x"], "cannot write"),
    ],
)
def test_wrong_use(
    run: Callable[..., Said], store: SqliteStore, tmp_path: Path, words: list[str], problem: str
):
    """What cannot be done is said in one line, with the exit code 2."""
    assert store.devices()
    said = run(*(word.format(folder=tmp_path) for word in words))
    assert (said.code, problem in said.err, said.err.count("\n")) == (2, True, 1)


def test_another_export_in_the_folder(run: Callable[..., Said], store: SqliteStore, tmp_path: Path):
    """Two selections never mix in one folder."""
    assert store.devices()
    run("export", tmp_path / "out")
    said = run("export", tmp_path / "out", "--device", "desa-1")
    assert (said.code, "holds another export" in said.err) == (2, True)


HEADER = {"table": "series", "name": "late", "columns": ["device", "time_ns", "since_ns"]}
STAMPED = {
    "table": "points",
    "name": "dns",
    "columns": ["device", "time_ns", "spool", "seq", "boot", "uptime_ns", "clock", "resolver", "name"],
}
POINT = {"table": "points", "name": "dns", "columns": ["device", "time_ns", "resolver", "name"]}


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([["desa-1", 1, 1]], "line 1: rows before a header"),
        ([HEADER | {"name": "later"}], "line 1: there is no table series later"),
        ([HEADER | {"columns": ["device", "time_ns", "x"]}], "line 1: late has no column x"),
        ([HEADER | {"columns": ["time_ns", "since_ns"]}], "line 1: late needs the columns device"),
        ([HEADER, ["desa-1", 1]], "line 2: "),
        ([HEADER, ["desa-1", "1", 1]], "line 2: a tag is no text, the time no number"),
        ([HEADER, ["desa-1", 1, "x"]], "late.since_ns is of type int"),
        ([HEADER, "x"], "line 2: "),
        ([POINT, ["desa 1", 1, "r", "n"]], "line 2: "),
        ([POINT, ["desa-1", 1, "r", "n"]], "line 2: "),
        ([STAMPED, ["desa-1", START_NS, "s1", 1, "b1", 5, "synced", "r", "n\nx"]], "line 2: name holds a"),
    ],
)
def test_wrong_files(run: Callable[..., Said], tmp_path: Path, lines: list[object], problem: str):
    """A file that somebody made is read as strictly as what devices send; the message names the line."""
    file = tmp_path / "made.jsonl.gz"
    with gzip.open(file, "wt") as text:
        text.writelines(json.dumps(line) + "\n" for line in lines)
    said = run("import", file)
    assert (said.code, problem in said.err) == (2, True), said.err


def test_a_file_that_somebody_made(run: Callable[..., Said], tmp_path: Path):
    """One file may hold several tables, and leave out columns that are empty throughout."""
    file = tmp_path / "made.jsonl.gz"
    silence = {
        "table": "series",
        "name": "device_silence",
        "columns": ["silent_minutes", "time_ns", "device", "village", "district", "regency", "province"],
    }
    lines = [HEADER, ["desa-1", 5, 1], ["desa-1", 6, None], silence, [1, 5, "d", "v", "", "", ""]]
    with gzip.open(file, "wt") as text:
        text.writelines(json.dumps(line) + "\n" for line in lines[:2] + lines[3:])
    assert run("import", file).code == 0
    with contextlib.closing(SqliteStore(tmp_path / "a.db")) as store:
        assert store.series("late") == [SeriesRow("late", ("desa-1",), 5, {"since_ns": 1})]
        assert store.series("device_silence") == [
            SeriesRow("device_silence", ("d", "v", "", "", ""), 5, {"silent_minutes": 1.0})
        ]
