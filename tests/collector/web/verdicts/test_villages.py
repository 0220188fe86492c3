"""A village's page: why its verdict is what it is, and all that the verdict rests on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.collector.web.test_pages import latency, marks_of, text
from tests.collector.web.verdicts.places import AUGUST, FAILED, OCTOBER, PASSED, VILLAGES
from tests.collector.web.world import S

from pantau_collector.analysis.calendar import parse_month
from pantau_collector.months import words
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.timezones import WIB
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    import httpx
    from tests.collector.web.world import World
    from tests.fakes.memory_months import MemoryMonths


async def test_it_says_why_in_the_words_of_the_report(
    client: httpx.AsyncClient, months: MemoryMonths
) -> None:
    for language in ("id", "en"):
        page = text(await client.get(f"/villages/{FAILED}?lang={language}"))
        told = words.explain(months.kept[OCTOBER, FAILED].report, language)
        for sentence in (told.summary, *told.metrics.values(), *told.notes):
            assert sentence.replace("\N{NO-BREAK SPACE}", " ").replace("'", "&#39;") in page


@pytest.mark.parametrize("code", VILLAGES)
async def test_every_kind_of_village_can_be_shown_in_both_languages(
    client: httpx.AsyncClient, code: str
) -> None:
    for language in ("id", "en"):
        for month in (AUGUST, OCTOBER):
            page = await client.get(f"/villages/{code}?month={month}&lang={language}")
            assert page.status_code == 200
            assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page.text)


async def test_outages_stand_with_their_restitution_and_causes(client: httpx.AsyncClient) -> None:
    page = text(await client.get(f"/villages/{FAILED}"))
    assert "3 Okt 2026 09.00.00 WIB 4 Okt 2026 05.00.00 WIB 1.200 1.200 1.200" in page
    assert "1 gangguan pendek" in page
    assert "saluran putus 4 2.604 1.200 dihitung terhadap penyedia" in page
    assert "listrik padam 1 90 90 tidak dihitung" in page
    assert "pemeliharaan 1 120 120 dikeluarkan" in page


async def test_the_strip_has_a_row_for_each_day_and_the_same_as_a_table(client: httpx.AsyncClient) -> None:
    page = (await client.get(f"/villages/{FAILED}")).text
    strip = page.partition('class="strip"')[2].partition("</svg>")[0]
    assert strip.count('class="over"') == 31
    assert "3 Okt\ntersambung: 540 min\nsaluran putus: 900 min" in strip
    assert re.search(r"3 Okt</th>\s*<td[^>]*>540</td>\s*<td[^>]*>900</td>", page)


async def test_tests_stand_against_the_contract(client: httpx.AsyncClient, months: MemoryMonths) -> None:
    page = (await client.get(f"/villages/{FAILED}")).text
    tests = months.kept[OCTOBER, FAILED].tests
    assert page.count('<circle class="dot-counted" cx="') - 2 == 2 * sum(not one.why_not for one in tests)
    assert page.count('class="limit contract" d="M50') == 2
    assert "tidak: saluran sedang sibuk" in page
    assert "127 uji kecepatan sebagai tabel" in page


async def test_delay_and_loss_stand_day_by_day_and_a_day_without_is_a_gap(
    world: World, client: httpx.AsyncClient
) -> None:
    assert "Waktu tunda dan kehilangan per hari" not in (await client.get(f"/villages/{FAILED}")).text
    first_ns = parse_month(OCTOBER, WIB).first_minute * 60 * S
    world.store.write_series(
        [
            SeriesRow(
                "village_1d",
                area_tags(FAILED),
                first_ns + day * 86_400 * S,
                {"rtd_p50_ms": 30.5 + day, "rtd_pdv_p95_ms": 5.0, "rt_loss_ratio": 0.01},
            )
            for day in (*range(10), *range(20, 31))
        ]
    )
    page = (await client.get(f"/villages/{FAILED}")).text
    assert "Waktu tunda dan kehilangan per hari" in page
    drawn = marks_of(page, "rtd_p50_ms")
    assert [float(mark["value"]) for mark in drawn[:2]] == [30.5, 31.5]
    assert len(drawn) == 21
    assert len(re.findall(r'class="line s1" d="M[\d.,]+L', page)) == 2


async def test_what_was_objected_is_shown_and_never_becomes_markup(client: httpx.AsyncClient) -> None:
    page = (await client.get(f"/villages/{FAILED}")).text
    assert "Kabel putus karena &lt;b&gt;galian&lt;/b&gt; jalan." in page
    assert "Belum dijawab." in page


async def test_records_maintenance_and_evidence_are_there(
    client: httpx.AsyncClient, months: MemoryMonths
) -> None:
    answer = await client.get(f"/villages/{FAILED}")
    assert months.kept[OCTOBER, FAILED].revisions[0].sha256 in answer.text
    assert f'href="/villages/{FAILED}/{OCTOBER}/evidence.zip"' in answer.text
    assert "11 Okt 2026 00.00.00 WIB 11 Okt 2026 02.00.00 WIB" in text(answer)
    assert f'href="/villages/{FAILED}?month=2026-09"' in answer.text  # the trend


async def test_its_devices_are_shown_as_they_are_now(world: World, client: httpx.AsyncClient) -> None:
    world.put(latency(), ago_s=30)
    page = await client.get(f"/villages/{FAILED}")
    assert "Melapor 30 detik yang lalu serat optik" in text(page)
    assert 'href="/devices/klaten-1"' in page.text
    assert f'href="/villages/{FAILED}"' in (await client.get("/devices/klaten-1")).text


async def test_a_month_without_anything_still_shows_the_devices(client: httpx.AsyncClient) -> None:
    page = text(await client.get(f"/villages/{FAILED}?month={AUGUST}"))
    assert "Tidak ada data Agustus 2026 di sini" in page
    assert "klaten-1" in page


async def test_a_village_is_asked_for_once(client: httpx.AsyncClient, months: MemoryMonths) -> None:
    await client.get(f"/villages/{PASSED}")
    assert months.asked == {"months": 1, "evidence": 1, "trend": 1}
