"""Traffic surges as people see them: by area, in words, with a plot, in both languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.collector.web.world import NOW, TEGALYOSO, S

from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    import httpx
    from tests.collector.web.world import World

BIN_NS = 300 * S
OTHER = "73.71.09.1001"
_NORMAL: dict[str, float | int | bool | str] = {
    "score": 0.0,
    "cusum": 0.0,
    "ratio": 1.0,
    "rate_bps": 1e7,
    "baseline_bps": 1e7,
    "baseline_low_bps": 6e6,
    "baseline_high_bps": 1.65e7,
    "regional_ratio": 1.0,
    "regional_score": 0.0,
    "utilization_ratio": 0.2,
    "state": "normal",
}


def surge(village: str = TEGALYOSO, direction: str = "rx", bins_ago: int = 1, **values: object) -> SeriesRow:
    time_ns = (NOW // BIN_NS - bins_ago) * BIN_NS
    return SeriesRow("surge", (*area_tags(village), direction), time_ns, {**_NORMAL, **values})  # type: ignore[dict-item]


SURGING = {
    "score": 6.1,
    "ratio": 3.4,
    "rate_bps": 3.4e7,
    "utilization_ratio": 0.68,
    "state": "surge",
    "since_s": float(NOW // S - 1800),
}


def lines(village: str = TEGALYOSO, **values: float) -> SeriesRow:
    row = {"device_count": 1, "rtd_p50_ms": 20.0, "sent_count": 300, "received_count": 300, **values}
    return SeriesRow("village_5m", area_tags(village), (NOW // BIN_NS - 1) * BIN_NS, row)


def text(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    body = response.text[response.text.index("<main") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).replace("\N{NO-BREAK SPACE}", " ")


async def test_a_surge_is_told_in_words_of_both_languages(world: World, client: httpx.AsyncClient) -> None:
    """How much, since when, whether the regency shows it, and whether users feel it."""
    world.store.write_series([surge(**SURGING), surge(direction="tx"), lines()])
    shown = text(await client.get("/surges"))
    for said in (
        "1 desa melonjak",
        "Tegalyoso",
        "3,4\N{MULTIPLICATION SIGN}",
        "34,00 Mbit/s",
        "6,00 Mbit/s sampai 16,50 Mbit/s",
        "30 menit yang lalu",
        "Desa lain di kabupaten seperti biasa.",
        "Pengguna tidak merasakannya: waktu tunda 20 ms, paket hilang 0%, 68% dari laju kontrak terpakai.",
    ):
        assert said in shown
    english = text(await client.get(f"/surges/{TEGALYOSO}?lang=en"))
    assert (
        "The village receives 34.00 Mbit/s; at this hour 6.00 Mbit/s to 16.50 Mbit/s are normal: 3.4 times"
        " the usual. It has lasted for 30 minutes, since 22 Nov 2026 12:00:00 WIB." in english
    )


async def test_what_users_feel_is_told_apart(world: World, client: httpx.AsyncClient) -> None:
    """Utilisation above 70%, and delay and loss out of bounds; each with its bound."""
    world.store.write_series(
        [surge(**SURGING | {"utilization_ratio": 0.9}), lines(rtd_p50_ms=180.0, received_count=290)]
    )
    shown = text(await client.get("/surges?lang=en"))
    assert "Felt by users" in shown
    assert (
        "Users feel it: 90% of the contracted rate is in use, the delay is 180 ms, more than 100 ms, 3.33% of"
        " the packets are lost, more than 1%." in shown
    )


async def test_an_area_shows_its_own(world: World, client: httpx.AsyncClient) -> None:
    """A filter by area; a regency that surges as a whole is told once, and no village of it."""
    world.register(
        f"klaten-1,{TEGALYOSO},2026-01-01T00:00:00+07:00,yes",
        f"makassar-1,{OTHER},2026-01-01T00:00:00+08:00,yes",
    )
    world.store.write_series([surge(**SURGING), surge(OTHER, regional_score=5.0, regional_ratio=2.2)])
    everywhere = text(await client.get("/surges?lang=en"))
    assert "Surge in the whole of Kota Makassar" in everywhere
    assert "Half of the villages of Kota Makassar" in everywhere
    assert "Tegalyoso" in everywhere
    makassar = text(await client.get("/surges?lang=en&area=73.71"))
    assert "Tegalyoso" not in makassar
    assert "No surge now" in makassar
    klaten = await client.get("/surges?lang=en&area=33.10")
    assert "Kota Makassar 2.2" not in text(klaten)
    assert '<option value="33.10" selected' in klaten.text
    assert (await client.get("/surges?area=99.99")).status_code == 404


async def test_a_village_has_a_plot_and_a_table(world: World, client: httpx.AsyncClient) -> None:
    """Band, rate, scores and surges of the past, without a script; a gap stays a gap."""
    rows = [surge(bins_ago=ago) for ago in range(2, 200) if not 50 < ago < 80]
    since = {"since_s": float(NOW // S - 100 * 300)}
    rows += [surge(bins_ago=ago, **SURGING | since) for ago in range(90, 100)]
    world.store.write_series([*rows, surge(state="learning", learning_days_left=3, direction="tx")])
    page = await client.get(f"/surges/{TEGALYOSO}?lang=en")
    assert len(re.findall(r'class="line s1" d="M[1-5]', page.text)) == 2
    assert page.text.count("mark-surge") >= 10
    shown = text(page)
    assert "22 Nov 04:10:00" in shown
    assert "Learning: 3 more days of history are needed before there are scores." in shown


async def test_nothing_is_told_where_nothing_is_known(client: httpx.AsyncClient) -> None:
    """An empty store, a village without rows, a code that nobody has."""
    assert "Belum ada yang dinilai" in text(await client.get("/surges"))
    assert "Belum ada yang dinilai dalam rentang ini" in text(await client.get(f"/surges/{TEGALYOSO}"))
    assert (await client.get("/surges/33.10.26.9999")).status_code == 404
