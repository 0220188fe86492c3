"""The months in a real browser: the paths of an official and an operator, on desk and phone."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.async_playwright import Axe
from tests.collector.web import served
from tests.collector.web.served import ADMIN, PASSWORD
from tests.collector.web.test_pages import latency, speed
from tests.collector.web.verdicts.places import AUGUST, FAILED
from tests.collector.web.verdicts.test_stored import world_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page
    from tests.collector.web.world import World

BUILD = Path(__file__).parents[4] / "build"
PAGES = {
    "nation": "/",
    "province": "/areas/33",
    "regency": "/areas/33.10",
    "district": "/areas/33.10.26",
    "filtered": "/areas/33.10?verdict=fail&sort=-loss",
    "village": f"/villages/{FAILED}",
    "empty-month": f"/villages/{FAILED}?month={AUGUST}",
    "devices": "/devices",
    "device": "/devices/klaten-1",
    "error": "/areas/99",
    "access": "/access",
    "surges": "/surges",
}
LOGIN = {"login": "/login"}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
async def address(world: World) -> AsyncIterator[str]:
    world.put(speed(), ago_s=120)
    world.put(latency(), ago_s=5)
    async with served.running(world) as url:
        yield url


async def test_an_official_finds_a_failed_village_in_four_clicks_and_takes_its_evidence(
    page: Page, tmp_path: Path
) -> None:
    """Over a real store: province, regency, tile, evidence."""
    broken = "33.10.01.2002"
    world = world_of(tmp_path)
    async with served.running(world) as address:
        await page.goto(address)
        await page.get_by_role("link", name="Jawa Tengah").click()
        await page.get_by_role("link", name="Kabupaten Klaten").click()
        await page.get_by_role("link", name="Cucukan, Prambanan: Tidak memenuhi").click()
        assert page.url == f"{address}/villages/{broken}?month=2026-08"
        assert "tidak memenuhi yang dijanjikan" in await page.inner_text("main")
        async with page.expect_download() as waiting:
            await page.get_by_role("link", name="Unduh bukti").click()
        path = await (await waiting.value).path()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert any(broken.encode() in archive.read(name) for name in archive.namelist())
    world.store.close()


async def test_an_operator_goes_from_silence_to_the_village_and_back(
    world: World, address: str, page: Page
) -> None:
    await page.goto(address)
    await page.get_by_role("link", name="Perangkat saat ini").click()
    await page.get_by_role("link", name="Tegalyoso").click()
    assert page.url == f"{address}/devices/klaten-1"
    await page.get_by_role("link", name="Tegalyoso").click()
    assert page.url == f"{address}/villages/{FAILED}"
    await page.get_by_role("link", name="klaten-1").click()
    assert await page.get_by_role("heading", level=1).inner_text() == "Tegalyoso"


async def test_months_and_filters_are_chosen_without_a_script(address: str, page: Page) -> None:
    await page.route("**/*.js*", lambda route: route.abort())
    await page.goto(f"{address}/areas/33.10")
    await page.locator("select[name=verdict]").select_option("fail")
    await page.get_by_role("button", name="Saring").click()
    assert await page.locator("tr[data-code]").count() == 1
    await page.get_by_label("Bulan", exact=True).select_option("2026-09")
    await page.get_by_role("button", name="Tampilkan").click()
    assert "September 2026" in await page.inner_text("h1")
    assert await page.locator("tr[data-code]").count() == 1
    await page.get_by_role("link", name="Tampilkan semua").click()
    assert await page.locator("tr[data-code]").count() == 5


@pytest.mark.parametrize(("scheme", "rules"), [("light", None), ("dark", ["color-contrast"])])
async def test_nobody_is_shut_out(world: World, page: Page, scheme: str, rules: list[str] | None) -> None:
    """axe-core finds no serious fault on any page, nor weak contrast in the dark; all fit a phone."""
    world.put(speed(), ago_s=120)
    world.put(latency(), ago_s=5)
    BUILD.mkdir(exist_ok=True)
    await page.emulate_media(color_scheme=scheme)
    seen: dict[str, tuple[list[str], int]] = {}
    async with served.running(served.with_people(world)) as url:
        for name, path in LOGIN.items():
            seen[name] = await looked_at(page, f"{url}{path}", f"{name}-{scheme}", rules)
        await log_in(page, url)
        for name, path in PAGES.items():
            seen[name] = await looked_at(page, f"{url}{path}", f"{name}-{scheme}", rules)
        await page.evaluate("() => document.querySelector('main').append(document.createElement('button'))")
        assert await serious_faults(page) != []  # a button without a name: whoever looks for faults finds one
    assert seen == {name: ([], PHONE["width"]) for name in (*LOGIN, *PAGES)}


async def looked_at(page: Page, address: str, name: str, rules: list[str] | None) -> tuple[list[str], int]:
    """Return a page's serious faults and how wide it is on a phone; keep pictures of it."""
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.goto(address)
    faults = await serious_faults(page, rules)
    await page.screenshot(path=BUILD / f"portal-{name}.png", full_page=True)
    await page.set_viewport_size(PHONE)
    await page.screenshot(path=BUILD / f"portal-{name}-phone.png", full_page=True)
    return faults, await page.evaluate("() => document.documentElement.scrollWidth")


async def log_in(page: Page, url: str) -> None:
    await page.goto(f"{url}/login")
    await page.fill("#name", ADMIN)
    await page.fill("#password", PASSWORD)
    await page.click(".login button")
    await page.wait_for_url(f"{url}/")


async def serious_faults(page: Page, rules: list[str] | None = None) -> list[str]:
    """Return what axe-core calls serious or critical: rule, and the first places."""
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found = await Axe().run(page, options=options)
    return [
        f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
