"""Who stood where at any instant, and the file it comes from."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from pantau_collector.errors import RegistryError
from pantau_collector.registry import journal, reader, writer
from pantau_collector.registry.file import RegistryFile
from pantau_collector.registry.instants import format_instant, parse_instant
from pantau_collector.registry.model import Placement, Registry, competing_sources

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "device,village,since,traffic_source,state\n"
A, B = "33.10.26.2008", "33.10.25.2007"
JANUARY, MARCH, MAY = "2026-01-01T00:00:00+07:00", "2026-03-01T00:00:00+07:00", "2026-05-01T00:00:00+07:00"


def written(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "devices.csv"
    path.write_text(header + "".join(f"{row}\n" for row in rows))
    return path


def test_the_newest_placement_not_after_an_instant_holds(tmp_path: Path) -> None:
    registry = reader.read(written(tmp_path, f"d,{B},{MARCH},no,active", f"d,{A},{JANUARY},yes,active"))
    start, moved = parse_instant(JANUARY), parse_instant(MARCH)
    assert registry.at("d", start - 1) is None
    for instant, village in ((start, A), (moved - 1, A), (moved, B)):
        found = registry.at("d", instant)
        assert found is not None
        assert found.village == village
    current = registry.current("d")
    assert current is not None
    assert (current.village, current.line) == (B, 2)
    assert registry.at("other", moved) is None
    assert "d" in registry
    assert "other" not in registry
    assert len(registry.history("d")) == 2


def test_a_village_knows_its_active_devices_and_its_traffic_source(tmp_path: Path) -> None:
    registry = reader.read(
        written(
            tmp_path,
            f"box,{A},{JANUARY},yes,active",
            f"laptop,{A},{JANUARY},no,active",
            f"box,{A},{MARCH},yes,retired",
            f"laptop,{B},{MAY},no,active",
        )
    )
    before, between, after = (parse_instant(one) for one in (JANUARY, MARCH, MAY))
    assert [one.device for one in registry.devices_of(A, before)] == ["box", "laptop"]
    assert [one.device for one in registry.devices_of(A, between)] == ["laptop"]
    assert registry.devices_of(A, after) == []
    assert registry.villages(after) == [B]
    source = registry.traffic_source(A, before)
    assert source is not None
    assert source.device == "box"
    assert registry.traffic_source(A, between) is None
    assert registry.devices == ["box", "laptop"]


def test_what_excel_writes_in_indonesia_is_read(tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    text = f'Device;Village;Since;Traffic_Source;Provider\r\nd;{A};{JANUARY};Ya;"PT A; B, C"\r\n;;;;\r\n\r\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = reader.read(path).current("d")
    assert found is not None
    assert (found.village, found.traffic_source, found.provider) == (A, True, "PT A; B, C")
    assert (found.profile, found.technology, found.state) == ("default", None, "active")


def test_coordinates_are_read_with_point_or_comma_and_may_be_left_out(tmp_path: Path) -> None:
    header = "device;village;since;latitude;longitude\n"
    path = written(tmp_path, f"d;{A};{JANUARY};-7,7056;110.6061", f"e;{A};{JANUARY};;", header=header)
    points = {one.device: one.point for one in reader.read(path).devices_of(A)}
    assert points == {"d": (-7.7056, 110.6061), "e": None}


def test_traffic_may_pass_from_one_device_to_another_at_an_instant(tmp_path: Path) -> None:
    rows = (f"old,{A},{JANUARY},yes,active", f"old,{A},{MARCH},no,active", f"new,{A},{MARCH},yes,active")
    assert reader.check(written(tmp_path, *rows)) == []
    assert len(reader.check(written(tmp_path, rows[0], rows[2]))) == 1


def test_the_version_is_that_of_the_content(tmp_path: Path) -> None:
    path = written(tmp_path, f"d,{A},{JANUARY},no,active")
    first = reader.read(path).version
    assert reader.read(path).version == first
    assert len(first) == 64
    path.write_text(path.read_text() + "\n")
    assert reader.read(path).version != first


PLACEMENTS = st.builds(
    Placement,
    device=st.sampled_from("abc"),
    village=st.sampled_from([A, B]),
    since_ns=st.integers(0, 12),
    traffic_source=st.booleans(),
    state=st.sampled_from(["active", "retired"]),
)


@given(st.lists(PLACEMENTS, max_size=10, unique_by=lambda one: (one.device, one.since_ns)))
def test_competing_traffic_sources_are_found_exactly_when_two_hold_at_once(
    placements: list[Placement],
) -> None:
    registry = Registry(placements)
    doubled = any(
        sum(one.traffic_source for one in registry.devices_of(village, instant)) > 1
        for village in (A, B)
        for instant in range(14)
    )
    assert bool(competing_sources(registry)) == doubled


@given(st.integers(0, 4_000_000_000), st.sampled_from(["33", "51", "91"]))
def test_an_instant_survives_being_written_and_read(seconds: int, province: str) -> None:
    assert parse_instant(format_instant(seconds * 10**9, province)) == seconds * 10**9


def test_an_instant_keeps_its_nanoseconds() -> None:
    assert parse_instant("1970-01-01T00:00:01.000000001Z") == 1_000_000_001


@pytest.mark.parametrize(
    "text", ["1969-12-31T23:59:59Z", "2026-11-01T24:00:00Z", "20261101T000000Z", "now", ""]
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_instant(text)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, f"d,{A},{JANUARY},no,active")
    source = RegistryFile(path)
    first = source.get()
    assert source.get() is first
    written(tmp_path, f"d,{A},{JANUARY},no,active", f"e,{A},{JANUARY},no,active")
    assert source.get().devices == ["d", "e"]
    assert source.last is source.get()


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, f"d,{A},{JANUARY},no,active")
    source, before = RegistryFile(path), path.stat()
    other = tmp_path / "other.csv"
    other.write_text(path.read_text().replace("d,", "e,", 1))
    os.utime(other, ns=(before.st_mtime_ns, before.st_mtime_ns))
    other.replace(path)
    assert source.get().current("d") is None or source.get().devices != ["d"]


def test_a_bad_file_keeps_the_last_good_version_and_says_so_once(tmp_path: Path) -> None:
    path = written(tmp_path, f"d,{A},{JANUARY},no,active")
    source = RegistryFile(path)
    good = source.get()
    with capture_logs() as logs:
        for broken in ("nonsense\n", "more nonsense\n"):
            path.write_text(broken)
            assert source.get() is good
        path.unlink()
        assert source.get() is good
        assert source.problem is not None
        written(tmp_path, f"e,{A},{JANUARY},no,active")
        assert source.get().devices == ["e"]
        assert source.problem is None
    assert [log["event"] for log in logs] == ["registry.rejected", "registry.accepted"]


def test_a_bad_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="there is no such file"):
        RegistryFile(tmp_path / "none.csv")


def test_a_row_is_appended_in_the_dialect_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_bytes(f"\ufeffdevice;village;since;provider\r\nd;{A};{JANUARY};x".encode())
    path.chmod(0o640)
    writer.add(path, {"device": "e", "village": B, "since": MARCH, "provider": "a;b"})
    assert path.read_bytes().endswith(f'x\r\ne;{B};{MARCH};"a;b"\r\n'.encode())
    kept = [path, journal.path_of(path)]
    assert sorted(tmp_path.iterdir()) == kept
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o640}


def test_a_row_that_breaks_a_rule_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path, f"d,{A},{JANUARY},yes,active")
    before = path.read_bytes()
    for row in (
        {"device": "e", "village": "33", "since": MARCH},
        {"device": "d", "village": A, "since": JANUARY},
    ):
        with pytest.raises(RegistryError, match=r"devices\.csv:3: "):
            writer.add(path, row)
    with pytest.raises(RegistryError, match="the file has no column 'provider'"):
        writer.add(path, {"device": "e", "village": A, "since": MARCH, "provider": "x"})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_rows_added_at_once_all_arrive(tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    rows = [{"device": f"d-{index}", "village": A, "since": JANUARY} for index in range(12)]
    threads = [threading.Thread(target=writer.add, args=(path, row)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reader.read(path).devices == sorted(row["device"] for row in rows)
