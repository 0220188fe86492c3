"""Whatever stands in an address, or in a form, the answer is a page or a problem: never a fault of ours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collector.web import served
from tests.collector.web.verdicts.places import FAILED, OCTOBER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from tests.collector.web.world import World

TEXT = st.text(max_size=30) | st.sampled_from(
    [
        "",
        "id",
        "33",
        "33.10",
        FAILED,
        OCTOBER,
        "2026-13",
        "9999-12",
        "-1",
        "1e9",
        "NaN",
        "../..",
        "%00",
        "'--",
    ]
)
PATHS = st.one_of(
    st.tuples(st.sampled_from(["areas", "villages", "devices"]), TEXT),
    st.tuples(st.just("areas"), TEXT, TEXT),
    st.tuples(st.just("villages"), TEXT, TEXT, TEXT),
    st.just(()),
)
NAMES = st.sampled_from(
    ["month", "sort", "page", "size", "name", "verdict", "provider", "technology", "done", "lang", "hours"]
)
QUERIES = st.lists(st.tuples(NAMES | st.text(max_size=8), TEXT), max_size=5)
FORM_FIELDS = st.dictionaries(
    st.sampled_from(["month", "by", "text", "from", "to", "what"]), TEXT, max_size=6
)
DEEDS = st.sampled_from(["objections", "objections/K1/answer", "maintenance", "maintenance/M1/withdraw"])
ANSWERED = {200, 303, 304, 307, 404, 405, 422}
SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


def answered(answer: httpx.Response) -> None:
    assert answer.status_code in ANSWERED, (answer.request.url, answer.status_code, answer.text[:200])
    assert "Traceback" not in answer.text


def test_no_address_is_a_fault(world: World, loop: asyncio.AbstractEventLoop) -> None:
    client = world.client()

    @SETTINGS
    @given(PATHS, QUERIES)
    def ask(parts: tuple[str, ...], query: list[tuple[str, str]]) -> None:
        path = "/" + "/".join(quote(part, safe="") for part in parts)
        answered(loop.run_until_complete(client.get(path, params=query)))

    ask()
    loop.run_until_complete(client.aclose())


def test_no_form_is_a_fault(world: World, loop: asyncio.AbstractEventLoop) -> None:
    """What an administrator may send, with the token of our own forms."""
    client = served.with_people(world).client()
    loop.run_until_complete(served.log_in(client, served.ADMIN))
    token = served.hidden(loop.run_until_complete(client.get("/")).text, "/logout")

    @SETTINGS
    @given(DEEDS, st.sampled_from([FAILED, "33.10", "x"]), FORM_FIELDS)
    def send(deed: str, code: str, fields: dict[str, str]) -> None:
        answered(loop.run_until_complete(client.post(f"/villages/{code}/{deed}", data={**fields, **token})))

    send()
    loop.run_until_complete(client.aclose())
