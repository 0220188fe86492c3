"""The JSON API: what is stored comes out as it is, within bounds, and errors are RFC 9457."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.web.world import NOW, S

from pantau_collector.storage.base import Batch, Delivery
from pantau_wire.fields import Latency, Speed

if TYPE_CHECKING:
    import httpx
    from tests.collector.web.world import World

SPEED = Speed(engine="http", download_goodput_bps=38.16e6, upload_goodput_bps=19.03e6)


async def test_devices_are_listed_with_place_and_counts(world: World, client: httpx.AsyncClient) -> None:
    world.put(SPEED, ago_s=60)
    body = (await client.get("/api/v1/devices")).json()
    assert body["next"] is None
    [device] = body["devices"]
    assert device["device"] == "klaten-1"
    assert device["status"] == "reporting"
    assert device["areas"]["village"] == {"code": "33.10.26.2008", "name": "Tegalyoso"}
    assert device["areas"]["province"] == {"code": "33", "name": "Jawa Tengah"}
    assert device["counts"] == {"speed": 1}
    assert device["last_time_ns"] == NOW - 60 * S


async def test_the_list_of_devices_can_be_read_in_parts(world: World, client: httpx.AsyncClient) -> None:
    world.register(*[f"k-{index},33.10.26.2008,2026-01-01T00:00:00Z,no" for index in range(5)])
    first = (await client.get("/api/v1/devices?limit=2")).json()
    second = (await client.get(f"/api/v1/devices?limit=10&after={first['next']}")).json()
    assert [one["device"] for one in first["devices"] + second["devices"]] == [
        f"k-{index}" for index in range(5)
    ]
    assert second["next"] is None


async def test_a_device_tells_what_became_of_every_sequence_number(
    world: World, client: httpx.AsyncClient
) -> None:
    for index in range(3):
        world.put(SPEED, ago_s=600 - index)
    extra = [
        Delivery("klaten-1", "s1", 4, 4, "rejected", NOW, "bad"),
        Delivery("klaten-1", "s1", 7, 8, "dropped", NOW, "spool_full"),
        Delivery("klaten-1", "s1", 9, 9, "received", NOW),
    ]
    world.store.write(Batch(deliveries=extra))
    body = (await client.get("/api/v1/devices/klaten-1")).json()
    assert body["spools"] == [
        {
            "spool": "s1",
            "stored": [[1, 3]],
            "received": [[1, 3], [9, 9]],
            "rejected": [[4, 4]],
            "dropped": [[7, 8]],
            "missing": [[5, 6], [9, 9]],
        }
    ]
    assert body["latest"]["speed"]["values"]["download_goodput_bps"] == 38.16e6
    assert body["latest"]["speed"]["seq"] == 3


async def test_points_come_out_as_stored_and_absent_ones_as_null(
    world: World, client: httpx.AsyncClient
) -> None:
    lost = Latency(target="testpoint", method="stamp", sent_count=20, received_count=0, rt_loss_ratio=1.0)
    record = world.put(lost, ago_s=5)
    body = (await client.get("/api/v1/devices/klaten-1/points/latency")).json()
    [point] = body["points"]
    assert (point["time_ns"], point["seq"], point["spool"]) == (record.time_ns, 1, "s1")
    assert point["values"]["rt_loss_ratio"] == 1.0
    assert point["values"]["rtd_p50_ms"] is None


async def test_points_are_bounded_by_time_and_number(world: World, client: httpx.AsyncClient) -> None:
    world.put_all(lambda _: SPEED, [50, 40, 30, 20, 10])
    url = "/api/v1/devices/klaten-1/points/speed"
    body = (await client.get(f"{url}?limit=2")).json()
    assert ([point["seq"] for point in body["points"]], body["truncated"]) == ([4, 5], True)
    oldest = body["points"][0]["time_ns"]
    rest = (await client.get(f"{url}?limit=9&until_ns={oldest}&since_ns={NOW - 40 * S}")).json()
    assert ([point["seq"] for point in rest["points"]], rest["truncated"]) == ([2, 3], False)


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/api/v1/devices/none", 404, "unknown device: neither the registry nor the store has it"),
        ("/api/v1/devices/klaten-1/points/magic", 404, "unknown kind: the kinds are traffic, latency"),
        ("/api/v1/devices/klaten-1/points/speed?limit=0", 422, "limit: "),
        ("/api/v1/devices/klaten-1/points/speed?limit=10001", 422, "limit: "),
        ("/api/v1/devices/klaten-1/points/speed?since_ns=-1", 422, "since_ns: "),
        ("/api/v1/devices/klaten-1/points/speed?until_ns=99999999999999999999", 422, "until_ns: "),
        ("/api/v1/devices?limit=1001", 422, "limit: "),
    ],
)
async def test_errors_are_problem_json(
    client: httpx.AsyncClient, path: str, status: int, detail: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["instance"] == path.partition("?")[0]
    assert body["detail"].startswith(detail)


async def test_unknown_paths_and_methods_are_problem_json_too(
    world: World, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/api/v1/none")).json()["title"] == "Not Found"
    assert (await client.post("/healthz")).json()["status"] == 405
    world.store.down = True
    answer = await client.get("/api/v1/devices")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_health_says_200_only_when_all_is_well(world: World, client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200
    world.health.update(status="degraded", broker=False)
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "degraded", "broker": False})


async def test_metrics_are_prometheus_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.text == "pantau_up 1\n"
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
