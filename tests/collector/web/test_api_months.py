"""The read API over a real store: months, areas, the present; and what is filed through it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tests.collector.months import world as months_world
from tests.collector.web import served
from tests.collector.web.present import present
from tests.collector.web.world import HEADER, NOW, S, World

from pantau_collector.access import tokens
from pantau_collector.access.book import Book
from pantau_collector.config import WebConfig
from pantau_collector.registry import areas
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx

    from pantau_collector.access.model import Scope

VILLAGE, MONTH = "33.10.01.2002", "2026-08"
DAY = 86_400 * S


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("api")
    registry = folder / "devices.csv"
    rows = (f"desa-{code},{code},2025-01-01T00:00:00+07:00,yes\n" for code in months_world.VILLAGES)
    registry.write_text(HEADER + "".join(rows))
    with contextlib.closing(SqliteStore(folder / "pantau.db")) as store:
        months = months_world.filled(store)
        store.write_series(list(present(VILLAGE, "desa-1")))
        yield World(store, registry, WebConfig(access_path=folder / "access.db"), months=months)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client() as client:
        yield client


async def body(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def plain(thing: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(thing))


async def test_verdicts_are_what_the_reader_says_page_by_page(world: World, client: httpx.AsyncClient):
    """Pages of any size add up to all villages, each once, in order; the filter takes only its own."""
    assert world.months is not None
    every = plain(world.months.villages(MONTH, "33.10"))
    for area in ("id", "33", "33.10"):
        for limit in (1, 4, 1000):
            found: list[Any] = []
            after: str | None = ""
            while after is not None:
                page = await body(client, f"/verdicts?month={MONTH}&area={area}&limit={limit}&after={after}")
                found, after = found + page["verdicts"], page["next"]
            assert found == every
    failed = await body(client, f"/verdicts?month={MONTH}&verdict=fail")
    assert [one["code"] for one in failed["verdicts"]] == [
        one["code"] for one in every if one["verdict"] == "fail"
    ]
    assert (await body(client, f"/verdicts?month={MONTH}&area=33.10.02"))["verdicts"] == every[3:]


async def test_what_a_verdict_rests_on_is_all_there(world: World, client: httpx.AsyncClient):
    """Line, metrics, outages, tests and days of a village are those of the reader."""
    assert world.months is not None
    evidence = world.months.evidence(MONTH, VILLAGE)
    assert evidence is not None
    address = f"/villages/{VILLAGE}/months/{MONTH}"
    verdict = await body(client, address)
    assert verdict["line"] == plain(evidence.line)
    assert verdict["report"] == plain(evidence.report)
    assert (await body(client, f"{address}/outages"))["outages"] == plain(evidence.outages)
    assert (await body(client, f"{address}/tests"))["tests"] == plain(evidence.tests)
    assert (await body(client, f"{address}/days"))["days"] == plain(evidence.days)


async def test_months_of_areas_and_their_trends(client: httpx.AsyncClient):
    """An area is named in bodies as it is in addresses, the nation by `id`."""
    assert (await body(client, "/months"))["months"] == list(months_world.MONTHS[::-1])
    found = await body(client, f"/areas/id/months/{MONTH}")
    assert (found["area"]["code"], [one["code"] for one in found["children"]]) == ("id", ["33"])
    assert found["area"]["counts"] == {
        "passed": 1, "failed": 3, "inconclusive": 1, "insufficient_data": 1,
    }  # fmt: skip
    for address, months in (("/areas/id/months?limit=2", 2), (f"/villages/{VILLAGE}/months", 3)):
        trend = (await body(client, address))["months"]
        assert [one["month"] for one in trend] == list(months_world.MONTHS[-months:])


async def test_areas_are_found_by_name_and_by_the_area_around_them(client: httpx.AsyncClient):
    """A search says the best first; without words the areas inside are listed, in pages that add up."""
    [best, *_] = (await body(client, "/areas?search=klaten&level=regency"))["areas"]
    assert best["name"] == "Kabupaten Klaten"
    assert best["parents"] == [{"code": "33", "name": "Jawa Tengah"}]
    for question in ("parent=33.10", "search=sari&parent=33.10"):
        whole = (await body(client, f"/areas?{question}&limit=1000"))["areas"]
        found: list[Any] = []
        after: str | None = ""
        while after is not None:
            page = await body(client, f"/areas?{question}&limit=7&after={after}")
            found, after = found + page["areas"], page["next"]
        assert found == whole
        assert len(found) > 7
    assert len((await body(client, "/areas"))["areas"]) == len(areas.provinces())
    villages = (await body(client, "/villages?area=33.10.01"))["villages"]
    assert [one["code"] for one in villages] == list(months_world.VILLAGES)[:3]
    village = await body(client, f"/villages/{VILLAGE}")
    assert [one["device"] for one in village["devices"]] == [f"desa-{VILLAGE}"]


async def test_the_present_is_the_newest_rows(client: httpx.AsyncClient):
    """Silence, figures, alerts and surges as the analysis wrote them last."""
    village = await body(client, f"/villages/{VILLAGE}/state")
    assert village["silent_minutes"] == 2.0
    assert village["figures"]["rtd_p50_ms"] == 31.5
    assert [alert["alert"] for alert in village["alerts"]] == ["link_down"]
    area = await body(client, "/areas/33/state")
    assert [one["code"] for one in area["regencies"]] == ["33.10"]
    assert area["alerts"] == {"link_down": 1}
    for address in ("/areas/id/surges", f"/villages/{VILLAGE}/surges"):
        [surge] = (await body(client, address))["surges"]
        assert (surge["village"], surge["direction"], surge["figures"]["score"]) == (VILLAGE, "rx", 6.5)


async def test_what_is_old_is_not_the_present(world: World):
    """Rows from before the collector stopped are no state of now."""
    async with world.with_clock(NOW + 7200 * S).client() as client:
        village = await body(client, f"/villages/{VILLAGE}/state")
        assert (village["silent_minutes"], village["figures"], village["alerts"]) == (None, {}, [])


async def test_who_has_the_answer_already_gets_304(client: httpx.AsyncClient):
    """A tag per answer; closed months may be kept for an hour, open ones and the present not."""
    path = f"/api/v1/areas/33.10/months/{MONTH}"
    first = await client.get(path)
    again = await client.get(path, headers={"if-none-match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "private, max-age=3600"
    for open_one in (f"/verdicts?month={MONTH}", f"/villages/{VILLAGE}/state"):
        assert (await client.get(f"/api/v1{open_one}")).headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/areas/33.99", 404, "No area has the code '33.99'"),
        ("/areas/klaten", 422, "code: "),
        ("/areas/33.10.01.2001/months", 422, "code: "),
        (f"/areas/34/months/{MONTH}", 404, "Nothing is known of 34 in 2026-08"),
        ("/areas/33/months/2031-01", 404, "The month 2031-01 has not begun"),
        ("/areas/33/months/2026-13", 422, "month: "),
        ("/villages/33.10.01.9999/months", 404, "No area has the code '33.10.01.9999'"),
        ("/verdicts", 422, "month: Field required"),
        (f"/verdicts?month={MONTH}&limit=100000", 422, "limit: "),
        (f"/verdicts?month={MONTH}&limit=many", 422, "limit: "),
        (f"/verdicts?month={MONTH}&verdict=good", 422, "verdict: "),
        (
            f"/verdicts?month={MONTH}&verdikt=fail",
            422,
            "unknown parameter 'verdikt': this address knows after",
        ),
        ("/areas?parent=33.10&after=34.01", 404, "after: 34.01 is not on this list"),
        (f"/villages/{VILLAGE}/surges?since_ns=-1", 422, "since_ns: "),
        ("/nothing", 404, "there is nothing at this address"),
    ],
)
async def test_bad_input_is_a_problem_that_says_what_is_wrong(
    client: httpx.AsyncClient, path: str, status: int, detail: str
):
    """RFC 9457, whatever is wrong; nothing is answered for a filter that nobody knows."""
    answer = await client.get(f"/api/v1{path}")
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert problem["detail"].startswith(detail), problem
    assert problem.keys() >= {"type", "title", "status", "detail", "instance"}
    assert problem["status"] == status


async def test_the_description_has_every_operation_with_body_errors_and_scheme(client: httpx.AsyncClient):
    """What is not described cannot be built on."""
    described = (await client.get("/api/v1/openapi.json")).json()
    assert described["security"] == [{"token": []}]
    assert {"GET /api/v1/verdicts", "POST /api/v1/objections"} <= {
        f"{method.upper()} {path}" for path, item in described["paths"].items() for method in item
    }
    for item in described["paths"].values():
        for operation in item.values():
            assert operation["tags"]
            assert operation["description"]
            answers = operation["responses"]
            assert answers["422"]["content"].keys() == {"application/problem+json"}
            success = answers.get("200") or answers.get("201")
            if success:
                name = success["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert described["components"]["schemas"][name]["description"]


@contextlib.asynccontextmanager
async def programs(world: World) -> AsyncIterator[dict[Scope, httpx.AsyncClient]]:
    """Yield clients with a token each, of a portal that has accounts."""
    guarded = served.with_people(world)
    now = NOW // S
    async with contextlib.AsyncExitStack() as stack:
        found: dict[Scope, httpx.AsyncClient] = {}
        scopes: tuple[Scope, ...] = ("read", "admin")
        for scope in scopes:
            with contextlib.closing(Book(world.web.access_path)) as book:
                token = tokens.add(book, scope, scope, ends_at=now + 60, who="test", now=now)
            found[scope] = await stack.enter_async_context(guarded.client())
            found[scope].headers["authorization"] = f"Bearer {token}"
        yield found
    world.web.access_path.unlink()


async def test_an_objection_is_filed_answered_once_and_listed(world: World):
    """By a token of the scope admin only; each mistake is a problem, and nothing is kept of it."""
    new = {"village": VILLAGE, "month": MONTH, "by": "PT Bintang", "text": "Kabel diputus orang."}
    async with programs(world) as clients:
        admin, reader = clients["admin"], clients["read"]
        assert (await reader.post("/api/v1/objections", json=new)).status_code == 403
        filed = await admin.post("/api/v1/objections", json=new)
        assert filed.status_code == 201
        objection = filed.json()
        assert {key: objection[key] for key in new} == new
        listed = (await reader.get(filed.headers["location"])).json()
        assert listed["objections"] == [objection]
        for wrong, status in (
            (new | {"village": "33.10.01.9999"}, 404),
            (new | {"month": "2031-01"}, 404),
            (new | {"by": "a\nb"}, 422),
            (new | {"text": " "}, 422),
            (new | {"weight": 1}, 422),
            ({"village": VILLAGE}, 422),
        ):
            answer = await admin.post("/api/v1/objections", json=wrong)
            assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
        assert (await admin.post("/api/v1/objections", content=b"{", headers=JSON)).status_code == 422
        assert (await admin.post("/api/v1/objections", data=new)).status_code == 415
        address = f"/api/v1/objections/{objection['number']}/answer"
        said = {"by": "Dinas Kominfo", "text": "Ditolak."}
        answered = await admin.post(address, json=said)
        assert (answered.status_code, answered.json()["answer"]) == (201, "Ditolak.")
        assert (await admin.post(address, json=said)).status_code == 409
        assert (await admin.post("/api/v1/objections/K0/answer", json=said)).status_code == 404
        evidence = (await reader.get(f"/api/v1/villages/{VILLAGE}/months/{MONTH}")).json()
        assert [one["answer"] for one in evidence["objections"]] == ["Ditolak."]


async def test_maintenance_is_announced_told_whether_it_counts_and_withdrawn(world: World):
    """The rules of the definition: a day's notice, eight hours a month; kept and said in any case."""
    new = {
        "area": VILLAGE,
        "from_ns": NOW + 3 * DAY,
        "minutes": 300,
        "by": "PT Bintang",
        "what": "Ganti kabel",
    }
    async with programs(world) as clients:
        admin, reader = clients["admin"], clients["read"]
        assert (await reader.post("/api/v1/maintenance", json=new)).status_code == 403
        shortfalls = []
        for change in ({}, {"from_ns": NOW + DAY // 2}, {"from_ns": NOW + 5 * DAY}):
            answer = await admin.post("/api/v1/maintenance", json=new | change)
            assert answer.status_code == 201
            shortfalls.append(answer.json()["shortfall"])
        assert shortfalls == ["", "late", "too_much"]
        listed = (await reader.get("/api/v1/maintenance?area=33.10.01")).json()["maintenance"]
        assert [one["from_ns"] for one in listed] == sorted(one["from_ns"] for one in listed)
        assert len(listed) == 3
        assert (await reader.get("/api/v1/maintenance?area=34")).json()["maintenance"] == []
        number = listed[-1]["number"]
        by = {"by": "PT Bintang"}
        assert (await admin.post(f"/api/v1/maintenance/{number}/withdraw", json=by)).status_code == 201
        assert (await admin.post(f"/api/v1/maintenance/{number}/withdraw", json=by)).status_code == 404
        for wrong, status in (
            (new | {"area": "33.10.01.9999"}, 404),
            (new | {"area": "id"}, 422),
            (new | {"minutes": 0}, 422),
            (new | {"what": ""}, 422),
        ):
            assert (await admin.post("/api/v1/maintenance", json=wrong)).status_code == status


async def test_a_browser_cannot_write_whoever_sits_at_it(world: World):
    """A foreign page could send an administrator's cookie along: only a token writes."""
    new = {"village": VILLAGE, "month": MONTH, "by": "x", "text": "y"}
    guarded = served.with_people(world)
    try:
        async with guarded.client() as client:
            await served.log_in(client, served.ADMIN)
            answer = await client.post("/api/v1/objections", json=new)
            assert (answer.status_code, answer.json()["detail"]) == (
                403,
                "a token of the scope admin is wanted",
            )
    finally:
        world.web.access_path.unlink()


async def test_a_program_may_keep_what_a_browser_may_not(world: World):
    """Answers to a person stay in no cache; a token's program is told how long it may keep them."""
    path = f"/api/v1/areas/33.10/months/{MONTH}"
    async with programs(world) as clients:
        answer = await clients["read"].get(path)
        assert answer.headers["cache-control"] == "private, max-age=3600"
        again = await clients["read"].get(path, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
        async with served.with_people(world).client() as client:
            await served.log_in(client)
            assert (await client.get(path)).headers["cache-control"] == "no-store"


JSON = {"content-type": "application/json"}


async def test_allow_names_every_method_of_an_address(client: httpx.AsyncClient):
    """RFC 9110: a client that used the wrong one learns all that there are."""
    assert (await client.request("OPTIONS", "/healthz")).headers["allow"] == "GET"
    answer = await client.head("/api/v1/objections")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
