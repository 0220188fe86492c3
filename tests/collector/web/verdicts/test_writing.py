"""Objections and maintenance, filed on a village's page by administrators, with forms of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.collector.web import served
from tests.collector.web.served import ADMIN, READER
from tests.collector.web.verdicts.places import FAILED, OCTOBER

from pantau_collector.months import maintenance, objections

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from tests.collector.web.world import World

PAGE = f"/villages/{FAILED}"
FORMS = ("objections", "objections/K1/answer", "maintenance", "maintenance/M1/withdraw")


@pytest.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with served.with_people(world).client() as client:
        assert (await served.log_in(client, ADMIN)).status_code == 303
        yield client


async def send(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Fill in one of the page's forms, with its hidden fields."""
    page = (await client.get(f"{PAGE}?month={OCTOBER}")).text
    return await client.post(f"{PAGE}/{path}", data={**served.hidden(page, f"{PAGE}/{path}"), **fields})


async def test_an_objection_is_filed_and_answered(world: World, admin: httpx.AsyncClient) -> None:
    answer = await send(admin, "objections", by="ISP Merapi", text="Kabel <putus>.")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{PAGE}?month={OCTOBER}&done=filed#objections"
    assert "Keberatan sudah diajukan." in (await admin.get(answer.headers["location"])).text
    (filed,) = objections.listed(world.store, FAILED)
    assert (filed.by, filed.text, filed.month) == ("ISP Merapi", "Kabel <putus>.", OCTOBER)
    form = served.hidden((await admin.get(PAGE)).text, f"{PAGE}/objections")
    answer = await admin.post(f"{PAGE}/objections/{filed.number}/answer", data={**form, "text": "Ya."})
    assert answer.headers["location"].endswith("done=answered#objections")
    (answered,) = objections.listed(world.store, FAILED)
    assert (answered.answered_by, answered.answer) == (ADMIN, "Ya.")


@pytest.mark.parametrize(
    ("hours", "done", "said"),
    [
        (("2026-11-25T02:00", "2026-11-25T04:00"), "announced", "Pemeliharaan sudah diumumkan."),
        (("2026-11-22T20:00", "2026-11-22T21:00"), "late", "tidak diumumkan cukup awal"),
        (("2026-11-25T02:00", "2026-11-25T12:00"), "too_much", "batas bulan ini tercapai"),
    ],
)
async def test_maintenance_is_announced_and_says_whether_it_counts(
    world: World, admin: httpx.AsyncClient, hours: tuple[str, str], done: str, said: str
) -> None:
    fields = {"from": hours[0], "to": hours[1], "by": "ISP Merapi", "what": "ganti kabel"}
    answer = await send(admin, "maintenance", **fields)
    assert answer.headers["location"] == f"{PAGE}?month={OCTOBER}&done={done}#maintenance"
    assert said in (await admin.get(answer.headers["location"])).text
    (kept,) = maintenance.standing(world.store)
    assert (kept.area, kept.what, kept.announced_ns) == (FAILED, "ganti kabel", world.now_ns)
    if done == "announced":
        form = served.hidden((await admin.get(PAGE)).text, f"{PAGE}/maintenance")
        answer = await admin.post(f"{PAGE}/maintenance/{kept.number}/withdraw", data=form)
        assert answer.headers["location"].endswith("done=withdrawn#maintenance")
        assert maintenance.standing(world.store) == []


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("objections", {"by": "", "text": "x"}, "sebutkan siapa"),
        ("objections", {"by": "x", "text": "y", "month": "2026-13"}, "bukan bulan"),
        ("maintenance", {"from": "kemarin", "to": "2026-12-01T02:00"}, "&#39;kemarin&#39; bukan waktu"),
        (
            "maintenance",
            {"from": "2026-12-01T02:00", "to": "2026-12-01T02:00"},
            "harus selesai setelah mulai",
        ),
    ],
)
async def test_what_makes_no_sense_is_said_and_not_kept(
    world: World, admin: httpx.AsyncClient, path: str, fields: dict[str, str], said: str
) -> None:
    answer = await send(admin, path, **fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert maintenance.standing(world.store) == []
    assert objections.listed(world.store) == []


async def test_only_administrators_write_and_only_with_a_form_of_ours(world: World) -> None:
    guarded = served.with_people(world)
    async with guarded.client() as client:
        for path in FORMS:
            assert (await client.post(f"{PAGE}/{path}", data={"csrf": "x"})).status_code in (303, 403)
        await served.log_in(client, READER)
        page = (await client.get(PAGE)).text
        assert not re.search(rf'action="{PAGE}', page)
        token = served.hidden(page, "/logout")
        for path in FORMS:
            assert (await client.post(f"{PAGE}/{path}", data=token)).status_code == 403
    async with guarded.client() as client:
        await served.log_in(client, ADMIN)
        for path in FORMS:
            assert (await client.post(f"{PAGE}/{path}", data={"csrf": "x"})).status_code == 403
    async with world.client() as client:
        assert objections.listed(world.store) == []
