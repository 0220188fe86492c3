"""The names of Indonesia's areas: complete, and quick to find."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from pantau_collector.registry import areas

SOURCE = Path("/tmp/x/package/data")
SHIPPED = Path(areas.__file__).parent / "data" / "areas.zip"


def test_the_nation_is_complete() -> None:
    provinces = areas.provinces()
    regencies = [child for area in provinces for child in areas.children(area.code)]
    districts = [child for area in regencies for child in areas.children(area.code)]
    villages = [child for area in districts for child in areas.children(area.code)]
    assert [len(level) for level in (provinces, regencies, districts, villages)] == [38, 514, 7277, 83763]
    assert {area.level for area in villages} == {"village"}


def test_an_area_knows_its_name_level_and_parents() -> None:
    village = areas.village("33.10.25.2007")
    assert village is not None
    assert (village.name, village.level) == ("Jomboran", "village")
    assert [area.name for area in village.parents] == ["Klaten Tengah", "Kabupaten Klaten", "Jawa Tengah"]
    assert areas.province("31") == areas.Area("31", "DKI Jakarta")
    assert len(areas.children("33.10")) == 26


@pytest.mark.parametrize(
    "code",
    ["", "3", "33.", "33.1", "33.10.", "99", "99.01", "00.00.00.0000", "33.10.25.200", "33,10", "../x", "٣٣"],
)
def test_what_is_no_code_is_not_found(code: str) -> None:
    assert areas.find(code) is None
    assert areas.children(code) == []


def test_a_lookup_by_level_refuses_other_levels() -> None:
    assert areas.village("33.10.25") is None
    assert areas.district("33.10.25.2007") is None
    assert areas.regency("33") is None
    assert areas.province("33.10") is None
    assert areas.children("33.10.25.2007") == []


def test_a_search_gives_the_best_first() -> None:
    assert next(area.code for area in areas.search("klaten")) == "33.10"
    assert areas.search("desa jomboran", within="33.10") == [areas.Area("33.10.25.2007", "Jomboran")]
    assert areas.search("TEGALYOSO")[0].code == "33.10.26.2008"
    assert {area.level for area in areas.search("klaten", level="district")} == {"district"}
    assert areas.search("kabupaten klaten")[0].name == "Kabupaten Klaten"
    assert areas.search("zzzz") == areas.search("  ") == []
    assert len(areas.search("a", limit=3)) == 3


@pytest.mark.parametrize(
    ("code", "near"),
    [
        ("33.10.25.2007x", "33.10.25.2007"),
        ("33.10.26.2998", "33.10.26.2008"),
        ("3310262008", "33.10.26.2008"),
    ],
)
def test_an_unknown_code_gets_its_nearest_neighbour(code: str, near: str) -> None:
    found = areas.suggest(code)
    assert found is not None
    assert found.code == near


def test_a_regency_needs_one_province_only() -> None:
    areas._read.cache_clear()
    areas.village("33.10.25.2007")
    assert areas._read.cache_info().currsize == 1


@pytest.mark.skipif(not SOURCE.exists(), reason="needs the unpacked npm package idn-area-data 3.1.2")
def test_the_archive_can_be_built_again_byte_by_byte(tmp_path: Path) -> None:
    script = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "build-areas.py"))
    script["build"](SOURCE, tmp_path / "areas.zip")
    assert (tmp_path / "areas.zip").read_bytes() == SHIPPED.read_bytes()


def test_source_and_licence_stand_beside_the_data() -> None:
    notice = (SHIPPED.parent / "NOTICE").read_text()
    for told in ("idn-area-data", "3.1.2", "Open Database\nLicense (ODbL) 1.0", "What we changed"):
        assert told in notice
    assert "Open Database License" in (SHIPPED.parent / "ODbL-1.0.md").read_text()
