"""A bundle of evidence gives the same verdict again, and whatever is changed in it is named."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.months import world

from pantau_collector.analysis_loop.closing import Closing
from pantau_collector.errors import EvidenceError
from pantau_collector.months import bundle, objections, records
from pantau_collector.months.instants import closes_at_ns
from pantau_collector.months.verifying import verify_content
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.storage.base import Store

BROKEN, MONTH = "33.10.01.2002", "2026-08"


def closed(store: Store) -> bytes:
    months = world.filled(store)
    closing = Closing(store, world.registry(), world.BOOK)
    closing.close(list(world.VILLAGES), MONTH, closes_at_ns(MONTH, "33.10"))
    objections.file(store, BROKEN, MONTH, by="PT Bintang", text="The pole fell.", now_ns=10**18)
    found = months.bundle(MONTH, BROKEN)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return closed(SqliteStore(tmp_path_factory.mktemp("bundle") / "pantau.db"))


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, some in files.items():
            archive.writestr(name, some)
    return out.getvalue()


def rehashed(files: dict[str, bytes]) -> bytes:
    """As a forger would, who knows that the manifest has hashes."""
    manifest = json.loads(files[bundle.MANIFEST])
    manifest["files"] = {name: records.sha256(some) for name, some in files.items() if name in bundle.FILES}
    return packed(files | {bundle.MANIFEST: records.canonical(manifest)})


def differences(content: bytes) -> list[str]:
    return [one.to("en") for one in verify_content(content, "x.zip").differences]


def test_it_gives_the_same_verdict_from_any_store(store: Store, content: bytes):
    """Every store gives the same bytes, and they recompute to the verdict of the month."""
    found = closed(store)
    verified = verify_content(found, "x.zip")
    assert verified.differences == []
    assert (verified.report.verdict, verified.manifest.days_are_recorded) == ("fail", True)
    files, others = unpacked(found), unpacked(content)
    del files[bundle.OBJECTIONS], files[bundle.MANIFEST]  # an objection has a number by chance
    assert files == {name: others[name] for name in files}


def test_every_part_is_there(content: bytes):
    """Tests, outages, states, days, profile, rules, registry, records and objections; and dates are fixed."""
    files = unpacked(content)
    assert list(files) == [bundle.MANIFEST, *bundle.FILES]
    manifest = json.loads(files[bundle.MANIFEST])
    assert (manifest["village"], manifest["provider"], manifest["rules"]) == (BROKEN, "PT Bintang", "1")
    assert (manifest["registry_version"], manifest["profiles"][0]["name"]) == ("registry-1", "default")
    assert len(files[bundle.DAYS].splitlines()) == 31 + 4
    assert len(files[bundle.TESTS].splitlines()) == 31 * 5
    assert len(json.loads(files[bundle.OUTAGES])) == 31
    assert files[bundle.STATES].splitlines()[0] == b"day,from,to,state,maintenance"
    assert json.loads(files[bundle.OBJECTIONS])[0]["text"] == "The pole fell."
    assert records.sha256(files[bundle.RECORDS].strip()) == manifest["record_sha256"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("name", bundle.FILES)
def test_a_changed_file_is_named(content: bytes, name: str):
    """Another byte anywhere breaks that file's hash."""
    files = unpacked(content)
    files[name] = files[name].replace(b"8", b"3", 1) if b"8" in files[name] else files[name] + b" "
    assert any(name in one for one in differences(packed(files)))


def _prettier_report(files: dict[str, bytes]) -> None:
    report = json.loads(files[bundle.REPORT])
    report["verdict"], report["restitution_minutes"] = "pass", 0
    files[bundle.REPORT] = records.canonical(report)


def _fewer_outages(files: dict[str, bytes]) -> None:
    files[bundle.OUTAGES] = b"[]"


def _better_day(files: dict[str, bytes]) -> None:
    days = [json.loads(line) for line in files[bundle.DAYS].splitlines()]
    days[5]["download_k"] += 1
    files[bundle.DAYS] = b"".join(records.canonical(day) + b"\n" for day in days)


def _day_without_outage(files: dict[str, bytes]) -> None:
    days = [json.loads(line) for line in files[bundle.DAYS].splitlines()]
    days[5]["states"] = "AKAF"  # up all day
    files[bundle.DAYS] = b"".join(records.canonical(day) + b"\n" for day in days)


def _slow_test_left_out(files: dict[str, bytes]) -> None:
    counted = [line for line in files[bundle.TESTS].splitlines() if b'"why_not":""' in line]
    files[bundle.TESTS] = b"\n".join(counted[1:]) + b"\n"


def _milder_profile(files: dict[str, bytes]) -> None:
    manifest = json.loads(files[bundle.MANIFEST])
    manifest["profiles"][0]["availability_target_ratio"] = 0.5
    files[bundle.MANIFEST] = records.canonical(manifest)


def _rewritten_record(files: dict[str, bytes]) -> None:
    record = msgspec.json.decode(files[bundle.RECORDS])
    record["facts"]["report"]["verdict"] = "pass"
    files[bundle.RECORDS] = records.canonical(record) + b"\n"


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (_prettier_report, 'the report says verdict = "pass", and the days give "fail"'),
        (_fewer_outages, "outages.json is not the list of outages"),
        (_better_day, "2026-08-04: the counts are not those of its own histograms and tests"),
        (_day_without_outage, "the report says restitution_minutes"),
        (_slow_test_left_out, "the counted tests in tests.jsonl are not those of the day's row"),
        (_milder_profile, "the report says"),
        (_rewritten_record, "record 1 does not follow from the one before it, or was changed"),
    ],
)
def test_a_forgery_with_new_hashes_is_named(
    content: bytes, forge: Callable[[dict[str, bytes]], None], words: str
):
    """Who also mends the hashes is caught by what the content gives when it is computed again."""
    files = unpacked(content)
    forge(files)
    found = differences(rehashed(files))
    assert any(words in one for one in found), found
    assert not any("SHA-256" in one for one in found)


def _bomb() -> bytes:
    return packed({bundle.MANIFEST: b"0" * (65 * 2**20)})


def _lying_size(content: bytes) -> bytes:
    """A member that announces one byte and holds all."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo(bundle.DAYS).file_size
    return content.replace(size.to_bytes(4, "little"), (1).to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda content: b"", "it is not a zip file"),
        (lambda content: content[: len(content) // 2], "it is not a zip file"),
        (lambda content: packed({"../../etc/passwd": b"x"}), "it holds '../../etc/passwd'"),
        (lambda content: packed(unpacked(content) | {"more.txt": b""}), "it holds 'more.txt'"),
        (lambda content: packed({bundle.MANIFEST: b"{}"}), "it lacks README.txt"),
        (lambda content: _bomb(), "it would unpack to more than 64 MB"),
        (_lying_size, "is no bundle of evidence"),
        (lambda content: packed({**unpacked(content), bundle.MANIFEST: b"[]"}), "manifest.json cannot be"),
        (lambda content: packed(unpacked(content) | {bundle.DAYS: b"{}\n"}), "days.jsonl cannot be read"),
    ],
)
def test_what_is_no_bundle_is_told(content: bytes, made: Callable[[bytes], bytes], words: str):
    """Bombs, foreign names, missing and unreadable files: an error that says which."""
    with pytest.raises(EvidenceError, match=words.replace(".", r"\.").replace("(", r"\(")):
        verify_content(made(content), "x.zip")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_goes_unnoticed(content: bytes, data: st.DataObject):
    """Any one changed byte within a file of the bundle is found, or makes it no bundle at all."""
    files = unpacked(content)
    name = data.draw(st.sampled_from([bundle.MANIFEST, *bundle.FILES]))
    at = data.draw(st.integers(0, len(files[name]) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != files[name][at]))
    files[name] = files[name][:at] + bytes([other]) + files[name][at + 1 :]
    try:
        found = verify_content(packed(files), "x.zip")
    except EvidenceError:
        return
    original = verify_content(content, "x.zip")
    assert found.differences or (name == bundle.MANIFEST and found.sha256 != original.sha256)
