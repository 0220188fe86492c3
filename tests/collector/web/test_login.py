"""Login over real HTTP: what it takes to come in, what a session may and what ends it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.collector.web import served
from tests.collector.web.served import ADMIN, PASSWORD, READER, hidden, log_in
from tests.collector.web.world import NOW, S

from pantau_collector.access import people, tokens
from pantau_collector.access.book import Book
from pantau_collector.web.forms import safe_next

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from tests.collector.web.world import World

PAGES = ("/", "/devices/klaten-1", "/access", "/nonsense")
DATA = ("/api/v1/devices", "/api/v1/devices/klaten-1", "/api/v1/openapi.json", "/api/v1/access/tokens")


@pytest.fixture
def guarded(world: World) -> World:
    return served.with_people(world)


@pytest.fixture
async def visitor(guarded: World) -> AsyncIterator[httpx.AsyncClient]:
    async with served.running(guarded) as url, served.browser(url) as client:
        yield client


def token(world: World, scope: str = "read", *, days: int = 1) -> dict[str, str]:
    now = NOW // S
    made = tokens.add(
        Book(world.web.access_path),
        f"program-{scope}",
        scope,
        ends_at=now + days * 86_400,
        who="test",
        now=now,
    )
    return {"authorization": f"Bearer {made}"}


async def test_nothing_is_shown_to_strangers(visitor: httpx.AsyncClient):
    """People are sent to the login and come back to where they wanted to go; programs are told 401."""
    for path in PAGES:
        answer = await visitor.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
        assert "klaten" not in answer.text
    for path in DATA:
        answer = await visitor.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="pantau"')
        assert answer.json()["title"] == "Unauthorized"
    for path in ("/healthz", "/login", "/static/style.css", "/metrics"):
        assert (await visitor.get(path)).status_code == 200


async def test_a_person_comes_in_sees_and_leaves(visitor: httpx.AsyncClient):
    """Name and password open a session; the logout ends it on the server, not only in the browser."""
    answer = await log_in(visitor, then="/devices/klaten-1?hours=6")
    assert (answer.status_code, answer.headers["location"]) == (303, "/devices/klaten-1?hours=6")
    page = await visitor.get("/")
    assert page.status_code == 200
    assert READER in page.text
    assert page.headers["cache-control"] == "no-store"
    assert (await visitor.get("/api/v1/devices")).status_code == 200
    kept = dict(visitor.cookies)
    left = await visitor.post("/logout", data=hidden(page.text, "/logout"))
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert "pantau-session" not in visitor.cookies
    visitor.cookies.update(kept)
    assert (await visitor.get("/")).status_code == 303


async def test_the_session_is_a_new_one_at_each_login(visitor: httpx.AsyncClient):
    """An id that was there before the login, planted or old, is worth nothing after it."""
    visitor.cookies.set("pantau-session", "0123456789abcdef_planted", domain="127.0.0.1")
    await log_in(visitor)
    first = visitor.cookies["pantau-session"]
    assert "planted" not in first
    assert (await visitor.get("/login")).status_code == 303  # logged in: nothing to ask
    await visitor.post("/logout", data=hidden((await visitor.get("/")).text, "/logout"))
    await log_in(visitor)
    assert visitor.cookies["pantau-session"] != first


async def test_cookies_are_kept_from_scripts_and_other_sites(visitor: httpx.AsyncClient):
    """HttpOnly and SameSite always; by plain HTTP on loopback there is no Secure, or no login would work."""
    answer = await log_in(visitor)
    session, form = answer.headers.get_list("set-cookie")
    for cookie in (session, form):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
    assert "Secure" not in session


@pytest.mark.parametrize("name", [READER, "nobody", "", "x" * 3000, "'; DROP TABLE people; --", "\0"])
async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    visitor: httpx.AsyncClient, name: str
):
    """Nobody learns who has an account: status, text and headers are the same."""
    with capture_logs() as logs:
        answer = await log_in(visitor, name, "wrong password")
        reference = await log_in(visitor, "reference", "wrong password")
    assert (answer.status_code, answer.text) == (reference.status_code, reference.text)
    assert answer.status_code == 403
    assert "Nama atau kata sandi salah." in answer.text
    assert {log["event"] for log in logs} == {"portal.login_failed"}
    assert "wrong password" not in str(logs)
    assert name not in str(logs) or not name


async def test_guesses_are_slowed_down(guarded: World):
    """After five wrong guesses even the right password waits; the answer says how long, in both languages."""
    async with served.running(guarded) as url, served.browser(url) as client:
        statuses = [403]
        while statuses[-1] == 403:
            statuses.append((await log_in(client, READER, f"guess number {len(statuses)}")).status_code)
        assert statuses[-1] == 429
        assert 5 <= statuses[1:].count(403) < 10
        right = await log_in(client, READER, PASSWORD)
        assert right.status_code == 429
        assert 1 <= int(right.headers["retry-after"]) <= 30
        assert "Terlalu banyak percobaan" in right.text
        page = await client.get("/login?lang=en")
        english = await client.post(
            "/login", data={**hidden(page.text), "name": READER, "password": PASSWORD}
        )
        assert "Too many attempts. Please wait" in english.text
        assert (await log_in(client, ADMIN)).status_code == 303  # another account is not held up


async def test_a_form_that_is_not_ours_does_nothing(visitor: httpx.AsyncClient):
    """Every route that changes something wants the token of this very browser."""
    page = await visitor.get("/login")
    fields = {"name": READER, "password": PASSWORD}
    for data in (fields, {**fields, "csrf": ""}, {**fields, "csrf": "0" * 64}, {**fields, "csrf": "\u00e9"}):
        answer = await visitor.post("/login", data=data)
        assert answer.status_code == 403
        assert "Halaman ini terbuka terlalu lama" in answer.text
    visitor.cookies.clear()
    foreign = await visitor.post("/login", data={**fields, **hidden(page.text)})
    assert foreign.status_code == 403
    await log_in(visitor, ADMIN)
    for path in ("/logout", "/access/tokens/x/revoke", f"/access/people/{READER}/log-out"):
        for data in ({"x": "1"}, {"csrf": hidden(page.text)["csrf"]}):
            assert (await visitor.post(path, data=data)).status_code == 403
    assert (await visitor.get("/access")).status_code == 200


async def test_no_route_that_changes_something_is_left_out(guarded: World):
    """The routes with POST are those that the test above tries, and DELETE wants a token."""
    app = guarded.app._app._app  # within headers and gate
    routers = [getattr(one, "original_router", None) for one in app.routes]
    routes = [*app.routes, *(route for router in routers if router is not None for route in router.routes)]
    found = {(method, route.path) for route in routes for method in getattr(route, "methods", None) or ()}
    assert {path for method, path in found if method == "GET"} >= {"/", "/healthz", "/login"}
    assert {(method, path) for method, path in found if method not in ("GET", "HEAD")} == {
        ("POST", "/login"),
        ("POST", "/logout"),
        ("POST", "/access/tokens/{token}/revoke"),
        ("POST", "/access/people/{name}/log-out"),
        ("DELETE", "/api/v1/access/tokens/{token}"),
    }


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.example",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        " //evil.example",
        "/login?next=//evil.example",
        "/logout",
        "/" + "x" * 2000,
    ],
)
def test_the_way_on_never_leads_elsewhere(asked: str):
    """After the login one goes to a page of ours."""
    assert safe_next(asked) == "/"
    assert safe_next("/devices/a?hours=6") == "/devices/a?hours=6"


async def test_a_session_ends_when_it_is_not_used(guarded: World):
    """An hour without a click ends it; a page that refreshes itself is no click."""
    async with served.running(guarded) as url, served.browser(url) as client:
        await log_in(client)
        for minutes in (30, 59):
            guarded.now_ns = NOW + minutes * 60 * S
            assert (await client.get("/", headers={"x-pantau-live": "1"})).status_code == 200
        guarded.now_ns = NOW + 60 * 60 * S
        assert (await client.get("/")).status_code == 303


async def test_what_is_taken_from_a_person_counts_at_once(guarded: World, visitor: httpx.AsyncClient):
    """A removed person is out with the next click, and so is somebody with a new password."""
    await log_in(visitor)
    assert (await visitor.get("/")).status_code == 200
    people.remove(Book(guarded.web.access_path), READER, who="test", now=0)
    assert (await visitor.get("/")).status_code == 303


async def test_administrators_see_accounts_and_readers_do_not(guarded: World, visitor: httpx.AsyncClient):
    """The scope `read` opens pages and data, not the accounts."""
    await log_in(visitor)
    assert (await visitor.get("/access")).status_code == 403
    assert (await visitor.get("/api/v1/access/tokens")).status_code == 403
    assert 'href="/access"' not in (await visitor.get("/")).text
    reading = token(guarded)
    visitor.cookies.clear()
    assert (await visitor.get("/api/v1/devices", headers=reading)).status_code == 200
    assert (await visitor.get("/metrics", headers=reading)).status_code == 200
    assert (await visitor.get("/api/v1/access/tokens", headers=reading)).status_code == 403
    assert (await visitor.delete("/api/v1/access/tokens/x", headers=reading)).status_code == 403


async def test_an_administrator_revokes_a_token_in_the_browser(guarded: World, visitor: httpx.AsyncClient):
    """A click on the page ends a token at once; the journal names who did it."""
    reading = token(guarded)
    await log_in(visitor, ADMIN)
    page = (await visitor.get("/access")).text
    assert "program-read" in page
    assert reading["authorization"].split("_", 2)[2] not in page  # the secret
    action = re.search(r'action="(/access/tokens/\w+/revoke)"', page)
    assert action is not None
    done = await visitor.post(action[1], data=hidden(page, action[1]))
    assert (done.status_code, done.headers["location"]) == (303, "/access")
    stranger = await visitor.get("/api/v1/devices", headers=reading)
    assert stranger.status_code == 401
    assert re.search(rf"{ADMIN}</td><td>mencabut token program-read", (await visitor.get("/access")).text)
    again = await visitor.post(action[1], data=hidden(page, action[1]))
    assert again.status_code == 404


async def test_an_administrator_logs_somebody_out(guarded: World, visitor: httpx.AsyncClient):
    """A lost laptop's session is ended from afar."""
    async with served.browser(str(visitor.base_url)) as lost:
        await log_in(lost)
        await log_in(visitor, ADMIN)
        page = (await visitor.get("/access")).text
        action = f"/access/people/{READER}/log-out"
        assert (await visitor.post(action, data=hidden(page, action))).status_code == 303
        assert (await lost.get("/")).status_code == 303
        assert (
            await visitor.post("/access/people/none/log-out", data=hidden(page, action))
        ).status_code == 404


async def test_a_program_revokes_tokens_by_a_token_only(guarded: World, visitor: httpx.AsyncClient):
    """DELETE is for administrators' tokens; a browser's session does not do."""
    reading, admin = token(guarded), token(guarded, "admin")
    listed = (await visitor.get("/api/v1/access/tokens", headers=admin)).json()["tokens"]
    assert [(one["name"], one["scope"]) for one in listed] == [
        ("program-read", "read"),
        ("program-admin", "admin"),
    ]
    assert "digest" not in listed[0]
    path = f"/api/v1/access/tokens/{listed[0]['id']}"
    await log_in(visitor, ADMIN)
    assert (await visitor.delete(path)).status_code == 403
    assert (await visitor.delete(path, headers=admin)).status_code == 204
    assert (await visitor.delete(path, headers=admin)).status_code == 404
    assert (await visitor.get("/api/v1/devices", headers=reading)).status_code == 401


async def test_a_wrong_token_is_not_made_good_by_a_session(guarded: World, visitor: httpx.AsyncClient):
    """Who shows a token is judged by the token."""
    await log_in(visitor)
    for value in ("Bearer x", "Bearer", "bearer pantau_0123456789abcdef_x"):
        answer = await visitor.get("/api/v1/devices", headers={"authorization": value})
        assert answer.status_code == 401


async def test_an_unreadable_file_of_accounts_keeps_the_door_shut(guarded: World, visitor: httpx.AsyncClient):
    """Where accounts cannot be read nobody is let in; it is logged once, and once when it is over."""
    await log_in(visitor)
    path = guarded.web.access_path
    content = path.read_bytes()
    aside = path.with_suffix(".aside")
    path.rename(aside)
    path.write_bytes(b"no database " * 1000)
    with capture_logs() as logs:
        for _ in range(2):
            answer = await visitor.get("/")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert (await visitor.get("/api/v1/devices")).status_code == 503
        assert (await visitor.get("/static/style.css")).status_code == 200
        path.unlink()
        aside.rename(path)
        assert (await visitor.get("/")).status_code == 200
    assert content
    assert [log["event"] for log in logs] == ["portal.accounts_not_readable", "portal.accounts_readable"]


async def test_the_first_account_closes_an_open_portal(world: World):
    """On loopback the portal is open until somebody makes an account, and asks from the next request on."""
    async with served.running(world) as url, served.browser(url) as client:
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/login")).headers["location"] == "/"
        assert (await client.get("/access")).status_code == 403
        assert (await client.post("/logout", data={"csrf": "x"})).status_code == 403
        served.with_people(world)
        assert (await client.get("/")).status_code == 303


async def test_the_login_page_in_english(visitor: httpx.AsyncClient):
    """The language switch keeps where one wanted to go."""
    page = await visitor.get("/login", params={"next": "/devices/klaten-1", "lang": "en"})
    assert "<h1>Log in</h1>" in page.text
    assert 'href="?next=%2Fdevices%2Fklaten-1&amp;lang=id"' in page.text
    assert "<script" not in page.text
    assert "http-equiv" not in page.text  # a page that reloads itself would take away what was typed
