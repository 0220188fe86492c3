"""From the nation down to a district: counts, tables that sort and filter without a script, tiles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.collector.web.test_pages import text
from tests.collector.web.verdicts.places import AUGUST, FAILED, OCTOBER, PASSED, SEPTEMBER, VILLAGES
from tests.collector.web.world import NOW, S

if TYPE_CHECKING:
    import httpx
    from tests.collector.web.world import World
    from tests.fakes.memory_months import MemoryMonths


def codes(page: str) -> list[str]:
    """Return the codes of a table's rows, in order."""
    return re.findall(r'<tr role="row" data-code="([^"]+)"', page)


async def test_the_first_page_is_the_nations_newest_month(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    words = text(page)
    assert "Indonesia Oktober 2026" in words
    assert "6 desa dinilai 1 Tidak memenuhi 1 Data tidak cukup 1 Belum dapat disimpulkan 3 Memenuhi" in words
    assert codes(page.text) == ["51", "33"]  # Bali, Jawa Tengah
    assert (await client.get("/areas/id")).text == page.text


async def test_while_no_month_has_a_verdict_the_first_page_is_the_present(
    client: httpx.AsyncClient, months: MemoryMonths
) -> None:
    months.kept = {key: one for key, one in months.kept.items() if one.line.verdict == "insufficient_data"}
    assert "Ikhtisar" in text(await client.get("/"))
    assert "1 Data tidak cukup" in text(await client.get("/areas/id"))
    months.kept.clear()
    assert "Ikhtisar" in text(await client.get("/"))
    assert "Belum ada bulan yang dinilai" in text(await client.get("/areas/id"))
    assert "Belum ada bulan yang dinilai" in text(await client.get(f"/villages/{FAILED}"))


async def test_every_level_leads_to_the_next_and_back(client: httpx.AsyncClient) -> None:
    for path, below in (
        ("/areas/id", "/areas/33"),
        ("/areas/33", "/areas/33.10"),
        ("/areas/33.10", "/areas/33.10.26"),
        ("/areas/33.10", f"/villages/{FAILED}"),
        ("/areas/33.10.26", f"/villages/{FAILED}"),
    ):
        page = (await client.get(f"{path}?month={SEPTEMBER}")).text
        assert f'href="{below}?month={SEPTEMBER}"' in page
        under = (await client.get(f"{below}?month={SEPTEMBER}")).text
        assert f'href="{path}?month={SEPTEMBER}"' in under.partition("</nav>\n<div")[0]


async def test_a_village_among_areas_is_shown_as_a_village(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/areas/{FAILED}?month={SEPTEMBER}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/villages/{FAILED}?month={SEPTEMBER}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["33.10.26.2008", "33.10.25.2009", "33.10.26.2006", "33.10.25.2007", "33.10.26.2007"]),
        ("verdict=fail", [FAILED]),
        ("provider=PT+Lawu+Net&sort=name", [PASSED, "33.10.26.2007"]),
        ("technology=satellite", [PASSED]),
        ("name=TEGAL", [FAILED]),
        (f"name={PASSED}", [PASSED]),
        ("sort=availability&verdict=fail&technology=satellite", []),
        ("sort=-restitution", ["33.10.26.2008", "33.10.25.2007", "33.10.26.2007"]),
        ("sort=download", ["33.10.26.2008", "33.10.26.2006", "33.10.25.2007"]),
    ],
)
async def test_villages_are_sorted_and_filtered_by_the_address(
    client: httpx.AsyncClient, query: str, expected: list[str]
) -> None:
    page = (await client.get(f"/areas/33.10?{query}")).text
    assert codes(page)[: len(expected)] == expected
    assert ("Tidak ada yang cocok" in page) == (not expected)


async def test_pages_of_a_table_keep_order_and_filters(client: httpx.AsyncClient, world: World) -> None:
    page = (await client.get("/areas/33.10?size=10&sort=-coverage")).text
    assert len(codes(page)) == 5
    answer = await client.get("/areas/33.10?size=10&page=2")
    assert answer.status_code == 404
    assert "Tidak ada halaman 2; yang terakhir adalah 1." in answer.text


async def test_a_tile_says_its_village_and_its_verdict_and_leads_there(client: httpx.AsyncClient) -> None:
    page = (await client.get("/areas/33.10")).text
    tiles = dict(
        re.findall(r'<a href="/villages/([\d.]+)\?month=[^"]+" class="tile-link"><title>([^<]+)', page)
    )
    assert tiles.keys() == {code for code in VILLAGES if code.startswith("33.10")}
    assert tiles[FAILED] == "Tegalyoso, Klaten Selatan: Tidak memenuhi"
    assert "Letak desa, utara di atas" in page  # Tegalyoso's coordinates are known


async def test_a_month_can_be_chosen_and_an_unknown_one_says_so(client: httpx.AsyncClient) -> None:
    assert "Agustus 2026" in text(await client.get(f"/areas/33.10?month={AUGUST}"))
    assert "Tidak ada data Mei 2020 di sini" in text(await client.get("/areas/33.10?month=2020-05"))
    assert "Tidak ada data Oktober 2026 di sini" in text(await client.get("/areas/11"))


async def test_an_open_month_says_until_when_it_changes(world: World) -> None:
    async with world.with_clock(NOW - 20 * 86_400 * S).client() as client:  # 2 November
        assert "berubah sampai 5 November 2026" in text(await client.get(f"/areas/33?month={OCTOBER}"))
    async with world.client() as client:
        assert "berubah sampai" not in text(await client.get(f"/areas/33?month={OCTOBER}"))


async def test_the_newest_month_that_is_over_is_shown_first(world: World) -> None:
    """One that still runs lacks the days to come, and would look like a lack of data."""
    for days, month in ((0, "Oktober"), (30, "September")):  # 22 November and 23 October
        async with world.with_clock(NOW - days * 86_400 * S).client() as client:
            for path in ("/areas/33.10", f"/villages/{FAILED}"):
                assert f"{month} 2026" in text(await client.get(path)).partition("Bulan")[0]
    async with world.with_clock(NOW - 100 * 86_400 * S).client() as client:  # none is over yet
        assert (await client.get("/areas/33.10")).status_code == 200


async def test_downloads_are_offered(client: httpx.AsyncClient) -> None:
    for code in ("id", "33", "33.10", "33.10.26"):
        page = (await client.get(f"/areas/{code}")).text
        for ending in ("csv?dialect=excel", "xlsx", "pdf"):
            assert f'href="/areas/{code}/{OCTOBER}.{ending}"' in page


async def test_the_english_page_says_the_same(client: httpx.AsyncClient) -> None:
    page = text(await client.get("/areas/33.10?lang=en"))
    for shown in ("October 2026", "villages judged", "1 Fail", "Insufficient data", "The villages as tiles"):
        assert shown in page


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/areas/99", 404, "Tidak ada wilayah dengan kode &#39;99&#39;"),
        ("/areas/<script>", 404, "Tidak ada wilayah"),
        ("/villages/33.10", 404, "Tidak ada desa"),
        ("/areas/33?month=2026-13", 422, "&#39;2026-13&#39; bukan bulan"),
        ("/areas/33?month=2026-12", 404, "Bulan 2026-12 belum dimulai"),
        (f"/villages/{FAILED}?month=x", 422, "bukan bulan"),
        ("/areas/33?size=100000", 422, "Isi size dalam alamat ini tidak berlaku"),
        ("/areas/33?page=0&size=1", 422, "Isi page, size dalam alamat ini tidak berlaku"),
        ("/areas/33?verdict=best", 422, "Isi verdict"),
        ("/areas/33?sort=colour", 422, "Tidak dapat diurutkan menurut &#39;colour&#39;"),
        ("/areas/33?name=" + "x" * 101, 422, "Isi name"),
    ],
)
async def test_what_cannot_be_shown_is_said_in_words(
    client: httpx.AsyncClient, path: str, status: int, said: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert said in answer.text
    assert "<script>" not in answer.text


async def test_a_page_asks_for_each_thing_once(client: httpx.AsyncClient, months: MemoryMonths) -> None:
    """However many villages there are: no question is asked for each of them."""
    await client.get("/areas/33.10")
    assert months.asked == {"months": 1, "area": 1, "villages": 1, "trend": 1}
    months.asked.clear()
    await client.get("/areas/33")
    assert months.asked == {"months": 1, "area": 1, "children": 1, "trend": 1}


async def test_a_store_that_is_down_gets_the_calm_page(
    client: httpx.AsyncClient, months: MemoryMonths
) -> None:
    months.down = True
    for path in ("/", "/areas/33.10", f"/villages/{FAILED}"):
        answer = await client.get(path)
        assert answer.status_code == 503
        assert "Tidak ada yang hilang" in answer.text
