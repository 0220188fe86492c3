"""The page in a real browser: it follows new measurements by itself, and obeys its own strict policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.web import served
from tests.collector.web.served import ADMIN, PASSWORD
from tests.fakes.certificates import Authority

from pantau_collector.access import people
from pantau_collector.access.book import Book
from pantau_collector.web.tls import ServerCertificate
from pantau_wire.fields import Latency, Speed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page
    from tests.collector.web.world import World

VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""


@pytest.fixture
async def address(world: World) -> AsyncIterator[str]:
    async with served.running(world) as url:
        yield url


def speed(megabits: float) -> Speed:
    return Speed(engine="http", download_goodput_bps=megabits * 1e6, upload_goodput_bps=1e6)


async def test_a_new_measurement_appears_without_reloading_and_the_scroll_position_stays(
    world: World, address: str, page: Page
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    world.put(speed(10), ago_s=120)
    await page.goto(f"{address}/devices/klaten-1?hours=1")
    await page.evaluate("() => { window.stayed = true; window.scrollTo(0, 300); }")
    record = world.put(speed(38.16), ago_s=30)
    mark = page.locator(f'.plot [data-field="download_goodput_bps"][data-seq="{record.seq}"]')
    await mark.wait_for(state="attached", timeout=15_000)
    assert await mark.get_attribute("data-value") == repr(record.data.download_goodput_bps)
    assert await mark.get_attribute("data-time-ns") == str(record.time_ns)
    assert await page.locator(".card .big").first.inner_text() == "38,16 Mbit/s"
    assert await page.evaluate("() => [window.stayed, window.scrollY]") == [True, 300]
    assert complaints == []


async def test_the_first_measurement_replaces_the_waiting_page(
    world: World, address: str, page: Page
) -> None:
    await page.goto(f"{address}/devices/klaten-1")
    assert "Menunggu pengukuran pertama" in await page.inner_text("main")
    world.put(Latency(target="testpoint", method="stamp", rtd_p50_ms=20.0), ago_s=5)
    await page.locator(".plot").first.wait_for(timeout=15_000)
    assert "Menunggu" not in await page.inner_text("main")


async def test_a_lost_collector_is_said_and_the_page_stays(world: World, address: str, page: Page) -> None:
    world.put(speed(10), ago_s=120)
    await page.goto(f"{address}/devices/klaten-1")
    world.store.down = True
    await page.locator("#live.lost").wait_for(timeout=15_000)
    assert await page.inner_text("#live") == "Terputus, mencoba lagi"
    assert await page.locator(".plot").count() == 1
    world.store.down = False
    await page.locator("#live.on").wait_for(timeout=20_000)


@pytest.mark.parametrize("path", ["/", "/devices/klaten-1", "/devices/none"])
async def test_nothing_is_wider_than_a_phone(world: World, address: str, page: Page, path: str) -> None:
    world.put(speed(10), ago_s=120)
    world.put(Latency(target="testpoint", method="stamp", rtd_p50_ms=20.0), ago_s=5)
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto(f"{address}{path}")
    assert await page.evaluate("() => document.documentElement.scrollWidth") == 390


async def test_no_page_breaks_the_policy_and_people_log_in_and_out(
    world: World, page: Page, tmp_path: Path
) -> None:
    """By TLS, with the login: no page of the portal asks for anything that the content policy forbids."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.add_init_script(VIOLATIONS)
    world.put(speed(10), ago_s=120)
    world.put(Latency(target="testpoint", method="stamp", rtd_p50_ms=20.0), ago_s=5)
    files = Authority(tmp_path).issue("portal", host="127.0.0.1")
    guarded = served.with_people(world, cert_file=files.cert, key_file=files.key)
    certificate = ServerCertificate(files.cert, files.key)
    async with served.running(guarded, certificate=certificate) as url:

        async def clean() -> None:
            assert await page.evaluate("() => window.violations") == []

        await page.goto(f"{url}/devices/klaten-1?hours=6")
        assert page.url == f"{url}/login?next=/devices/klaten-1%3Fhours%3D6"
        await clean()
        await page.fill("#name", ADMIN)
        await page.fill("#password", "salah sama sekali")
        await page.click(".login button")
        assert await page.inner_text(".problem") == "Nama atau kata sandi salah."
        await clean()
        complaints.clear()  # the browser mentions the 403 itself
        await page.fill("#name", ADMIN)
        await page.fill("#password", PASSWORD)
        await page.click(".login button")
        await page.wait_for_url(f"{url}/devices/klaten-1?hours=6")
        await page.locator(".plot").first.wait_for()
        for path in ("/", "/access", "/devices/klaten-1?hours=168&lang=en", "/?lang=id"):
            await page.goto(f"{url}{path}")
            await clean()
        assert complaints == []
        await page.click(".viewer button")
        await page.wait_for_url(f"{url}/login")
        await clean()
        await page.goto(f"{url}/")
        assert page.url == f"{url}/login?next=/"
        assert complaints == []


async def test_an_ended_session_leads_to_the_login_by_itself(world: World, page: Page) -> None:
    """A page that keeps itself current goes to the login when its session has ended, and back afterwards."""
    guarded = served.with_people(world)
    world.put(speed(10), ago_s=120)
    async with served.running(guarded) as url:
        await page.goto(f"{url}/")
        await page.fill("#name", ADMIN)
        await page.fill("#password", PASSWORD)
        await page.click(".login button")
        await page.wait_for_url(f"{url}/")
        people.end_sessions(Book(world.web.access_path), ADMIN, who="test", now=0)
        await page.wait_for_url(f"{url}/login?next=/", timeout=30_000)


async def test_the_policy_is_enforced(world: World, address: str, page: Page) -> None:
    """The listener of the tests above hears a violation: an inline script does not run, and is reported."""
    await page.add_init_script(VIOLATIONS)
    await page.goto(address)
    await page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
    }""")
    await page.wait_for_function("() => window.violations.length > 0")
    assert await page.evaluate("() => window.ran") is None
