"""What people see: pages in both languages, safe against hostile text, honest about what is missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.collector.web.world import NOW, TEGALYOSO, S

from pantau_wire.fields import Device, Dns, Latency, Link, Speed, Traffic

if TYPE_CHECKING:
    import httpx
    from tests.collector.web.world import World

HOSTILE = "<script>alert('x')</script>\" onload=\"alert(1)"


def speed(**fields: object) -> Speed:
    return Speed(engine="http", **{"download_goodput_bps": 38.16e6, "upload_goodput_bps": 19.03e6} | fields)


def latency(p50: float | None = 20.0, target: str = "testpoint", **fields: object) -> Latency:
    values = {"sent_count": 20, "received_count": 20, "rt_loss_ratio": 0.0, "rtd_p50_ms": p50}
    spread = {} if p50 is None else {"rtd_min_ms": p50 / 2, "rtd_p95_ms": p50 * 2}
    return Latency(target=target, method="stamp", **values | spread | fields)


async def test_an_empty_registry_says_how_to_register_the_first_device(
    world: World, client: httpx.AsyncClient
) -> None:
    world.register()
    page = (await client.get("/")).text
    assert "Belum ada perangkat terdaftar" in page
    assert "pantau-collector registry add" in page


async def test_a_registered_device_without_measurements_says_what_happens_next(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/", "/devices/klaten-1"):
        page = (await client.get(path)).text
        assert "Menunggu pengukuran pertama…" in page
        assert "pantau-agent doctor" in page


async def test_the_overview_shows_the_newest_figures_in_indonesian(
    world: World, client: httpx.AsyncClient
) -> None:
    world.put(speed(), ago_s=600)
    world.put(latency(21.5), ago_s=30)
    world.put(Traffic(source="host", interface="eth0", rx_rate_bps=4.2e6, tx_rate_bps=8e5), ago_s=30)
    page = text(await client.get("/"))
    for shown in (
        "Tegalyoso Klaten Selatan, Kabupaten Klaten klaten-1",
        "Melapor",
        "30 detik yang lalu",
        "38,16 Mbit/s",
        "19,03 Mbit/s",
        "21,5 ms",
        "0 %",
        "4,20 Mbit/s",
        "800,00 kbit/s",
    ):
        assert shown in page


async def test_the_same_overview_in_english(world: World, client: httpx.AsyncClient) -> None:
    world.put(speed(), ago_s=600)
    page = text(await client.get("/?lang=en"))
    for shown in ("Overview", "38.16 Mbit/s", "Download goodput", "10 minutes ago", "Silent"):
        assert shown in page


async def test_the_chosen_language_stays_by_cookie_and_can_be_switched_on_each_page(
    world: World, client: httpx.AsyncClient
) -> None:
    first = await client.get("/?lang=en")
    assert first.headers["content-language"] == "en"
    assert "samesite=lax" in first.headers["set-cookie"].lower()
    for path in ("/", "/devices/klaten-1", "/devices/none"):
        page = await client.get(path)
        assert '<html lang="en">' in page.text
        assert 'href="?lang=id"' in page.text
    assert (await client.get("/?lang=id")).headers["content-language"] == "id"
    assert (await client.get("/?lang=xx")).headers["content-language"] == "id"


async def test_a_device_is_silent_when_three_minutes_passed_without_a_measurement(
    world: World, client: httpx.AsyncClient
) -> None:
    world.put(latency(), ago_s=179)
    assert 'data-status="reporting"' in (await client.get("/")).text
    world.register(f"klaten-2,{TEGALYOSO},2026-01-01T00:00:00+07:00,yes")
    world.put(latency(), ago_s=181, device="klaten-2")
    later = world.with_clock(NOW + 3 * S)
    async with later.client() as other:
        page = (await other.get("/")).text
    assert 'data-device="klaten-2" data-status="silent"' in page
    assert 'data-device="klaten-1" data-status="unlisted"' in page


async def test_hostile_text_from_a_device_never_becomes_markup(
    world: World, client: httpx.AsyncClient
) -> None:
    world.put(speed(server=HOSTILE), ago_s=60)
    world.put(speed(download_goodput_bps=None, failure="refused", failure_detail=HOSTILE), ago_s=30)
    world.put(latency(None, failure="timeout", failure_detail=HOSTILE), ago_s=20)
    world.put(Link(interface=HOSTILE, interface_up=True), ago_s=10)
    world.put(Traffic(source="host", interface=HOSTILE, rx_rate_bps=1.0), ago_s=10)
    world.put(Dns(resolver=HOSTILE, name=HOSTILE, resolve_ms=1.0), ago_s=5)
    for path in ("/", "/devices/klaten-1"):
        page = (await client.get(path)).text
        assert "<script>" not in page
        assert not re.search(r'<[^>"]*("[^"]*"[^>"]*)*\sonload=', page)
        assert page.count("<script ") == 1  # our own
    assert "&lt;script&gt;" in page


async def test_a_failed_test_is_shown_as_failed_with_its_reason_and_never_as_zero(
    world: World, client: httpx.AsyncClient
) -> None:
    world.put(speed(), ago_s=1800)
    failed = world.put(
        Speed(engine="http", failure="unreachable", failure_detail="no route to host"), ago_s=60
    )
    page = (await client.get("/devices/klaten-1?lang=en")).text
    assert "38.16" in page
    assert "newest attempt failed" in page
    assert "no route to host" in page
    marks = marks_of(page, "failure")
    assert [(mark["seq"], mark["value"]) for mark in marks] == [(str(failed.seq), "unreachable")]
    assert len(marks_of(page, "download_goodput_bps")) == 2  # the card's and the plot's


async def test_every_plotted_point_carries_the_stored_value(world: World, client: httpx.AsyncClient) -> None:
    stored = world.put_all(
        lambda index: latency(10.0 + index / 7, rt_loss_ratio=index / 60), range(3000, 0, -60)
    )
    page = (await client.get("/devices/klaten-1?hours=1")).text.partition('class="plots"')[2]
    for name in ("rtd_p50_ms", "rt_loss_ratio"):
        plotted = {
            (int(mark["time_ns"]), int(mark["seq"])): float(mark["value"]) for mark in marks_of(page, name)
        }
        assert plotted == {(one.time_ns, one.seq): getattr(one.data, name) for one in stored}


async def test_a_gap_breaks_the_line_and_the_band(world: World, client: httpx.AsyncClient) -> None:
    world.put_all(lambda _: latency(), [*range(3300, 2400, -60), *range(1800, 0, -60)])
    page = (await client.get("/devices/klaten-1?hours=1")).text
    assert len(re.findall(r'class="line s1" d="M[\d.,]+L', page)) == 2
    assert len(re.findall(r'class="band" d="M', page)) == 2


async def test_targets_are_never_mixed_in_one_plot(world: World, client: httpx.AsyncClient) -> None:
    for target in ("gateway", "internet", "testpoint"):
        world.put_all(lambda _, target=target: latency(target=target), range(300, 0, -60))
    page = (await client.get("/devices/klaten-1")).text
    assert re.findall(r'id="plot-(latency-\w+)', page) == [
        "latency-testpoint",
        "latency-internet",
        "latency-gateway",
    ]


@pytest.mark.parametrize(
    ("village", "shown"),
    [(TEGALYOSO, "12.29.00 WIB"), ("51.71.01.1001", "13.29.00 WITA"), ("91.03.01.2017", "14.29.00 WIT")],
)
async def test_times_are_those_of_the_village(
    world: World, client: httpx.AsyncClient, village: str, shown: str
) -> None:
    world.register(f"klaten-1,{village},2026-01-01T00:00:00+07:00,yes")
    world.put(speed(), ago_s=60)
    assert f"22 Nov 2026 {shown}" in (await client.get("/devices/klaten-1")).text


@pytest.mark.parametrize(("hours", "shown"), [("1", 1), ("6", 2), ("24", 3), ("168", 4), ("7", 2), ("-1", 2)])
async def test_the_range_can_be_chosen_and_nonsense_falls_back(
    world: World, client: httpx.AsyncClient, hours: str, shown: int
) -> None:
    for age_h in (0.5, 5, 23, 160):
        world.put(speed(), ago_s=age_h * 3600)
    page = (await client.get(f"/devices/klaten-1?hours={hours}")).text.partition('class="plots"')[2]
    wanted = 3 if hours in {"7", "-1"} else shown  # a day, as the device is older than that
    assert len(marks_of(page, "download_goodput_bps")) == wanted


async def test_a_range_without_measurements_says_so(world: World, client: httpx.AsyncClient) -> None:
    world.put(speed(), ago_s=7200)
    assert (
        "Nothing was measured in this range" in (await client.get("/devices/klaten-1?hours=1&lang=en")).text
    )


async def test_an_unknown_device_gets_a_clear_page(client: httpx.AsyncClient) -> None:
    for path in ("/devices/none", "/devices/%3Cscript%3E", "/nothing", "/?page=2"):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "Halaman ini tidak ada" in answer.text
        assert "<script>" not in answer.text


async def test_bad_parameters_get_a_clear_page(client: httpx.AsyncClient) -> None:
    for path in ("/?page=x", "/?page=0", "/devices/klaten-1?hours=x"):
        answer = await client.get(path)
        assert answer.status_code == 422
        assert "Alamat ini meminta sesuatu yang tidak dapat ditampilkan" in answer.text


async def test_a_store_that_is_down_gets_a_calm_page_that_comes_back(
    world: World, client: httpx.AsyncClient
) -> None:
    world.store.down = True
    answer = await client.get("/devices/klaten-1")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "Tidak ada yang hilang" in answer.text
    assert "Traceback" not in answer.text


async def test_a_fault_of_ours_shows_no_stack_trace(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(world.store, "activity", broken)
    for path in ("/", "/api/v1/devices"):
        with capture_logs() as logs:
            answer = await client.get(path)
        assert [log["event"] for log in logs] == ["web.failed"]
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text


async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/", "/devices/none", "/api/v1/devices", "/healthz", "/static/live.js", "/static/none"):
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


async def test_pages_have_no_inline_script_or_style_and_load_nothing_foreign(
    world: World, client: httpx.AsyncClient
) -> None:
    world.put(speed(), ago_s=60)
    world.put(Device(cpu_ratio=0.5), ago_s=60)
    for path in ("/", "/devices/klaten-1", "/devices/none"):
        page = (await client.get(path)).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
        assert all(url.startswith("/") for url in re.findall(r'src="([^"]+)"', page))


async def test_a_page_without_news_is_answered_with_304(world: World, client: httpx.AsyncClient) -> None:
    world.put(speed(), ago_s=60)
    first = await client.get("/devices/klaten-1")
    again = await client.get("/devices/klaten-1", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    world.put(speed(), ago_s=1)
    fresh = await client.get("/devices/klaten-1", headers={"if-none-match": first.headers["etag"]})
    assert fresh.status_code == 200


async def test_static_files_named_by_a_page_exist(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    for url in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        assert (await client.get(url)).status_code == 200


async def test_a_long_overview_is_divided_into_pages(world: World, client: httpx.AsyncClient) -> None:
    world.register(*[f"k-{index:03d},{TEGALYOSO},2026-01-01T00:00:00+07:00,no" for index in range(120)])
    assert (await client.get("/?page=3")).text.count("data-device=") == 20
    assert (await client.get("/?page=4")).status_code == 404


def text(answer: httpx.Response) -> str:
    """Return a page's text, white space collapsed."""
    assert answer.status_code == 200
    words = re.sub(r"<[^>]+>", " ", answer.text.replace("&nbsp;", " ").replace("\N{NO-BREAK SPACE}", " "))
    return re.sub(r"\s+", " ", words)


def marks_of(page: str, name: str) -> list[dict[str, str]]:
    """Return the data attributes of everything that carries a value of the field."""
    tags = re.findall(rf'<[^>]*data-field="{name}"[^>]*>', page)
    return [
        {key.replace("-", "_"): value for key, value in re.findall(r'data-([\w-]+)="([^"]*)"', tag)}
        for tag in tags
    ]
